"""Sections `mqtt`, `outbox`, `home_assistant`, `jsonl` and `log`."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting

# What begins with $ is the broker's own, and no `#` brings it: chapter 4.7.2 of MQTT 5.
_TOPIC = r"(?!\$)[^#+/\s]+(/[^#+/\s]+)*"
_TOPIC_FORM = "a topic such as berlin/emoedge, without blanks, +, # and empty parts, not beginning with $"


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConfig:
    """The broker."""

    host: str = setting("localhost", help="Broker's host name or address, or `none`.")
    port: int = setting(1883, minimum=1, maximum=65535, help="Broker's TCP port.")
    username: str | None = setting(None, allow_none=True, help="Login name, where the broker wants one.")
    password: str | None = setting(
        None, allow_none=True,
        help="Login password, for a daemon run by hand: the file must then not be readable by everybody, and the "
        "service could not read it. Better: the next two; as a service: the systemd credential `mqtt-password`.",
    )  # fmt: skip
    password_file: str | None = setting(
        None, allow_none=True, path=True,
        help="File whose first line is the password; who runs emoedge must be able to read it.",
    )  # fmt: skip
    password_env: str | None = setting(
        None, pattern=r"[A-Za-z_][A-Za-z0-9_]*", form="name of an environment variable", allow_none=True,
        help="Environment variable that holds the password.",
    )  # fmt: skip
    tls: bool = setting(default=False, help="Encrypt the connection; brokers listen on port 8883 for that.")
    ca: str | None = setting(
        None, allow_none=True, path=True,
        help="PEM file of the CA that signed the broker's certificate; null trusts the system's.",
    )  # fmt: skip
    certificate: str | None = setting(
        None, allow_none=True, path=True, help="PEM file of this device's own certificate, where the broker wants one."
    )
    key: str | None = setting(
        None, allow_none=True, path=True, help="PEM file of its private key; null where that stands in `certificate`."
    )
    server_name: str | None = setting(
        None, allow_none=True, help="Name that the broker's certificate must bear; null takes `host`."
    )
    base: str = setting(
        "emoedge", pattern=_TOPIC, form=_TOPIC_FORM, help="First part of every topic, before the device id."
    )
    keepalive: int = setting(
        15, minimum=5, maximum=3600, unit="s", help="A silent broker is noticed after one to two of these."
    )
    raw_timeout: float = setting(
        600.0, minimum=10, maximum=86_400, unit="s", help="`control/raw` switches itself off after this long."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxConfig:
    """Events that the broker has not yet acknowledged; the oldest fall to the caps."""

    max_events: int = setting(10_000, minimum=1, maximum=10_000_000, help="Events kept at most.")
    max_megabytes: float = setting(8.0, minimum=0.1, maximum=10_000, unit="MB", help="Their payloads together at most.")
    max_age: float = setting(
        604_800.0, minimum=60, maximum=31_536_000, unit="s",
        help="Older ones are dropped, where the clock is known to be right.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAssistantConfig:
    """Automatic discovery by Home Assistant over the same broker."""

    enabled: bool = setting(default=True, help="Publish the discovery message.")
    prefix: str = setting("homeassistant", pattern=_TOPIC, form=_TOPIC_FORM, help="Home Assistant's discovery prefix.")
    name: str | None = setting(
        None, allow_none=True, help="Name shown for this device; null takes `emoedge` and the device id."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonlConfig:
    """Events as JSON lines."""

    path: str | None = setting(
        None, allow_none=True, path=True,
        help="File or named pipe that events are appended to, `-` for stdout, null for none. A file that is moved "
        "away, as logrotate does, is made anew.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What the daemon says on stderr."""

    level: str = setting(
        "info", choices=("debug", "info", "warning", "error"), help="Least severe line that is written."
    )
