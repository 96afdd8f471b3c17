"""Hears a fleet through a broker that may come and go: connects, subscribes, and tries again for ever."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from emoedge.ops.backoff import Backoff
from emoedge.outputs.endpoint import Refusal, from_error, from_reason, from_silence
from emoedge.outputs.subscriber import Message
from emoedge.outputs.tls import last_alert

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from emoedge.outputs.endpoint import Endpoint

CONNECT_TIMEOUT = 5.0
"""Seconds for TCP and TLS."""

ANSWER_TIMEOUT = 10.0
"""Seconds until a broker that took the connection must have answered."""

REFUSED_WAIT = 15.0
"""Seconds between attempts after a refusal that only a person can cure, who may be doing so now."""

STEP = 0.2
"""Seconds between two looks at whether to stop."""

CAPACITY = 100_000
"""Messages kept for a slow reader: twice what 10,000 devices retain. The oldest go first beyond it."""

CONNECTING = "connecting"
"""The problem of one who has not yet been answered."""

TOPICS = ("status", "emotion", "event", "health", "sensor/+/status")
"""What is listened to below each device."""


class Reception:
    """Context manager: hears every message of `device` below `base`, of all devices where it is None."""

    def __init__(self, endpoint: Endpoint, base: str, device: str | None, *, backoff: Backoff | None = None) -> None:
        self._endpoint = endpoint
        self._patterns = [(f"{base}/{device or '+'}/{name}", 1) for name in TOPICS]
        self._backoff = backoff or Backoff(1.0, 30.0, 0.3)
        self._messages: queue.Queue[Message] = queue.Queue(CAPACITY)
        self._stop = threading.Event()
        self._problem: str | None = CONNECTING
        self._refusal: Refusal | None = None
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.skipped = 0
        """Messages that the reader was too slow for."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(2 * STEP)  # a thread caught in a name lookup is a daemon and holds nothing

    @property
    def problem(self) -> str | None:
        """Why the fleet is not heard, one line; None while it is."""
        return self._problem

    def take(self, timeout: float) -> Message | None:
        """Oldest message not yet taken, waiting up to `timeout` seconds."""
        try:
            return self._messages.get(timeout=timeout) if timeout > 0 else self._messages.get_nowait()
        except queue.Empty:
            return None

    # Everything below runs in the thread.

    def _run(self) -> None:
        while not self._stop.is_set():
            self._refusal = None
            client = self._client()
            try:
                client.connect(self._endpoint.host, self._endpoint.port, self._endpoint.keepalive)
            except (OSError, ValueError) as error:
                self._refusal = from_error(error, tls=self._endpoint.tls is not None)
            else:
                self._listen(client)
                # On a connection that was heard, an alert is the way in which it was lost.
                if self._problem is not None and (alert := last_alert(self._endpoint.tls)) is not None:
                    self._refusal = from_error(alert)
            refusal = self._refusal or Refusal("the connection was lost")
            if self._problem in {None, CONNECTING} or self._refusal is not None:
                self._problem = refusal.text
            self._stop.wait(REFUSED_WAIT if refusal.lasting else self._backoff.next())

    def _client(self) -> paho.Client:
        # Every broker speaks 3.1.1, and nothing that is new in 5 is of use here.
        client = paho.Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311, reconnect_on_failure=False
        )
        client.connect_timeout = CONNECT_TIMEOUT
        if self._endpoint.username is not None:
            client.username_pw_set(self._endpoint.username, self._endpoint.password)
        if self._endpoint.tls is not None:
            client.tls_set_context(self._endpoint.tls)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _listen(self, client: paho.Client) -> None:
        """Serve one connection until it ends."""
        answer_by = time.monotonic() + ANSWER_TIMEOUT
        while not self._stop.is_set() and client.loop(STEP) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            if self._refusal is not None:
                break
            if not client.is_connected() and time.monotonic() > answer_by:
                self._refusal = from_silence(tls=self._endpoint.tls is not None)
                break
        client.disconnect()

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._refusal = from_reason(reason, self._endpoint.username)
        else:
            client.subscribe(self._patterns)

    def _on_subscribe(self, _client: paho.Client, _data: Any, _mid: int, reasons: Sequence[Any], _more: Any) -> None:
        if all(reason.is_failure for reason in reasons):
            self._refusal = Refusal(f"refused the subscription to {self._patterns[0][0]}", lasting=True)
            return
        self._backoff.reset()
        self._problem = None

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        arrived = Message(message.topic, bytes(message.payload), message.retain)
        while True:
            try:
                self._messages.put_nowait(arrived)
            except queue.Full:
                self.skipped += self.take(0) is not None
            else:
                return
