"""The TLS context of the connection to the broker."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from emoedge.errors import ConfigError

if TYPE_CHECKING:
    from emoedge.config.outputs import MqttConfig

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _NamedContext(ssl.SSLContext):
    """Checks the broker's certificate against a fixed name; paho always passes the host instead."""

    server_name: str | None = None

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        """As the base class, for `server_name` where it is set."""
        if self.server_name is not None:
            options["server_hostname"] = self.server_name
        return super().wrap_socket(*args, **options)


def tls_context(config: MqttConfig) -> ssl.SSLContext | None:
    """Context for the configured broker, None for a plain connection.

    TLS 1.2 or newer, certificate and name always checked. Raises ConfigError where a file cannot be used.
    """
    if not config.tls:
        return None
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
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
    try:
        if config.certificate is not None:
            context.load_cert_chain(config.certificate, config.key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        pair = config.certificate if config.key is None else f"{config.certificate}, {config.key}"
        problems.append(f"mqtt.certificate: {pair}: expected PEM files of a certificate and its key: {_text(error)}")
    if problems:
        raise ConfigError(problems)
    return context


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
