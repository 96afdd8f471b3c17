"""What kind of thing a `camera.source` or `microphone.source` names."""

from __future__ import annotations

import os
import re
import shlex
from enum import Enum, auto
from pathlib import Path

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
"""Endings of single pictures."""

FOREIGN = (".m4a", ".m4b", ".aac", ".wma", ".amr", ".ac3", ".weba")
"""Endings of sound files that must be converted first."""

SOUNDS = (
    ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64",
    *FOREIGN,
)  # fmt: skip
"""Endings of sound files."""

_MEMORY = "/dev/shm/"  # noqa: S108 - nothing is written there
"""Below it, folders and what has an ending are no devices."""

_HIDDEN = "***"

_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
"""A host and its port, of the form of RFC 3986."""

_NUMERIC = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?")
"""The same, and no name: no part of a password looks like it."""

_LOGIN = re.compile(r"[^\s@]*:\S*@")
"""User and password before a host."""

_WORDS = (
    "live", "stream", "streams", "streaming", "channel", "channels", "cam", "camera", "video", "videostream", "media",
    "main", "sub", "h264", "h265", "mpeg4", "mjpg", "mjpeg", "onvif", "profile", "preview", "snapshot", "ch", "av",
    "axis", "cgi", "bin", "sdp", "m3u8", "realmonitor",
)  # fmt: skip
"""What paths of cameras are made of; any other word may be a password."""

_PLAIN = re.compile(rf"(?:(?:{'|'.join(_WORDS)})[-_.]?){{0,4}}\d{{0,3}}(?:\.(?:sdp|mjpe?g|cgi|m3u8))?", re.IGNORECASE)
_PLAIN_KEY = re.compile("channel|ch|camera|cam|stream|subtype|profile", re.IGNORECASE)


class Kind(Enum):
    """How a camera is opened."""

    DEVICE = auto()
    STREAM = auto()
    VIDEO = auto()
    PICTURES = auto()


def is_none(source: str) -> bool:
    """Whether the sense is switched off."""
    return source.strip().lower() == "none"


def camera_kind(source: str) -> Kind:
    """Kind of a `camera.source`; a folder or a picture is a film of pictures."""
    if "://" in source:
        return Kind.STREAM
    ending = Path(source).suffix.lower()
    folder = os.path.isdir(source)  # noqa: PTH112 - Path's raises where it may not look
    if source.startswith("/dev/") and not (source.startswith(_MEMORY) and (ending or folder)):
        return Kind.DEVICE
    return Kind.PICTURES if ending in PICTURES or folder else Kind.VIDEO


def is_sound_file(source: str) -> bool:
    """Whether a `microphone.source` is a file rather than the name of a device."""
    return Path(source).suffix.lower() in SOUNDS or is_file(source)


def is_sound_alone(path: str) -> bool:
    """Whether a recording is a sound and no film: by its ending, or as a WAV file without one."""
    ending = Path(path).suffix.lower()
    if ending or not is_file(path):
        return ending in SOUNDS
    try:
        with Path(path).open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head[:4] == b"RIFF" and head[8:] == b"WAVE"


def is_file(path: str) -> bool:
    """Whether there is such a file, as far as this user may look."""
    return os.path.isfile(path)  # noqa: PTH113 - Path's raises where it may not look


def like_url(source: str) -> bool:
    """Whether it is a URL, or was meant for one: `user:password@host` without a scheme, or with half of one."""
    if "://" in source:
        return True
    is_path = source.startswith(("/", "./", "../", "~")) and not source.startswith("//")
    return not is_path and _LOGIN.match(source) is not None


def typed(path: str) -> str:
    """Path as it is to stand in a command that is proposed, so that a shell and FFmpeg take it for a file."""
    # FFmpeg takes a dash for an option, and what stands before a colon for a protocol.
    return shlex.quote(f"./{path}" if path.startswith("-") or ":" in path.split("/")[0] else path)


def shown(source: str) -> str:
    """Source as it may be logged and published: of a URL what tells one camera from another, never a login.

    A login may stand before the host, in the path or in the query, well written or not: what may be a part of one
    is hidden.
    """
    if not like_url(source):
        return source
    scheme, is_url, rest = source.partition("://") if "://" in source else ("", "", source)
    if ":" in scheme and "@" in rest:  # a password with :// in it
        scheme = _HIDDEN
    return scheme + is_url + _shown_location(rest)


def _shown_location(rest: str) -> str:
    """What follows the scheme, without a login."""
    authority, path, query = _parts(rest)
    _, at, host = authority.rpartition("@")
    if "@" in rest[len(authority) :] and not _NUMERIC.fullmatch(host):
        # A password with / or ? in it, or else an @ that is none of a login: only a number is surely the host then.
        authority, path, query = _parts(rest[rest.rindex("@") + 1 :])
        at, host = "@", authority if _NUMERIC.fullmatch(authority) else ""
    if not _HOST.fullmatch(host):
        return _HIDDEN
    places = [place if _PLAIN.fullmatch(place) else _HIDDEN for place in path.split("/")]
    return f"{_HIDDEN if at else ''}{at}{host}{'/'.join(places)}{_shown_query(query)}"


def _parts(rest: str) -> tuple[str, str, str]:
    """Authority, path and query of what follows `://`, the latter two with the sign they begin with."""
    ends = re.search(r"[?#]", rest)
    before, query = (rest, "") if ends is None else (rest[: ends.start()], rest[ends.start() :])
    authority, slash, path = before.partition("/")
    return authority, slash + path, query


def _shown_query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query[1:].split("&")]
    told = [
        f"{key}={value}" if _PLAIN_KEY.fullmatch(key) and _PLAIN.fullmatch(value) else _HIDDEN
        for key, _, value in pairs
    ]
    return query[:1] + "&".join(dict.fromkeys(told)) if query else ""
