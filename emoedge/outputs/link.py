"""The connection to the broker: one thread that connects, reconnects, and asks its user what to send.

paho is driven through its external-loop interface, so that nobody else ever touches the socket: other
threads only `wake()` the link. At most one unsent message lies in paho; a broker that stops reading costs
no memory.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion

from emoedge.ops.backoff import Backoff
from emoedge.outputs.client import WINDOW, connect, make_client, publish
from emoedge.outputs.endpoint import from_disconnect, from_error, from_limits, from_reason, from_silence
from emoedge.outputs.subscriptions import Subscriptions
from emoedge.outputs.tls import last_alert

if TYPE_CHECKING:
    from paho.mqtt import client as paho

    from emoedge.outputs.endpoint import Endpoint, Refusal
    from emoedge.outputs.link_user import LinkUser
    from emoedge.outputs.message import Message

log = logging.getLogger(__name__)

CONNACK_TIMEOUT = 10.0
"""Seconds until a broker that took the connection must have answered."""

MOST = 2**28
"""Bytes of a packet that MQTT allows."""

REFUSED_WAIT = 60.0
"""Seconds between attempts after a refusal that only a person can cure."""

STABLE = 5.0
"""Seconds that a connection must have lasted for the next attempt to come soon again."""

FEW = 3
"""Connections in a row that did not last, after which a second client of the same id is suspected."""

GARBLED = " (protocol error)"
"""How paho names an answer that MQTT 5 has not, as Mosquitto's to a message above its message_size_limit."""

EXPIRED = " (not authorized)"
"""How paho names the end of a login that has run out; a new one may lie there already. Also that of whoever uses a
topic that is denied, which comes at once."""

QUOTA = "Quota exceeded"
"""Reason in a PUBACK of a broker that limits messages a second, such as EMQX: the same message is welcome later."""

FAREWELL = 0.25
"""Seconds of those for the end that are kept for its last word."""

IDLE_WAIT = 1.0
"""Seconds at most between two looks at keepalive and stop."""


