"""A camera, a stream or a film as the port FrameSource: the newest frame, looked after in a thread."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from emoedge.errors import SourceError
from emoedge.messages import Frame, SensorStatus
from emoedge.sources.address import Kind, camera_kind, shown
from emoedge.sources.film import Film, open_film
from emoedge.sources.keeper import TICK, Device, Keeper
from emoedge.sources.picture import Adjustment, same, to_bgr
from emoedge.sources.quiet import quiet_video
from emoedge.sources.slot import LatestSlot

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from emoedge.config.camera import CameraConfig
    from emoedge.ops.backoff import Backoff
    from emoedge.ports import Clock

OPEN_TIMEOUT = 8.0
"""Seconds for connecting to a stream and learning its format; below the keeper's own limit."""

_NOTHING = np.zeros((0, 0, 3), dtype=np.uint8)


class Camera:
    """Implements FrameSource. The constructor does nothing but remember."""

    def __init__(self, config: CameraConfig, clock: Clock, backoff: Backoff | None = None) -> None:
        self._config = config
        self._clock = clock
        self._kind = camera_kind(config.source)
        self._live = self._kind in {Kind.DEVICE, Kind.STREAM}
        self._adjustment = Adjustment.of(config)
        self._slot = LatestSlot()
        self._previous: NDArray[Any] | None = None
        self._index = 0
        self._delivered = 0
        self._invalid = 0
        self._keeper = Keeper(
            name="camera",
            open=self._open,
            accept=self._accept,
            clock=clock,
            live=self._live,
            stall_timeout=config.stall_timeout,
            backoff=backoff,
        )

    def start(self) -> None:
        """Begin; returns at once."""
        self._index = 0
        self._previous = None
        self._keeper.start()

    def stop(self) -> None:
        """Release the device; returns within a second, may be started again."""
        self._keeper.stop()
        self._slot.clear()

    def take(self, timeout: float) -> Frame | None:
        """Newest frame not yet taken, waiting up to `timeout` seconds; None when there is none."""
        frame = self._slot.take(timeout)
        self._delivered += frame is not None
        return frame

    @property
    def status(self) -> SensorStatus:
        """Present state."""
        return self._keeper.status

    @property
    def problem(self) -> str | None:
        """Why it is not online, one line, without a URL's password."""
        return self._keeper.problem

    @property
    def ended(self) -> bool:
        """True once a film that does not loop was played to its end and all was taken."""
        return self._keeper.ended and self._slot.empty

    @property
    def counters(self) -> Mapping[str, int]:
        """`delivered`, `dropped`, `invalid`, `reopened`: totals since construction."""
        return {
            "delivered": self._delivered,
            "dropped": self._slot.dropped,
            "invalid": self._invalid,
            "reopened": self._keeper.reopened,
        }

    def _open(self, cancelled: threading.Event) -> Device[Any]:
        quiet_video()
        if self._kind is Kind.DEVICE:
            return _Capture(self._device(), "no picture comes any more; is it unplugged?")
        if self._kind is Kind.STREAM:
            return _Capture(self._stream(), "the stream ended")
        film = open_film(self._config.source, self._config.fps)
        return _Projector(film, self._config, self._clock, self._slot, cancelled)

    def _device(self) -> cv2.VideoCapture:
        path = self._config.source
        if not Path(path).exists():
            raise SourceError(f"{path}: no such camera; `emoedge devices` lists those that are there")
        if not os.access(path, os.R_OK | os.W_OK):
            raise SourceError(f"{path}: no permission; add the user to the group `video`")
        capture = cv2.VideoCapture(path, cv2.CAP_V4L2)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{path}: cannot be opened as a camera; is another program using it?")
        if self._config.fourcc:  # before the size: which sizes there are depends on it
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*self._config.fourcc))
        width, height = (int(n) for n in self._config.size.split("x"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        capture.set(cv2.CAP_PROP_FPS, self._config.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        return capture

    def _stream(self) -> cv2.VideoCapture:
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_TIMEOUT * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(self._config.stall_timeout * 1000),
        ]  # fmt: skip
        capture = cv2.VideoCapture(self._config.source, cv2.CAP_FFMPEG, limits)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{shown(self._config.source)}: no answer, or no video in it; check the address")
        return capture

    def _accept(self, raw: NDArray[Any]) -> bool:
        """Put a picture into the slot; whether it shows that the camera lives."""
        image = to_bgr(raw)
        adjusted = None if image is None else self._adjustment.apply(image)
        if image is None or adjusted is None:
            self._invalid += 1
            return False
        # A film may stand still; a sensor's noise makes every picture of a living camera another one.
        frozen = self._live and self._previous is not None and same(image, self._previous)
        self._previous = image
        if not frozen or self._keeper.status is SensorStatus.ONLINE:
            self._slot.put(Frame(adjusted, self._clock.monotonic(), self._index))
            self._index += 1
        return not frozen


class _Capture:
    """A device or stream that OpenCV opened; `gone` is what its end means."""

    def __init__(self, capture: cv2.VideoCapture, gone: str) -> None:
        self._capture = capture
        self._gone = gone

    def read(self) -> NDArray[Any] | None:
        """Next picture; raises SourceError when there is none any more."""
        read, image = self._capture.read()
        if not read:
            raise SourceError(self._gone)
        return image  # type: ignore[no-any-return]

    def close(self) -> None:
        """Release it."""
        self._capture.release()


class _Projector:
    """Shows a film: at its own speed, or each picture when the one before was taken; again if it loops."""

    def __init__(
        self, film: Film, config: CameraConfig, clock: Clock, slot: LatestSlot, cancelled: threading.Event
    ) -> None:
        self._film = film
        self._config = config
        self._clock = clock
        self._slot = slot
        self._cancelled = cancelled
        self._begun = clock.monotonic()
        self._shown = 0

    def read(self) -> NDArray[Any] | None:
        """Next picture, when its time has come; an empty one stands for a broken one."""
        item = self._film.read()
        if item is None and self._config.loop and self._shown:
            self._film.close()
            self._film = open_film(self._config.source, self._config.fps)
            self._begun = self._clock.monotonic()
            item = self._film.read()
        if item is None:
            return None
        image, at = item
        self._shown += 1
        if self._config.paced:
            self._sleep(self._begun + at)
        else:
            self._slot.wait_empty(self._cancelled)
        return _NOTHING if image is None else image

    def _sleep(self, until: float) -> None:
        while not self._cancelled.is_set() and (left := until - self._clock.monotonic()) > 0:
            self._cancelled.wait(min(left, TICK))

    def close(self) -> None:
        """Release the film."""
        self._film.close()
