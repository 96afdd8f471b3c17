"""Stops OpenCV, FFmpeg, ALSA and JACK from writing to stderr what we say ourselves in one line."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

LOG_LEVEL_ERROR = 2
"""OpenCV's own number."""


@cache
def quiet_video() -> None:
    """Silence OpenCV's warnings and FFmpeg; FFmpeg's part only works before the first file is opened."""
    import cv2  # noqa: PLC0415 - a device without a camera loads no OpenCV

    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # The function moved between OpenCV's minor versions.
    owner: Any = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging  # type: ignore[attr-defined,unused-ignore]
    owner.setLogLevel(LOG_LEVEL_ERROR)


@cache
def quiet_audio() -> None:
    """Silence ALSA and JACK, which report every device that is not there when PortAudio looks around.

    The handler they get is an address in the C library, not a Python function: those need memory that is
    writable and executable, which a hardened service has not.
    """
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    libc = ctypes.CDLL(None)
    nothing = ctypes.cast(libc.sched_yield, ctypes.c_void_p)  # takes no argument, changes nothing
    for library, setters in (
        ("libasound.so.2", ("snd_lib_error_set_handler",)),
        ("libjack.so.0", ("jack_set_error_function", "jack_set_info_function")),
    ):
        try:
            loaded = ctypes.CDLL(library)
            for setter in setters:
                getattr(loaded, setter)(nothing)
        except (OSError, AttributeError):
            continue  # not installed: nothing to silence
