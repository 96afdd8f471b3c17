"""The page on HTTP: one HTML file, JPEG pictures and Server-Sent Events, by the standard library."""

from __future__ import annotations

import json
import logging
import secrets
import socket
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from emoedge.emotions import CANONICAL
from emoedge.view.drawing import COLOURS
from emoedge.view.guard import host_allowed, is_loopback, origin_allowed, token_right
from emoedge.view.timeline import BRIEF, HOLE, SPAN, STEP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emoedge.view.screen import Screen

log = logging.getLogger(__name__)

WAIT = 5.0
"""Seconds that a request waits for something new before it is told that there is nothing."""

PACE = 0.1
"""Seconds between two events to one viewer."""

SILENCE = 30.0
"""Seconds without progress after which a connection is closed."""

MOST = 32
"""Connections at once; each holds a thread."""

START = -1e9
"""Seconds: earlier than any point of the timeline."""


class PageServer(ThreadingHTTPServer):
    """Serves one screen. `token` None: whoever reaches the address may look. `about`: facts for the page.

    Raises OSError where address and port cannot be had.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = MOST

    def __init__(
        self, screen: Screen, *, listen: str, port: int, token: str | None, about: Mapping[str, object]
    ) -> None:
        self.screen = screen
        self.listen = listen
        self.token = token
        self.page = _page(about)
        self.address_family = socket.AF_INET6 if ":" in listen else socket.AF_INET
        self._places = threading.BoundedSemaphore(MOST)
        super().__init__((listen, port), _Handler)

    @property
    def url(self) -> str:
        """Where the page is, token included."""
        host = _reachable(self.listen)
        shown = f"[{host}]" if ":" in host else host
        query = "" if self.token is None else f"?token={self.token}"
        return f"http://{shown}:{self.server_address[1]}/{query}"

    def server_bind(self) -> None:
        """Take the address; the base also asks the network for its name, which may wait long and nobody needs."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or close it where there are too many."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer in that thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base's signature
        """A viewer who leaves amid an answer is no error."""
        log.debug("%s: the connection broke: %s", client_address[0], sys.exception())


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and nothing else."""

    protocol_version = "HTTP/1.1"
    server_version = "emoedge"
    sys_version = ""
    timeout = SILENCE
    server: PageServer

    def do_GET(self) -> None:
        """Answer, unless the request is not ours to answer."""
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if not host_allowed(self.headers.get("Host"), self.server.listen):
            self._refuse("this name is not mine: open the address that `emoedge view` printed")
        elif not token_right(query.get("token", [None])[0], self.server.token):
            self._refuse("wrong or missing token: open the address that `emoedge view` printed")
        elif parts.path == "/":
            nonce = secrets.token_urlsafe(12)
            self._policy = _policy(nonce)
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page.replace("@NONCE@", nonce).encode())
        elif parts.path not in {"/frame.jpg", "/state.json", "/events"}:
            self._send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"no such page\n")
        elif not origin_allowed(self.headers.get("Sec-Fetch-Site")):
            self._refuse("another site's page asks for this")
        elif parts.path == "/frame.jpg":
            self._picture(_number(query))
        elif parts.path == "/state.json":
            self._state()
        else:
            self._events()

    _policy = "default-src 'none'; frame-ancestors 'none'"

    def _picture(self, after: int) -> None:
        found = self.server.screen.picture(after, WAIT)
        if found is None:
            self._send(HTTPStatus.NO_CONTENT, None, b"")
            return
        self._send(HTTPStatus.OK, "image/jpeg", found[1], {"X-Number": str(found[0])})

    def _state(self) -> None:
        found = self.server.screen.state(0, START, WAIT)
        state = {} if found is None else {**found[1], "points": found[2]}
        self._send(HTTPStatus.OK, "application/json", _json(state))

    def _events(self) -> None:
        """Every new state with the points since the last one, until the viewer or the show leaves."""
        self.close_connection = True
        self._head(HTTPStatus.OK, {"Content-Type": "text/event-stream", "Connection": "close"})
        screen, number, since = self.server.screen, 0, START
        pause = threading.Event()
        while not screen.closed:
            found = screen.state(number, since, WAIT)
            if found is None:
                self.wfile.write(b": nothing new\n\n")
                continue
            number, state, points = found
            since = points[-1].at if points else since
            self.wfile.write(b"data: " + _json({**state, "points": points}) + b"\n\n")
            pause.wait(PACE)

    def _refuse(self, why: str) -> None:
        self.close_connection = True
        self._send(HTTPStatus.FORBIDDEN, "text/plain; charset=utf-8", f"{why}\n".encode())

    def _send(self, status: HTTPStatus, kind: str | None, body: bytes, more: Mapping[str, str] | None = None) -> None:
        headers = dict(more or {})
        if kind is not None:
            headers["Content-Type"] = kind
            headers["Content-Length"] = str(len(body))
        self._head(status, headers)
        self.wfile.write(body)

    def _head(self, status: HTTPStatus, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {
            **headers,
            "Cache-Control": "no-store",
            "Content-Security-Policy": self._policy,
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """To the log, where it is asked for, and without the token."""
        log.debug("%s: %s", self.client_address[0], (format % args).replace(self.server.token or "\n", "..."))


def new_token() -> str:
    """128 bits that nobody guesses."""
    return secrets.token_urlsafe(16)


def token_for(listen: str) -> str | None:
    """A new token where others than this machine can reach the address."""
    return None if is_loopback(listen) else new_token()


def _page(about: Mapping[str, object]) -> str:
    text = (resources.files("emoedge") / "view" / "page.html").read_text(encoding="utf-8")
    times = {"span": SPAN, "step": STEP, "brief": BRIEF, "hole": HOLE}
    facts = {"labels": CANONICAL, "colours": dict(COLOURS), **times, **about}
    return text.replace("@FACTS@", json.dumps(facts).replace("<", "\\u003c"))


def _policy(nonce: str) -> str:
    """Content-Security-Policy: the page's own script and style, its own server, nothing else."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _json(value: object) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def _number(query: Mapping[str, list[str]]) -> int:
    text = query.get("after", ["0"])[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _reachable(listen: str) -> str:
    """An address that others can type for a server that listens on all of them."""
    if listen not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return listen
    family, far = (socket.AF_INET, "192.0.2.1") if listen != "::" else (socket.AF_INET6, "2001:db8::1")
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((far, 9))  # sends nothing: only the route is looked up
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
