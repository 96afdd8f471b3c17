"""A camera device or a network stream, opened through OpenCV."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import cv2

from emoedge.errors import SourceError
from emoedge.sources.address import Kind, camera_kind, shown
from emoedge.sources.film import grab
from emoedge.sources.picture import NOTHING
from emoedge.sources.quiet import quiet_video

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from emoedge.config.camera import CameraConfig
    from emoedge.ports import Clock
    from emoedge.sources.picture import TimedPicture

OPEN_TIMEOUT = 8.0
"""Seconds for connecting to a stream and learning its format; below the keeper's own limit."""

SLOWEST = 1.0
"""Seconds after which a picture is decoded even if nobody asked: else a frozen camera would pass unnoticed.

At most half of `camera.stall_timeout`: a camera that is rarely looked at is none that stalls.
"""

SNAPSHOT = "the stream ended after one picture; is this the address of a snapshot, not of a stream?"
"""What is amiss where a camera's web page has an address for a single picture beside that of its stream."""

WAITED = 0.9
"""Share of `camera.stall_timeout` after which a picture was not damaged, but did not come."""


class Capture:
    """An open device or stream; raises SourceError where it cannot be opened.

    `wanted`: told the time in seconds of each picture, says whether it is worth decoding; None takes all.
    `cancelled`: is set when nobody wants it any more.
    """

    def __init__(
        self,
        config: CameraConfig,
        clock: Clock,
        wanted: Callable[[float], bool] | None,
        cancelled: threading.Event,
    ) -> None:
        quiet_video()
        self._clock = clock
        self._wanted = wanted
        self._cancelled = cancelled
        self._decoded = self._asked = float("-inf")
        self._slowest = min(SLOWEST, config.stall_timeout / 2)
        self._remote = camera_kind(config.source) is not Kind.DEVICE
        if self._remote:
            self._capture = _stream(config)
            self._gone, self._patience = "the stream ended", WAITED * config.stall_timeout
        else:
            self._capture = _device(config)
            self._gone, self._patience = "no picture comes any more; is it unplugged?", 0.0
        self._pictures = self._read()

    def read(self) -> TimedPicture | None:
        """Next picture that is wanted, an empty one for a damaged one; raises SourceError when none comes any more."""
        return next(self._pictures, None)

    def _read(self) -> Iterator[TimedPicture]:
        grabbed = 0
        while not self._cancelled.is_set():
            self._asked = self._clock.monotonic()
            damaged = grab(self._capture, self._over)
            if damaged is None:
                raise SourceError(SNAPSHOT if self._remote and grabbed == 1 else self._gone)
            grabbed += 1
            at = self._clock.monotonic()
            for _ in range(damaged):
                yield NOTHING, at
            wanted = self._wanted is None or self._wanted(at)
            if wanted or at - self._decoded >= self._slowest:
                self._decoded = at
                decoded, image = self._capture.retrieve()
                yield (image if decoded else NOTHING), at

    def _over(self) -> bool:
        """Whether what failed was waited for too long to be a damaged picture; a device's always was."""
        return self._cancelled.is_set() or self._clock.monotonic() - self._asked >= self._patience

    def close(self) -> None:
        """Release it."""
        self._capture.release()


def _device(config: CameraConfig) -> cv2.VideoCapture:
    path = config.source
    if not os.access(path, os.F_OK):
        raise SourceError(f"{path}: no such camera; `emoedge devices` lists those that are there")
    if not os.access(path, os.R_OK | os.W_OK):
        raise SourceError(f"{path}: no permission; add the user to the group `video`")
    capture = cv2.VideoCapture(path, cv2.CAP_V4L2)
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"{path}: cannot be opened as a camera; is another program using it?")
    if config.fourcc:  # before the size: which sizes there are depends on it
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*config.fourcc))
    width, height = (int(n) for n in config.size.split("x"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
    capture.set(cv2.CAP_PROP_FPS, config.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return capture


def _stream(config: CameraConfig) -> cv2.VideoCapture:
    # RTSP over UDP, FFmpeg's own choice, loses pictures in a wireless network and does not pass a firewall.
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_TIMEOUT * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(config.stall_timeout * 1000),
    ]  # fmt: skip
    capture = cv2.VideoCapture(config.source, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"{shown(config.source)}: no answer, or no video in it; check the address")
    return capture
