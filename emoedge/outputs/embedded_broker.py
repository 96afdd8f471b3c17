"""An MQTT broker in this process, on a loopback port: for the demo on a machine without a broker.

It is amqtt, the extra `emoedge[demo]`; it speaks MQTT 3.1.1 only, keeps nothing and lets anybody on this
machine in. A device needs a real broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from typing import TYPE_CHECKING, Any, Self

from emoedge.errors import DeliveryError

if TYPE_CHECKING:
    from types import TracebackType

HOST = "127.0.0.1"
START_TIMEOUT = 10.0
"""Seconds; importing amqtt takes most of it on a small board."""
STOP_TIMEOUT = 3.0
"""Seconds; a session that does not end by then dies with the process."""
ATTEMPTS = 5
"""Between asking for a free port and listening on it, somebody else may take it."""


def free_port() -> int:
    """A loopback TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class EmbeddedBroker:
    """Context manager: listening while inside, on `HOST` and `port`.

    Raises DeliveryError on entry where amqtt is not installed or cannot listen.
    """

    def __init__(self) -> None:
        self.port = 0
        self._ready = threading.Event()
        self._problem: str | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="embedded-broker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT):
            raise DeliveryError(f"the embedded broker did not start within {START_TIMEOUT:.0f} s")
        if self._problem is not None:
            self._thread.join(STOP_TIMEOUT)
            raise DeliveryError(self._problem)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._end is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(STOP_TIMEOUT)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except ImportError as error:
            self._problem = (
                f"no embedded broker: {error}. Install it with `pip install 'emoedge[demo]'`, "
                "or name a broker of your own with --broker HOST"
            )
        except (OSError, RuntimeError) as error:
            self._problem = f"the embedded broker cannot run: {error}"
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        # It reports every connection, and each client that goes, as news; none of it is for the demo's reader.
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        from amqtt.broker import Broker  # noqa: PLC0415 - an extra, and slow to import
        from amqtt.errors import BrokerError  # noqa: PLC0415

        for attempt in range(1, ATTEMPTS + 1):
            self.port = free_port()
            broker = Broker(_config(self.port))
            try:
                await broker.start()
                break
            except BrokerError as error:
                if attempt == ATTEMPTS:
                    raise RuntimeError(str(error)) from error
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await self._end.wait()
        # Tasks of clients who are cut off end in errors that nobody waits for.
        self._loop.set_exception_handler(lambda _loop, _context: None)
        # A message that is still on its way to a client who left cancels amqtt's own shutdown.
        with contextlib.suppress(asyncio.CancelledError, TimeoutError, BrokerError):
            await asyncio.wait_for(broker.shutdown(), STOP_TIMEOUT - 1)


def _config(port: int) -> dict[str, Any]:
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
