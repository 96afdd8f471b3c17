"""Following a face from frame to frame in a small window at the face's own scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from emoedge.messages import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from emoedge.ports import FaceDetector
    from emoedge.vision.track import Track

SCALE = 36
"""Pixels: the side at which a face is followed. 32 misses more and jitters more, 40 costs a third more."""

ALIKE = 0.6
"""Normalised correlation above which a window still shows the face that was lost by the detector."""

CLOSE_LOOK = 44
"""Pixels: the side at which a find is looked at again before it is followed at all."""


class Window:
    """A part of a picture around a face, resized so that the face is `scale` pixels wide."""

    def __init__(self, gray: NDArray[np.uint8], box: Box, reach: float, scale: int) -> None:
        height, width = gray.shape
        cx, cy = box.centre
        half = box.width * reach / 2
        self._left, self._top = min(max(int(cx - half), 0), width - 1), min(max(int(cy - half), 0), height - 1)
        right, bottom = max(int(cx + half), self._left + 1), max(int(cy + half), self._top + 1)
        part = gray[self._top : bottom, self._left : right]
        self._factor = scale / box.width
        size = (max(1, round(part.shape[1] * self._factor)), max(1, round(part.shape[0] * self._factor)))
        how = cv2.INTER_AREA if self._factor < 1 else cv2.INTER_LINEAR
        self.picture: NDArray[np.uint8] = cv2.resize(part, size, interpolation=how)

    def outside(self, box: Box) -> Box:
        """A box in `picture`, as one in the frame."""
        f = self._factor
        return Box(self._left + box.x / f, self._top + box.y / f, box.width / f, box.height / f)

    def inside(self, box: Box) -> tuple[int, int, int, int]:
        """A box in the frame, as left, top, right and bottom in `picture`, cut at its edges."""
        f, (height, width) = self._factor, self.picture.shape
        left, top = round((box.x - self._left) * f), round((box.y - self._top) * f)
        right, bottom = left + round(box.width * f), top + round(box.height * f)
        return max(left, 0), max(top, 0), min(right, width), min(bottom, height)


def follow(track: Track, gray: NDArray[np.uint8], at: float, detector: FaceDetector, others: Sequence[Box]) -> bool:
    """Look for a followed face where it should be now, and update its track; whether it was seen.

    The detector looks first. Where it fails (a turned head, a blur), the place most like the face as it
    was last found is taken. `others` are the boxes of the other faces, which this one must not take.
    """
    expected = track.predicted(at)
    pause = min(max(at - track.updated, 0.0), 0.4)
    window = Window(gray, expected, 1.7 + 2 * pause, SCALE)
    found = _nearest(window, detector.detect(window.picture, minimum=28, maximum=47), expected, others)
    if found is None and not track.visible:
        window = Window(gray, expected, 3.0, SCALE)
        found = _nearest(window, detector.detect(window.picture, minimum=24, maximum=54), expected, others)
    if found is not None:
        track.hit(found, at)
        left, top, right, bottom = window.inside(track.box)
        track.likeness = window.picture[top:bottom, left:right].copy()
        return True
    alike = _most_alike(window, track.likeness)
    if alike is None or any(_claims(other, alike) for other in others):
        track.miss()
        return False
    centre = alike.centre
    side = track.box.width
    track.move(Box(centre[0] - side / 2, centre[1] - side / 2, side, side), at)
    track.looks += 1
    track.visible = True
    return True


def confirm(gray: NDArray[np.uint8], box: Box, detector: FaceDetector) -> Box | None:
    """A closer look at what a quick scan found: the face's box, or None where there is none."""
    window = Window(gray, box, 1.6, CLOSE_LOOK)
    found = detector.detect(window.picture, minimum=round(CLOSE_LOOK * 0.7), maximum=round(CLOSE_LOOK * 1.4))
    return _nearest(window, found, box, ())


def _nearest(window: Window, found: Sequence[Box], expected: Box, others: Sequence[Box]) -> Box | None:
    best, shortest = None, float("inf")
    ex, ey = expected.centre
    for small in found:
        box = window.outside(small)
        if any(_claims(other, box) for other in others):
            continue
        x, y = box.centre
        distance = (x - ex) ** 2 + (y - ey) ** 2
        if distance < shortest:
            best, shortest = box, distance
    return best


def _claims(other: Box, box: Box) -> bool:
    """Whether `box` is the face at `other` rather than one of its own."""
    return other.overlap(box) > 0.3


def _most_alike(window: Window, likeness: NDArray[np.uint8] | None) -> Box | None:
    picture = window.picture
    if likeness is None or 0 in likeness.shape or min(likeness.shape) < SCALE // 2:
        return None
    height, width = likeness.shape
    if picture.shape[0] < height or picture.shape[1] < width:
        return None
    _, best, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(picture, likeness, cv2.TM_CCOEFF_NORMED))
    return window.outside(Box(x, y, width, height)) if best > ALIKE else None
