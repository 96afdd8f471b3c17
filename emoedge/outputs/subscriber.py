"""Listens to one device on a broker, as any other program would: for commands that show what arrives."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from emoedge.errors import DeliveryError
from emoedge.outputs.endpoint import from_error, from_reason

if TYPE_CHECKING:
    from types import TracebackType

ANSWER_TIMEOUT = 5.0
"""Seconds for the broker to take the connection, to greet, and to confirm the subscription, each."""

KEEPALIVE = 15
"""Seconds."""

CAPACITY = 1000
"""Messages kept for a slow reader; the oldest are dropped beyond it."""


class Message(NamedTuple):
    """What arrived."""

    topic: str
    payload: bytes
    retained: bool
    """It was said before this subscription began."""


class Subscriber:
    """Context manager: subscribed to `pattern` while inside.

    Raises DeliveryError on entry where the broker is unreachable, silent, or refuses. `username` and
    `password` as the broker wants them.
    """

    def __init__(self, host: str, port: int, pattern: str, *,
                 username: str | None = None, password: str | None = None) -> None:  # fmt: skip
        self._host, self._port, self._pattern = host, port, pattern
        self._username = username
        self._messages: queue.Queue[Message] = queue.Queue(CAPACITY)
        self._answered = threading.Event()
        self._problem: str | None = None
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        self._client.connect_timeout = ANSWER_TIMEOUT
        if username is not None:
            self._client.username_pw_set(username, password)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    @property
    def broker(self) -> str:
        """`host:port`, as it is written on the command line."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    def __enter__(self) -> Self:
        try:
            self._client.connect(self._host, self._port, KEEPALIVE)
        except (OSError, ValueError) as error:
            raise DeliveryError(f"broker {self.broker} cannot be reached: {from_error(error).text}") from error
        self._client.loop_start()
        if not self._answered.wait(2 * ANSWER_TIMEOUT):
            self._problem = "nothing there answers as an MQTT broker"
        if self._problem is not None:
            self._close()
            raise DeliveryError(f"broker {self.broker}: {self._problem}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def take(self, timeout: float) -> Message | None:
        """Oldest message not yet taken, waiting up to `timeout` seconds."""
        try:
            return self._messages.get(timeout=timeout)
        except queue.Empty:
            return None

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        return self._client.is_connected()

    def _close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._problem = from_reason(reason, self._username).text
            self._answered.set()
        else:
            client.subscribe(self._pattern, qos=1)

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[Any], _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._problem = f"refused the subscription to {self._pattern}"
        self._answered.set()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        arrived = Message(message.topic, bytes(message.payload), message.retain)
        while True:
            try:
                self._messages.put_nowait(arrived)
            except queue.Full:
                self.take(0)
            else:
                return
