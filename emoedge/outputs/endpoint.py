"""The broker as the link sees it: address, credentials, and what its refusals mean."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from emoedge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

CERTIFICATE_NAME_MISMATCH = (62, 63, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH, _EMAIL_, _IP_ADDRESS_: OpenSSL's x509_vfy.h."""

OWN_CERTIFICATE = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")
"""In the name of a TLS alert (RFC 8446, 6.2): what a client shows, or fails to show, does not satisfy the broker."""

LOGIN_REFUSALS = ("Bad user name or password", "Not authorized", "Bad authentication method", "Banned")
"""CONNACK reasons that waiting will not cure; MQTT 3.1.1 codes 4 and 5 map to the first two."""

NEEDED = {
    "Retain not supported": "allows no retained messages, without which nobody learns a device's state; "
    "allow them there (Mosquitto: retain_available true)",
    "QoS not supported": "allows no messages of QoS 1, without which events are lost; "
    "allow them there (Mosquitto: max_qos 1)",
    "Not authorized": "drops us as not authorized; see its access control list and our login",
    "Session taken over": "another client took over: is the same device.id used twice?",
}
"""What is lacking where a CONNACK or DISCONNECT has this reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where and as whom to connect."""

    host: str
    port: int
    client_id: str
    keepalive: int = 15
    """Seconds."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    read: Callable[[], tuple[str | None, ssl.SSLContext | None]] | None = field(default=None, repr=False)
    """Reads password and certificates anew; raises ConfigError."""

    @property
    def address(self) -> str:
        """`host:port` for log lines."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def renewed(self) -> Endpoint:
        """With the password and certificates that are there now; as it is where they cannot be read."""
        if self.read is None:
            return self
        try:
            password, tls = self.read()
        except ConfigError:
            return self
        return replace(self, password=password, tls=tls)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a connection could not be made."""

    text: str
    lasting: bool = False
    """True where only a person can help: retry slowly."""


def from_error(error: Exception, *, tls: bool = False) -> Refusal:
    """What went wrong below MQTT: name, network or TLS. `tls`: whether that was wanted."""
    if isinstance(error, ssl.SSLError):
        return _from_tls(error)
    known = {
        socket.gaierror: "host name not found",
        TimeoutError: "no answer",
        ConnectionRefusedError: "connection refused, no broker listens there",
    }
    for kind, text in known.items():
        if isinstance(error, kind):
            return Refusal(text)
    if tls and isinstance(error, ConnectionResetError):  # a port without TLS does not know what to do with a handshake
        return Refusal(f"TLS handshake failed ({str(error.strerror).lower()}); is this a TLS port?")
    if isinstance(error, OSError) and error.strerror:
        return Refusal(error.strerror.lower())
    return Refusal(str(error) or type(error).__name__)


def from_silence(*, tls: bool) -> Refusal:
    """What it means that the connection stands, or is closed again, without a word; `tls`: whether that was spoken."""
    return Refusal(f"takes the connection but does not answer as a broker{'' if tls else '; is this a TLS port?'}")


def _from_tls(error: ssl.SSLError) -> Refusal:
    reason = (error.reason or "").rpartition("ALERT_")[2]
    if any(word in reason for word in OWN_CERTIFICATE) and "ALERT_" in (error.reason or ""):
        text = f"TLS handshake failed: it does not accept our certificate ({reason.lower().replace('_', ' ')})"
        return Refusal(f"{text}; see mqtt.certificate", lasting=True)
    if not isinstance(error, ssl.SSLCertVerificationError):
        return Refusal(f"TLS handshake failed ({error.reason or error}); is this a TLS port?", lasting=True)
    if error.verify_code in CERTIFICATE_NAME_MISMATCH:
        text = f"its certificate is for another name ({error.verify_message}); see mqtt.server_name"
    else:
        text = f"its certificate is not trusted ({error.verify_message}); see mqtt.ca"
    return Refusal(text, lasting=True)


def from_reason(reason: ReasonCode, username: str | None) -> Refusal:
    """What a CONNACK with a failure means."""
    name = reason.getName()
    if name in LOGIN_REFUSALS:
        who = f"user {username!r}" if username else "anonymous clients (no mqtt.username is set)"
        return Refusal(f"login refused for {who} ({name.lower()})", lasting=True)
    return from_disconnect(reason) or Refusal(f"connection refused by the broker ({name.lower()})")


def from_disconnect(reason: ReasonCode) -> Refusal | None:
    """What a DISCONNECT means that only a person can cure; None where another attempt may."""
    text = NEEDED.get(reason.getName())
    return None if text is None else Refusal(text, lasting=True)


def from_limits(properties: Properties | None) -> Refusal | None:
    """What a CONNACK of MQTT 5 that accepts us denies all the same; None where we can live with it."""
    lacking = (("RetainAvailable", "Retain not supported"), ("MaximumQoS", "QoS not supported"))
    texts = [NEEDED[name] for member, name in lacking if getattr(properties, member, 1) == 0]
    return Refusal("; ".join(texts), lasting=True) if texts else None
