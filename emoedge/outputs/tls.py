"""The TLS context of the connection to the broker."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoedge.errors import ConfigError

if TYPE_CHECKING:
    from emoedge.config.outputs import MqttConfig

CERTIFICATE, KEY = b"CERTIFICATE-----", b"PRIVATE KEY-----"
"""How the heads of such parts of a PEM file end, of whatever kind they are."""

LARGEST = 1 << 20
"""Bytes of a PEM file that are looked at."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _Socket(ssl.SSLSocket):
    """Keeps in its context why the broker ended the connection; paho only says that it was lost."""

    def recv(self, *args: Any, **options: Any) -> bytes:
        """As the base class; an alert of TLS is kept."""
        try:
            return super().recv(*args, **options)
        except ssl.SSLError as error:
            if "ALERT" in (error.reason or "") and isinstance(self.context, _Context):
                self.context.alert = error
            raise

    def send(self, *args: Any, **options: Any) -> int:
        """As the base class; where the broker has hung up, its alert may still lie there unread."""
        try:
            return super().send(*args, **options)
        except (ConnectionError, ssl.SSLEOFError):
            with contextlib.suppress(OSError):
                self.recv(1)
            raise


class _Context(ssl.SSLContext):
    """Checks the broker's certificate against a fixed name; paho always passes the host instead."""

    sslsocket_class = _Socket
    server_name: str | None = None
    alert: ssl.SSLError | None = None

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        """As the base class, for `server_name` where it is set."""
        self.alert = None
        if self.server_name is not None:
            options["server_hostname"] = self.server_name
        return super().wrap_socket(*args, **options)


def tls_context(config: MqttConfig) -> ssl.SSLContext | None:
    """Context for the configured broker, None for a plain connection.

    TLS 1.2 or newer, certificate and name always checked. Raises ConfigError where a file cannot be used.
    """
    if not config.tls:
        return None
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.server_name = config.server_name
    problems = []
    try:
        if config.ca is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(config.ca)
    except (OSError, ValueError) as error:
        problems.append(f"mqtt.ca: {config.ca}: expected a PEM file of a CA certificate: {_text(error)}")
    if config.certificate is not None:
        problems += _load_own(context, config.certificate, config.key)
    if problems:
        raise ConfigError(problems)
    return context


def _load_own(context: ssl.SSLContext, certificate: str, key: str | None) -> list[str]:
    """Load this device's certificate and key; what is wrong, blamed on the file that it is in."""
    found = [_lacking("mqtt.certificate", certificate, CERTIFICATE, "this device's certificate")]
    if key is not None:
        found.append(_lacking("mqtt.key", key, KEY, "its private key"))
    elif found == [None]:
        both = "certificate and private key, or the key's file in mqtt.key"
        found = [_lacking("mqtt.certificate", certificate, KEY, both)]
    problems = [problem for problem in found if problem is not None]
    if problems:
        return problems
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        pair = certificate if key is None else f"{certificate}, {key}"
        return [f"mqtt.certificate: {pair}: expected PEM files of a certificate and its key: {_text(error)}"]
    return []


def _lacking(name: str, path: str, mark: bytes, expected: str) -> str | None:
    """Why a file cannot be one that holds `expected`; None where it can."""
    try:
        with Path(path).open("rb") as file:
            if mark in file.read(LARGEST):
                return None
        why = f"no {mark.decode().strip('-')} in it"
    except (OSError, ValueError) as error:
        why = _text(error)
    return f"{name}: {path}: expected a PEM file of {expected}: {why}"


def last_alert(context: ssl.SSLContext | None) -> ssl.SSLError | None:
    """The alert that ended the last connection, None where none did.

    With TLS 1.3 a broker looks at our certificate when our own handshake is over.
    """
    return context.alert if isinstance(context, _Context) else None


def travels_in_the_clear(config: MqttConfig) -> bool:
    """Whether what is published can be read on a network: no TLS, and the broker is not this machine."""
    host = config.host.lower()
    return not (config.tls or host in LOOPBACK or host.startswith("127."))


def _no_passphrase() -> str:
    # Without a callback OpenSSL would ask on the terminal, and the daemon would hang there.
    raise ValueError("the key is encrypted; give one without a passphrase")


def _text(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason.lower().replace("_", " ") if error.reason else "not PEM"
    return getattr(error, "strerror", None) or str(error)