class Link:
    """Keeps one broker connection alive until it is stopped; never raises, never blocks a caller."""

    def __init__(
        self,
        endpoint: Endpoint,
        user: LinkUser,
        *,
        will: Message,
        backoff: Backoff | None = None,
        refused_wait: float = REFUSED_WAIT,
        mqtt5: bool = True,
    ) -> None:
        self._endpoint = endpoint
        self._user = user
        self._will = will
        self._backoff = backoff or Backoff(jitter=0.5)
        self._refused = Backoff(refused_wait, refused_wait, jitter=0.2)
        self._first_version = MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311
        self._version = self._first_version
        self._inflight: dict[int, Message] = {}
        self._parting: Message | None = None
        self._unsaid = False
        """Whether the broker has refused the farewell."""
        self._window = WINDOW
        self._largest = MOST
        self._up = threading.Event()
        self._up_since = 0.0
        self._short_lived = 0
        self._stop = threading.Event()
        self._deadline = 0.0
        self._turned = 0.0
        self._farewell: Message | None = None
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.settimeout(0)
        self._wake_out.settimeout(0)
        self._thread: threading.Thread | None = None
        self._problem: str | None = "not yet connected"
        self._said: str | None = None
        self._refusal: Refusal | None = None
        self._reason = ""
        """Why the broker ended the last connection, as it is appended to a line; empty where it did not say."""
        self._subscriptions = Subscriptions()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and the connection stands."""
        return self._up.is_set()

    @property
    def problem(self) -> str | None:
        """Why there is no connection, one line."""
        return self._problem

    @property
    def standstill(self) -> float:
        """Seconds since the connection was last served, 0 without one; infinite where the thread has died."""
        if self._thread is not None and not self._thread.is_alive() and not self._stop.is_set():
            return float("inf")
        return time.monotonic() - self._turned if self.connected else 0.0

    def wait_connected(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for a connection."""
        return self._up.wait(timeout)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that `next_message` has something; callable from any thread, never waits."""
        try:
            self._wake_out.send(b"\0")
        except (BlockingIOError, OSError):
            return  # full: the link is awake already; closed: it has ended

    def stop(self, farewell: Message, timeout: float) -> None:
        """Deliver what can be within `timeout` seconds, then `farewell`, and disconnect."""
        self._farewell = farewell
        self._deadline = time.monotonic() + timeout
        self._stop.set()
        self.wake()
        if self._thread is not None:
            # A thread caught in a name lookup cannot be interrupted; it is a daemon and holds nothing.
            self._thread.join(timeout + 0.2)

    # Everything below runs in the link's own thread.

    def _run(self) -> None:
        while not self._stop.is_set():
            wait = 0.0
            try:
                wait = self._session()
            except Exception:  # the daemon must outlive a defect in here; it is logged with its traceback
                log.exception("mqtt: unexpected error")
                self._ended()
                wait = self._refused.next()
            self._stop.wait(wait)
        self._wake_in.close()
        self._wake_out.close()

    def _session(self) -> float:
        """One connection from first to last byte; returns the seconds to wait before the next one."""
        self._refusal = None
        # What was renewed on disk holds from the next attempt: a device that is shut out cannot be told to reload.
        self._endpoint = self._endpoint.renewed()
        client = self._make_client()
        try:
            connect(client, self._endpoint, self._version)
        except (OSError, ValueError) as error:
            self._refusal = from_error(error, tls=self._endpoint.tls is not None)
        else:
            if self._converse(client):
                return self._lost()
            if self._refusal is None and self._version == MQTTProtocolVersion.MQTTv5:
                # A broker that does not speak MQTT 5 says so, hangs up, or waits for more; 3.1.1 comes next.
                self._version = MQTTProtocolVersion.MQTTv311
                return 0.0
        self._version = self._first_version
        refusal = self._refusal or from_silence(tls=self._endpoint.tls is not None)
        self._problem = refusal.text
        self._say(logging.WARNING, f"{refusal.text}; retrying{' slowly' if refusal.lasting else ''}")
        return self._refused.next() if refusal.lasting else self._backoff.next()

    def _lost(self) -> float:
        # The broker may come back as another version; a hang-up in its start must not pin 3.1.1 for ever.
        garbled = self._reason == GARBLED and self._version == MQTTProtocolVersion.MQTTv5
        self._version = MQTTProtocolVersion.MQTTv311 if garbled else self._first_version
        if self._stop.is_set():
            return 0.0
        if garbled:
            self._problem = "cannot be understood in MQTT 5 (in Mosquitto, is message_size_limit too low?)"
        lasted = self._lasts()
        if not lasted:
            self._short_lived += 1
        if self._short_lived == FEW and self._refusal is None:
            why = self._reason or ": is the same device.id used twice?"
            self._problem = f"accepts and drops us again and again{why}"
        if self._short_lived <= FEW:
            self._say(logging.WARNING, f"{self._problem}; reconnecting")
        soon = self._refusal is None or (lasted and self._reason == EXPIRED)
        return self._backoff.next() if soon else self._refused.next()

    def _lasts(self) -> bool:
        """Whether the connection has stood long enough for the next attempt to come soon; said once, if in doubt."""
        if time.monotonic() - self._up_since < STABLE:
            return False
        if self._short_lived >= FEW and self.connected:
            self._say_connected()
        self._backoff.reset()
        self._short_lived = 0
        return True

    def _make_client(self) -> paho.Client:
        client = make_client(self._endpoint, self._will, self._version)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _converse(self, client: paho.Client) -> bool:
        """Serve the socket until it closes; True if the broker had accepted us."""
        sock: Any = client.socket()
        answer_by = time.monotonic() + CONNACK_TIMEOUT
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_in, selectors.EVENT_READ)
            if sock is not None:
                selector.register(sock, selectors.EVENT_READ)
            while client.socket() is not None:
                self._turned = time.monotonic()
                writing = selectors.EVENT_WRITE if client.want_write() else 0
                selector.modify(sock, selectors.EVENT_READ | writing)
                self._exchange(client, sock, selector)
                if self.connected:
                    self._lasts()
                    if self._farewell is not None or not self._stop.is_set():  # nothing comes after the farewell
                        self._send(client)
                elif self._refusal is not None or time.monotonic() > answer_by:
                    break
                if self._stop.is_set() and self._may_leave(client):
                    break
        client.on_disconnect = None
        if not self._unsaid:  # else the line is cut, and the broker tells our will
            client.disconnect()
        if sock is not None:
            sock.close()
        was_up = self.connected
        if not was_up and (alert := last_alert(self._endpoint.tls)) is not None:
            self._refusal = from_error(alert)
        self._ended()
        return was_up

    def _exchange(self, client: paho.Client, sock: Any, selector: selectors.BaseSelector) -> None:
        timeout = min(IDLE_WAIT, self._user.next_due()) if self.connected and not client.want_write() else IDLE_WAIT
        if self._stop.is_set():
            kept = 0.0 if self._farewell is None else FAREWELL
            timeout = min(timeout, self._deadline - kept - time.monotonic())
        for key, mask in selector.select(max(timeout, 0.0)):
            if key.fileobj is self._wake_in:
                self._swallow_wakes()
                continue
            if mask & selectors.EVENT_READ and client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS:
                # What TLS has already decrypted is invisible to select.
                while client.socket() is not None and getattr(sock, "pending", int)() > 0:
                    client.loop_read()
            if mask & selectors.EVENT_WRITE and client.socket() is not None:
                client.loop_write()
        if client.socket() is not None:
            client.loop_misc()

    def _send(self, client: paho.Client) -> None:
        while client.socket() is not None and not client.want_write():
            message = self._user.next_message(may_qos1=len(self._inflight) < self._window)
            if message is None:
                return
            if message.size <= self._largest:
                self._publish(client, message)
            else:
                self._user.delivered(message, accepted=False)

    def _publish(self, client: paho.Client, message: Message) -> None:
        number = publish(client, message, self._version)
        if message.qos:
            self._inflight[number] = message

    def _may_leave(self, client: paho.Client) -> bool:
        """Whether it is time to go: all is delivered and the farewell acknowledged, or time is up."""
        now = time.monotonic()
        if now >= self._deadline:
            if self.connected and self._farewell is not None:
                self._part(client, self._farewell)
            return True
        if not self.connected:
            return self._user.drained()
        if self._farewell is None:
            return not self._inflight
        if (self._user.drained() and not client.want_write()) or now >= self._deadline - FAREWELL:
            self._part(client, self._farewell)
        return False

    def _part(self, client: paho.Client, farewell: Message) -> None:
        self._publish(client, farewell)
        self._parting, self._farewell = farewell, None

    def _ended(self) -> None:
        self._up.clear()
        self._inflight.clear()
        self._user.disconnected()

    def _swallow_wakes(self) -> None:
        try:
            while self._wake_in.recv(4096):
                pass
        except BlockingIOError:
            return

    def _say(self, level: int, text: str) -> None:
        """One line per change of state; the same text again is not repeated."""
        if text != self._said:
            log.log(level, "mqtt broker %s: %s", self._endpoint.address, text)
            self._said = text

    def _say_connected(self) -> None:
        name = "MQTT 5" if self._version == MQTTProtocolVersion.MQTTv5 else "MQTT 3.1.1"
        self._say(logging.INFO, f"connected ({name})")

    # paho's callbacks.

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            if reason.getName() != "Unsupported protocol version":
                self._refusal = from_reason(reason, self._endpoint.username)
            return
        self._refusal = from_limits(properties)
        if self._refusal is not None:
            return
        self._window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        self._largest = getattr(properties, "MaximumPacketSize", MOST)
        self._problem = None
        self._up_since = time.monotonic()
        topics = self._user.connected()
        self._up.set()
        if self._short_lived < FEW:
            self._say_connected()
        self._subscriptions.ask(client, topics)

    def _on_subscribe(self, _client: paho.Client, _data: Any, mid: int, reasons: list[Any], _properties: Any) -> None:
        self._subscriptions.answered(mid, reasons[0])

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not self.connected:
            return
        name = reason.getName()
        self._refusal = from_disconnect(reason)
        self._reason = "" if name in ("Unspecified error", "Normal disconnection") else f" ({name.lower()})"
        self._problem = self._refusal.text if self._refusal else f"connection lost{self._reason}"

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        message = self._inflight.pop(mid, None)
        if message is None:
            return
        if message is self._parting:
            self._unsaid = reason.is_failure
        elif reason.getName() == QUOTA:
            self._user.put_off(message)
        else:
            self._user.delivered(message, accepted=not reason.is_failure)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._user.received(message.topic, bytes(message.payload), retained=message.retain)
