"""What must hold between keys, or of one key beyond its type and range."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoedge.sources.address import is_none, like_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from emoedge.config.tree import Config

RESTRICTED = ("workplace", "education")
"""Contexts where the EU AI Act, Art. 5(1)(f), bans emotion inference but for medical or safety reasons."""

_SCHEMES = ("rtsp", "rtsps", "http", "https")
_URLS = ", ".join(f"{scheme}://" for scheme in _SCHEMES)

_FILES = (
    "mqtt.password_file", "mqtt.ca", "mqtt.certificate", "mqtt.key", "jsonl.path", "models.face", "models.speech",
)  # fmt: skip
"""Keys that name a file."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition."""

    keys: tuple[str, ...]
    """Dotted names it looks at; the first one is blamed. Not asked where one of them is wrong already."""
    broken: Callable[[Config], str | None]
    """What would be right, or None where all is well."""


def _lawful(config: Config) -> str | None:
    where = config.deployment
    if where.context in RESTRICTED and len(where.justification.strip()) < 10:
        return (
            f"the medical or safety reason that allows emotion inference in `{where.context}`; "
            "without one the EU AI Act, Art. 5(1)(f), bans it there"
        )
    return None


def _camera_source(config: Config) -> str | None:
    source = config.camera.source
    if not source.strip():
        return "a device path, a URL, a file, or none; `emoedge devices` lists cameras"
    if source.isdigit():
        return f"a stable path instead of a number: /dev/video{source}, better one from `emoedge devices`"
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", source)
    if scheme is None and like_url(source):
        return f"a URL that begins with {_URLS}; before a file whose name looks like a login write ./"
    if scheme and scheme[1].lower() not in _SCHEMES:
        return f"a URL that begins with {_URLS}"
    return None


def _microphone_source(config: Config) -> str | None:
    source = config.microphone.source
    if not source.strip() or source.isdigit():
        return "a device's name, not a number: `emoedge devices` lists them; or default, a sound file, none"
    if like_url(source):
        return "a device's name, not a URL: `emoedge devices` lists them; or default, a sound file, none"
    return None


def _region(config: Config) -> str | None:
    if config.camera.region is None:
        return None
    _, _, width, height = (int(n) for n in config.camera.region.split(","))
    return None if width > 0 and height > 0 else "x,y,width,height with a width and a height above 0"


def _sharpness(config: Config) -> str | None:
    vision = config.vision
    if vision.minimum_sharpness <= vision.maximum_sharpness:
        return None
    return f"at most vision.maximum_sharpness, which is {vision.maximum_sharpness:g}; else no face is ever classified"


def _hysteresis(config: Config) -> str | None:
    fusion = config.fusion
    return None if fusion.leave <= fusion.enter else f"at most fusion.enter, which is {fusion.enter:g}"


def _remembered(config: Config) -> str | None:
    """What is forgotten within the dwell time, and before the next look comes, never becomes an emotion."""
    camera, forget = config.camera, config.fusion.forget
    if forget >= config.fusion.dwell:
        return None
    full = min(camera.fps, camera.max_fps or camera.fps)
    look = 1 / min(config.vision.rate or full, full)
    if not is_none(camera.source) and forget < look:
        return f"at least {look:g} s, the time between two looks at a face; else none is ever given an emotion"
    if not is_none(config.microphone.source) and forget < config.speech.hop:
        return f"at least speech.hop, which is {config.speech.hop:g}; else no voice is ever given an emotion"
    return None


def _heat(config: Config) -> str | None:
    thermal = config.thermal
    return None if thermal.warm <= thermal.hot else f"at most thermal.hot, which is {thermal.hot:g}"


def _login(config: Config) -> str | None:
    mqtt = config.mqtt
    given = [name for name in ("password", "password_file", "password_env") if getattr(mqtt, name) is not None]
    if given and not mqtt.username:
        return f"a login name beside mqtt.{given[0]}; MQTT has no password without one"
    return None


def _encrypted(config: Config) -> str | None:
    mqtt = config.mqtt
    given = [name for name in ("ca", "certificate", "key", "server_name") if getattr(mqtt, name) is not None]
    if given and not mqtt.tls:
        return f"true beside mqtt.{given[0]}; without it nothing is encrypted and no certificate looked at"
    return None


