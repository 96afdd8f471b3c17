"""What kind of thing a `camera.source` or `microphone.source` names."""

from __future__ import annotations

import re
from enum import Enum, auto
from pathlib import Path

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
"""Endings of single pictures."""

SOUNDS = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64")
"""Endings of sound files."""

_CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")


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
    if source.startswith("/dev/"):
        return Kind.DEVICE
    if Path(source).suffix.lower() in PICTURES or Path(source).is_dir():
        return Kind.PICTURES
    return Kind.VIDEO


def is_sound_file(source: str) -> bool:
    """Whether a `microphone.source` is a file rather than the name of a device."""
    return Path(source).suffix.lower() in SOUNDS or Path(source).is_file()


def shown(source: str) -> str:
    """Source as it may be logged and published: without a URL's user name and password."""
    return _CREDENTIALS.sub("***@", source)
