"""The page's side of the stage: the newest picture and state, for as many viewers as there are."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import cv2
import numpy as np

from emoedge.view.drawing import draw_marks
from emoedge.view.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from emoedge.view.moment import Mark, Moment
    from emoedge.view.stage import Sensor
    from emoedge.view.timeline import Point

QUALITY = 82
"""Of the JPEG pictures, percent."""

WIDEST = 960
"""Pixels: wider pictures are sent reduced."""


class Screen:
    """Implements Stage. Nothing is drawn or encoded while nobody looks, and once however many look."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._encoding = threading.Lock()
        self._timeline = Timeline()
        self._image: NDArray[np.uint8] | None = None
        self._marks: tuple[Mark, ...] = ()
        self._state: dict[str, object] = {}
        self._pictures = self._states = 0
        self._ended = self._closed = False
        self._encoded: tuple[int, bytes] = (0, b"")

    def show(
        self, image: NDArray[np.uint8] | None, moment: Moment, sensors: Mapping[str, Sensor], name: str | None = None
    ) -> None:
        """Replace what is shown; a moment without a picture leaves the last one standing."""
        state = moment.as_dict()
        state["sensors"] = {key: sensor.as_dict() for key, sensor in sensors.items()}
        state["name"] = name
        with self._changed:
            if image is not None:
                self._image, self._marks = image, moment.marks
                self._pictures += 1
            self._timeline.add(moment)
            self._state = state
            self._states += 1
            self._changed.notify_all()

    def ended(self) -> None:
        """The film is over: the last state stays."""
        with self._changed:
            self._ended = True
            self._states += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let everybody who waits go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def picture(self, after: int, timeout: float) -> tuple[int, bytes] | None:
        """Number and JPEG of the newest picture, when it is another than number `after`; None after `timeout` s."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._pictures not in {0, after}, timeout)
            number, image, marks = self._pictures, self._image, self._marks
        if image is None or number == after:
            return None
        with self._encoding:
            if self._encoded[0] < number:
                self._encoded = (number, encode(image, marks))
            return self._encoded

    def state(self, after: int, since: float, timeout: float) -> tuple[int, dict[str, object], list[Point]] | None:
        """Number, state and the timeline's points later than `since`, once newer than number `after`.

        None after `timeout` seconds.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._states > after, timeout)
            if self._states <= after:
                return None
            return self._states, {**self._state, "ended": self._ended}, self._timeline.since(since)


def encode(image: NDArray[np.uint8], marks: tuple[Mark, ...]) -> bytes:
    """JPEG of a picture with its boxes; the picture itself stays as it is."""
    factor = min(1.0, WIDEST / max(image.shape[:2]))
    drawn = image.copy() if factor == 1.0 else cv2.resize(image, None, fx=factor, fy=factor)
    drawn = np.asarray(drawn, dtype=np.uint8)
    draw_marks(drawn, marks if factor == 1.0 else [mark.scaled(factor) for mark in marks])
    return bytes(cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])
