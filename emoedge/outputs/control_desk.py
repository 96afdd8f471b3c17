"""Obeys what arrives on `control/<key>/set` and `request/<command>`, and answers it."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from emoedge.errors import EmoedgeError
from emoedge.outputs import payloads
from emoedge.outputs.commands import (
    COMMANDS,
    CONTROLS,
    RefusedError,
    Request,
    check_control,
    read_control,
    read_request,
)
from emoedge.outputs.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from emoedge.outputs.board import Board
    from emoedge.outputs.control_values import ControlValues
    from emoedge.outputs.stamp import Stamp
    from emoedge.outputs.topics import Topics

log = logging.getLogger(__name__)

MAX_REQUESTS = 16
"""Requests that wait for their turn; more are refused as busy."""

ANEW = ("reload", "restart")
"""Requests after which the daemon begins anew, where its settings let it: a service that refuses them stays down."""


class ControlPanel(Protocol):
    """What the daemon lets others do. Called from threads of the outputs; returns within seconds."""

    def pause(self, *, paused: bool) -> None:
        """Close camera and microphone, or open them again."""
        ...

    def health_check(self) -> Mapping[str, object]:
        """How the daemon fares now: HealthReport.as_dict()."""
        ...

    def check_settings(self) -> None:
        """Read the configuration anew, as a restart would; raises ConfigError, ModelError where that is wrong."""
        ...

    def restart(self) -> None:
        """End in good order and start anew; returns before that happens."""
        ...

    def snapshot_config(self) -> Mapping[str, object]:
        """The configuration in force, without logins: about.config_snapshot()."""
        ...


class ControlDesk:
    """Keeps the controls and runs the requests, one at a time, in a thread of its own.

    `discreet`: scores of single people are never switched on.
    """

    def __init__(
        self,
        *,
        topics: Topics,
        stamp: Stamp,
        board: Board,
        values: ControlValues,
        raw_timeout: float,
        wake: Callable[[], None],
        options: Callable[[], Mapping[str, object]] = dict,
        discreet: bool = False,
    ) -> None:
        self._topics = topics
        self._stamp = stamp
        self._board = board
        self._values = values
        self._raw_timeout = raw_timeout
        self._raw_until = float("inf")
        self._wake = wake
        self._options = options
        self._discreet = discreet
        self._panel: ControlPanel | None = None
        self._sets = {topics.control_set(key): key for key in CONTROLS}
        self._asks = {topics.request(command): command for command in COMMANDS}
        self._setting = threading.Lock()
        self._complained: set[str] = set()
        self._requests: queue.Queue[Request | None] = queue.Queue(MAX_REQUESTS)
        self._thread: threading.Thread | None = None

    @property
    def topics(self) -> Sequence[str]:
        """Exactly what is subscribed to: no wildcard, so that nothing of one's own comes back."""
        return (*self._sets, *self._asks)

    @property
    def raw(self) -> bool:
        """Whether raw scores are asked for."""
        return self._values["raw"] is True

    @property
    def kept(self) -> str:
        """What a restart is to keep of them, as text."""
        return self._values.kept

    def attach(self, panel: ControlPanel) -> None:
        """Name who obeys; `paused` of an earlier run takes effect at once."""
        self._panel = panel
        if self._values.paused:
            panel.pause(paused=True)

    def start(self) -> None:
        """Tell the values, put a log level of an earlier run in force, begin to answer requests."""
        for key in CONTROLS:
            self._show(key)
        if self._values.given("log_level"):
            self._set_log_level()
        self._thread = threading.Thread(target=self._run, name="requests", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer nothing more; a request that runs is not waited for."""
        try:
            self._requests.put_nowait(None)
        except queue.Full:
            return  # the thread is a daemon and ends with the process

    def due(self, now: float) -> float:
        """Seconds until `tick` has something to do."""
        return max(0.0, self._raw_until - now) if self.raw else float("inf")

    def tick(self, now: float) -> None:
        """Switch raw scores off when their time is over."""
        if self.raw and now >= self._raw_until:
            log.info("control: raw is off again after %g s", self._raw_timeout)
            self._set("raw", value=False)

    def handle(self, topic: str, body: bytes, *, retained: bool) -> bool:
        """Obey a message, from the link's thread; False if the topic is not one of ours."""
        key, command = self._sets.get(topic), self._asks.get(topic)
        if key is None and command is None:
            return False
        if retained:
            # It would be obeyed again on every connect: a retained `restart` would never let us run.
            self._complain(topic, "a retained command is not obeyed; publish it without retain")
            return True
        try:
            if key is not None:
                self._set(key, value=self._allowed(key, read_control(key, body)))
            elif command is not None:
                self._queue(read_request(command, body))
            self._complained.discard(topic)
        except RefusedError as error:
            self._complain(topic, str(error))
            if key is not None:
                self._show(key)  # so that a switch elsewhere falls back
            elif command is not None:
                self._answer(Request(command, None), error=str(error))
        return True

    def _queue(self, request: Request) -> None:
        try:
            self._requests.put_nowait(request)
        except queue.Full:
            self._answer(request, error="busy")

    def _allowed(self, key: str, value: bool | str) -> bool | str:  # noqa: FBT001 - the value of any control
        if key == "raw" and value is True and self._discreet:
            raise RefusedError("aggregates.only: scores of single people do not leave this device")
        return value

    def _set(self, key: str, *, value: bool | str) -> None:
        with self._setting:  # two at once, by a topic and by a request: what is shown and obeyed is what came last
            changed = self._values.set(key, value=value)
            if key == "raw":
                self._raw_until = time.monotonic() + self._raw_timeout
            if changed:
                log.info("control: %s is now %s", key, value)
                if key == "log_level":
                    self._set_log_level()
                elif key == "paused" and self._panel is not None:
                    self._panel.pause(paused=self._values.paused)
            self._show(key)

    def _set_log_level(self) -> None:
        logging.getLogger("emoedge").setLevel(str(self._values["log_level"]).upper())

    def _show(self, key: str) -> None:
        body = payloads.encode(payloads.control(self._stamp.envelope(f"control/{key}"), self._values[key]))
        self._board.pin(Message(self._topics.control(key), body, qos=1, retain=True))
        self._wake()

    def _complain(self, topic: str, text: str) -> None:
        if topic not in self._complained:
            self._complained.add(topic)
            log.warning("control: %s: %s", topic, text)

    def _answer(self, request: Request, *, data: object = None, error: str | None = None) -> None:
        envelope = self._stamp.envelope(f"response/{request.command}")
        body = payloads.response(envelope, transaction=request.transaction, data=data, error=error)
        self._board.note(Message(self._topics.response(request.command), payloads.encode(body), qos=1))
        self._wake()

    # The thread of the requests.

    def _run(self) -> None:
        while (request := self._requests.get()) is not None:
            try:
                data = self._obey(request)
            except (EmoedgeError, RefusedError) as error:
                self._answer(request, error=str(error))
            except Exception as error:  # a defect behind one request must not end the others
                log.exception("control: request/%s failed", request.command)
                self._answer(request, error=f"{type(error).__name__}: {error}")
            else:
                self._answer(request, data=data)
                if request.command in ANEW and self._panel is not None:
                    # After the answer: what is not on its way when the end begins is not waited for.
                    log.info("control: %s was asked for", request.command)
                    self._panel.restart()

    def _obey(self, request: Request) -> object:
        if request.command == "options":
            return self._set_options(request.value)
        if self._panel is None:
            raise RefusedError("not available in this command")
        if request.command == "health_check":
            return self._panel.health_check()
        if request.command == "snapshot_config":
            return self._panel.snapshot_config()
        if request.command in ANEW:
            self._check_settings(self._panel, request.command)
        return None

    @staticmethod
    def _check_settings(panel: ControlPanel, command: str) -> None:
        try:
            panel.check_settings()
        except EmoedgeError as error:
            # A button shows nobody the answer.
            log.warning("control: request/%s: refused, the daemon could not start again: %s", command, error)
            raise

    def _set_options(self, wanted: Any) -> dict[str, object]:
        """Set the controls that `wanted` names, all or none; answer what there is to set and its values."""
        if wanted is not None:
            if not isinstance(wanted, dict) or not set(wanted) <= set(CONTROLS):
                raise RefusedError(f"value: expected an object with members of {', '.join(CONTROLS)}")
            checked = {key: self._allowed(key, check_control(key, value)) for key, value in wanted.items()}
            for key, value in checked.items():
                self._set(key, value=value)
        controls = {
            key: {"value": value, "allowed": list(CONTROLS[key])} for key, value in self._values.as_dict().items()
        }
        return {"controls": controls, "commands": list(COMMANDS), **self._options()}
