"""Stage `broker`: name, TCP, TLS, login, and a message there and back."""

from __future__ import annotations

import os
import secrets
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

from emoedge.doctor.finding import failed, passed, warned
from emoedge.doctor.live import Live
from emoedge.doctor.unit import Variable, variable
from emoedge.errors import ConfigError
from emoedge.ops.credentials import CREDENTIAL, STORED, first_line, mqtt_password
from emoedge.ops.identity import default_device_id
from emoedge.outputs.endpoint import LOGIN_REFUSALS, from_error, from_limits
from emoedge.outputs.tls import last_alert, tls_context

if TYPE_CHECKING:
    from paho.mqtt import client as paho
    from paho.mqtt.enums import MQTTProtocolVersion

    from emoedge.config import Config
    from emoedge.config.outputs import MqttConfig
    from emoedge.doctor.finding import Finding
    from emoedge.outputs.endpoint import Refusal

STAGE = "broker"
TIMEOUT = 5.0
"""Seconds for each step."""
UNAVAILABLE = 69


def check(config: Config, service: Live = Live()) -> list[Finding]:  # noqa: B008 - frozen
    """Step by step; the first step that fails is the last. `service`: the running daemon, where there is one."""
    mqtt = config.mqtt
    if mqtt.host == "none":
        return [passed(STAGE, "none configured")]
    found, reached = _network(mqtt)
    if not reached:
        return found
    if (withheld := _withheld(mqtt, service)) is not None:
        return [*found, withheld]
    try:
        password = _password(mqtt)
    except ConfigError as error:
        return [*found, failed(STAGE, str(error), "put the password where the config says", 78)]
    return [*found, *_Conversation(config, password).hold()]


def _withheld(mqtt: MqttConfig, service: Live) -> Finding | None:
    """What is to be said where mqtt.password_env is not set here: the service's environment is another one."""
    name = mqtt.password_env
    if name is None or mqtt.password is not None or mqtt.password_file is not None or os.environ.get(name):
        return None
    said, there = f"mqtt.password_env: {name}", variable(name)
    untried = f"login not tried; to try it from here, set {name} in this shell"
    if there is Variable.SET:
        return warned(STAGE, f"{said}: set by the unit for the service, not here", untried)
    if there is Variable.HIDDEN:
        text = f"{said}: not set here; this user cannot see whether the unit sets it"
        return warned(STAGE, text, f"{untried}; `sudo emoedge doctor` may see whether it does")
    if service.report is not None:
        return warned(STAGE, f"{said}: not set here; the daemon that runs got it from whoever started it", untried)
    if there is Variable.UNSET:
        remedy = "name a file that sets it by EnvironmentFile= in `systemctl edit emoedge`, see docs/service.md"
        return failed(STAGE, f"{said}: set neither here nor by the unit", remedy, 78)
    remedy = "set it where emoedge is started"
    return failed(STAGE, f"{said}: not set here, and no unit is installed that could set it", remedy, 78)


def _password(mqtt: MqttConfig) -> str | None:
    """As the service gets it; its credential may be readable for root only."""
    password = mqtt_password(mqtt)
    if password is None and mqtt.username and "CREDENTIALS_DIRECTORY" not in os.environ and os.access(STORED, os.R_OK):
        return first_line(STORED, f"credential {CREDENTIAL}")
    return password


def _network(mqtt: MqttConfig) -> tuple[list[Finding], bool]:
    """Name, TCP and TLS; whether all of them worked."""
    address = f"{mqtt.host}:{mqtt.port}"
    try:
        where = socket.getaddrinfo(mqtt.host, mqtt.port, type=socket.SOCK_STREAM)[0][4][0]
    except OSError:
        remedy = "check mqtt.host; try its IP address, or install avahi-daemon for names in .local"
        return [failed(STAGE, f"{mqtt.host}: no such host name", remedy, UNAVAILABLE)], False
    said = f"{address} reached" + (f" at {where}" if where != mqtt.host else "")
    try:
        context = tls_context(mqtt)
    except ConfigError as error:
        return [failed(STAGE, str(error), "name files that are there", 78)], False
    try:
        with socket.create_connection((mqtt.host, mqtt.port), TIMEOUT) as plain:
            if context is None:
                return [passed(STAGE, said)], True
            with context.wrap_socket(plain, server_hostname=mqtt.host) as secured:
                return [passed(STAGE, f"{said}, {secured.version()}")], True
    except OSError as error:
        remedy = "see mqtt.ca and mqtt.server_name" if isinstance(error, ssl.SSLError) else (
            "is the broker running, does it listen on that address, does a firewall stand between?"
        )  # fmt: skip
        refusal = from_error(error, tls=context is not None)
        return [failed(STAGE, f"{address}: {refusal.text}", remedy, UNAVAILABLE)], False