def _own_certificate(config: Config) -> str | None:
    mqtt = config.mqtt
    if mqtt.tls and mqtt.key is not None and mqtt.certificate is None:
        return "the PEM file of this device's certificate beside mqtt.key, which is of no use alone"
    return None


def _host(config: Config) -> str | None:
    host = config.mqtt.host
    if host != "none" and host.strip().lower() == "none":
        return "`none`, in small letters, or a host name"
    if "@" in host:
        return "a host name or address alone (a login stands in mqtt.username and, for example, mqtt.password_file)"
    # One colon is a port's; more are those of an IPv6 address.
    if re.search(r"[\s/\[\]]", host) or host.count(":") == 1 or not is_name(host):
        return "a host name or address alone, such as localhost or 192.168.1.10 (the port stands in mqtt.port)"
    return None


def _server_name(config: Config) -> str | None:
    name = config.mqtt.server_name
    return None if name is None or is_name(name) else "a host name, such as broker.example.com, or null"


def is_name(host: str) -> bool:
    """Whether name lookup and TLS take it: no part of it is empty or too long."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return bool(host) and not host.startswith(".") and "@" not in host


def _file(name: str) -> Rule:
    """It is a path: nothing is fetched, and a login in a URL would be repeated by every message about the file."""
    section, _, leaf = name.partition(".")

    def broken(config: Config) -> str | None:
        value = getattr(getattr(config, section), leaf)
        return "a file's path, not a URL" if value is not None and like_url(value) else None

    return Rule((name,), broken)


def _windows(config: Config) -> str | None:
    windows = config.aggregates.windows
    return None if windows and len(set(windows)) == len(windows) else "one or more of 1, 5, 15, each once"


def _counted_by_faces(config: Config) -> str | None:
    if config.aggregates.enabled and config.camera.source.strip().lower() == "none":
        return "false, or a camera in camera.source: people are counted by their faces"
    return None


def _told_to_somebody(config: Config) -> str | None:
    if config.aggregates.enabled and config.mqtt.host == "none":
        return "false, or a broker in mqtt.host: aggregates are published over MQTT"
    return None


def _only_what_is_on(config: Config) -> str | None:
    if config.aggregates.only and not config.aggregates.enabled:
        return "false, or `enabled: true` beside it: nothing about people would be published at all"
    return None


def _only_without_lines(config: Config) -> str | None:
    if config.aggregates.only and config.jsonl.path is not None:
        return "null, or aggregates.only: false: each line is about one person"
    return None


RULES: tuple[Rule, ...] = (
    Rule(("deployment.justification", "deployment.context"), _lawful),
    Rule(("camera.source",), _camera_source),
    Rule(("camera.region",), _region),
    Rule(("microphone.source",), _microphone_source),
    Rule(("vision.minimum_sharpness", "vision.maximum_sharpness"), _sharpness),
    Rule(("fusion.leave", "fusion.enter"), _hysteresis),
    Rule(
        ("fusion.forget", "fusion.dwell", "vision.rate", "camera.fps", "camera.max_fps", "camera.source",
         "speech.hop", "microphone.source"),
        _remembered,
    ),
    Rule(("thermal.warm", "thermal.hot"), _heat),
    Rule(("mqtt.host",), _host),
    Rule(("mqtt.server_name",), _server_name),
    Rule(("mqtt.username", "mqtt.password", "mqtt.password_file", "mqtt.password_env"), _login),
    Rule(("mqtt.tls", "mqtt.ca", "mqtt.certificate", "mqtt.key", "mqtt.server_name"), _encrypted),
    Rule(("mqtt.certificate", "mqtt.key", "mqtt.tls"), _own_certificate),
    Rule(("aggregates.windows",), _windows),
    Rule(("aggregates.enabled", "camera.source"), _counted_by_faces),
    Rule(("aggregates.enabled", "mqtt.host"), _told_to_somebody),
    Rule(("aggregates.only", "aggregates.enabled"), _only_what_is_on),
    Rule(("jsonl.path", "aggregates.only"), _only_without_lines),
    *(_file(name) for name in _FILES),
)
