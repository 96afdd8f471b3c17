"""Sections `mqtt`, `jsonl` and `log`."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConfig:
    """The broker."""

    host: str = setting("localhost", help="Broker's host name or address, or `none`.")
    port: int = setting(1883, minimum=1, maximum=65535, help="Broker's TCP port.")
    username: str | None = setting(None, allow_none=True, help="Login name, where the broker wants one.")
    password: str | None = setting(None, allow_none=True, help="Login password.")
    base: str = setting("emoedge", pattern=r"[^#+/\s]+(/[^#+/\s]+)*", help="First part of every topic, before the device id.")
    keepalive: int = setting(15, minimum=5, maximum=3600, unit="s", help="A silent broker is noticed after one to two of these.")


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonlConfig:
    """Events as JSON lines."""

    path: str | None = setting(None, allow_none=True, help="File that events are appended to, `-` for stdout, null for none.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What the daemon says on stderr."""

    level: str = setting("info", choices=("debug", "info", "warning", "error"), help="Least severe line that is written.")