class _Conversation:
    """Logs in beside the service, under another client id, and waits for a message of its own."""

    def __init__(self, config: Config, password: str | None) -> None:
        self._mqtt = config.mqtt
        self._password = password
        self._body = secrets.token_hex(8).encode()
        device = config.device.id or default_device_id()
        self._topic = f"{config.mqtt.base}/{device}/doctor"
        self._answered = threading.Event()
        self._returned = threading.Event()
        self._refused: str | None = None

    def hold(self) -> list[Finding]:
        """Login, publish and read back."""
        from paho.mqtt.enums import MQTTProtocolVersion  # noqa: PLC0415 - only here

        context = tls_context(self._mqtt)
        client = self._client(MQTTProtocolVersion.MQTTv311, context)
        client.on_connect, client.on_subscribe = self._on_connect, self._on_subscribe
        client.on_message = self._on_message
        try:
            client.connect(self._mqtt.host, self._mqtt.port, 15)
            client.loop_start()
            return self._judge(context)
        except OSError as error:
            return [failed(STAGE, from_error(error).text, "see the broker's log", UNAVAILABLE)]
        finally:
            client.disconnect()
            client.loop_stop()

    def _client(self, version: MQTTProtocolVersion, context: ssl.SSLContext | None) -> paho.Client:
        from paho.mqtt import client as paho  # noqa: PLC0415 - only here
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"emoedge-doctor-{secrets.token_hex(4)}", protocol=version,
            reconnect_on_failure=False,
        )  # fmt: skip
        client.connect_timeout = TIMEOUT
        if self._mqtt.username is not None:
            client.username_pw_set(self._mqtt.username, self._password)
        if context is not None:
            client.tls_set_context(context)
        return client

    def _lacking(self, context: ssl.SSLContext | None) -> Refusal | None:
        """What the broker denies the service; only MQTT 5, which that speaks first, has words for it."""
        from paho.mqtt.enums import MQTTProtocolVersion  # noqa: PLC0415 - only here

        client, answered, found = self._client(MQTTProtocolVersion.MQTTv5, context), threading.Event(), []

        def greeted(_client: Any, _data: Any, _flags: Any, _reason: Any, properties: Any) -> None:
            found.append(from_limits(properties))
            answered.set()

        client.on_connect, client.on_disconnect = greeted, lambda *_: answered.set()
        try:
            client.connect(self._mqtt.host, self._mqtt.port, 15)
            client.loop_start()
            answered.wait(TIMEOUT)
        except OSError:
            return None
        finally:
            client.disconnect()
            client.loop_stop()
        return found[0] if found else None

    def _judge(self, context: ssl.SSLContext | None) -> list[Finding]:
        who = f"user {self._mqtt.username}" if self._mqtt.username else "anonymous"
        if not self._answered.wait(TIMEOUT):
            if (alert := last_alert(context)) is not None:
                return [failed(STAGE, from_error(alert).text, "see mqtt.certificate and mqtt.key", UNAVAILABLE)]
            remedy = "is it an MQTT broker? WebSocket and TLS ports do not answer here"
            return [failed(STAGE, "takes the connection but does not answer", remedy, UNAVAILABLE)]
        if self._refused is not None:
            remedy = "see mqtt.username and its password, and the broker's log"
            if self._refused in LOGIN_REFUSALS and self._mqtt.username and self._password is None:
                remedy = f"no password was found; as root the doctor also reads {STORED}"
            return [failed(STAGE, f"login refused for {who}: {self._refused.lower()}", remedy, UNAVAILABLE)]
        found = [passed(STAGE, f"login accepted, {who}")]
        if (lacking := self._lacking(context)) is not None:
            return [*found, failed(STAGE, lacking.text, "change it in the broker's settings", UNAVAILABLE)]
        if self._returned.wait(TIMEOUT):
            return [*found, passed(STAGE, "a message came back")]
        remedy = f"let {who} read and write {self._topic} in the broker's access list"
        return [*found, warned(STAGE, "a message of our own did not come back", remedy)]

    def _on_connect(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._refused = reason.getName()
        else:
            client.subscribe(self._topic, 1)
        self._answered.set()

    def _on_subscribe(self, client: Any, _data: Any, _mid: Any, _reasons: Any, _properties: Any) -> None:
        client.publish(self._topic, self._body, 1)

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        if message.payload == self._body:
            self._returned.set()
