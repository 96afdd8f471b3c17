"""Following a face from frame to frame in a small window at the face's own scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2

from emoedge.messages import Box
from emoedge.vision.crop import square
from emoedge.vision.haar import framed
from emoedge.vision.likeness import likeness
from emoedge.vision.quality import thumbnail

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from emoedge.ports import FaceDetector
    from emoedge.vision.track import Track

COARSE, FINE = 36, 46
"""Pixels: the side at which an easy face is followed, and a hard one, at twice the cost.

Of 432 pictures of 36 people 60 % were found at 36 and 74 % at 44; a scan of the whole picture found 73 %.
"""

GLANCE, GLANCE_REACH, GLANCE_SIZES = 40, 1.5, (0.86, 1.12)
"""Pixels, sides, and parts of the face: a first look close around a face that was seen a moment ago, at a third of
the price. On seven films of one face it found 86 to 99 %; who is missed is looked for as before."""

SIZES = (0.78, 1.22)
"""Parts of the face's known side between which it is looked for."""

REVIEW, REVIEWED = 0.44, 0.62
"""Seconds after which sizes from this part on are tried once, and what is found is believed at once.

A box is the mean of all sizes at which the cascade says face; where small ones are never tried, it grows from look
to look, by 10 to 20 % over those of a full scan.
"""

MOMENT = 0.1
"""Seconds; after a longer pause a face may have gone further, or come nearer, than a glance spans."""

FINE_FOR = 1.0
"""Seconds for which a face that was missed at the coarse scale is looked for at the fine one at once."""

ALIKE, AKIN = 0.6, 0.45
"""Normalised correlation above which a window still shows the face that was lost by the detector, and above which it
does if that place also looks like a face: another expression leaves less than the first, another wall less than the
second."""

CLEARLY = 0.15
"""Difference of two normalised correlations from which a face is one of two people and not the other."""

DETAILED = 0.5
"""Share of the face's edges that a place must have, for it to be upheld there."""

FACELIKE = 0.95
"""What `vision.likeness` must say of a place for a face to be upheld there."""

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

    def cut(self, box: Box) -> NDArray[np.uint8]:
        """What `picture` shows of a box in the frame, COARSE pixels square."""
        f = self._factor
        here = Box((box.x - self._left) * f, (box.y - self._top) * f, box.width * f, box.height * f)
        part: NDArray[np.uint8] = cv2.resize(square(self.picture, here), (COARSE, COARSE))
        return part


def follow(track: Track, gray: NDArray[np.uint8], at: float, detector: FaceDetector, others: Sequence[Track]) -> bool:
    """Look for a followed face where it should be now, and update its track; whether it was seen.

    The detector looks first, close around a face that is known well and further where that is not enough.
    Where it fails (a turned head, a blur, a grimace), the place most like the face as it was last found is taken, and
    less like it where it looks like some face.
    `others` are the other faces that were seen in the last look; this one must not take theirs.
    """
    expected = track.predicted(at)
    review = at - track.reviewed >= REVIEW
    steady = track.number and track.visible and at - track.updated < MOMENT
    if steady and not review and _glance(track, gray, at, detector, others):
        return True
    found = None
    for scale in (COARSE, FINE) if review or at >= track.fine_until else (FINE,):
        window = Window(gray, expected, _reach(track, at), scale)
        least = REVIEWED if review and scale == COARSE else SIZES[0]
        finds = detector.detect(window.picture, minimum=round(scale * least), maximum=round(scale * SIZES[1]))
        found = _own(track, window, finds, at, others)
        if found is not None:
            break
    if found is None and not track.visible:
        window = Window(gray, expected, 3.0, COARSE)
        finds = detector.detect(window.picture, minimum=24, maximum=54)
        found = _own(track, window, finds, at, others)
    if found is not None:
        if scale == FINE and at >= track.fine_until:
            track.fine_until = at + FINE_FOR
        track.hit(found, at, reviewed=review)
        _remember(track, window, found)
        return True
    return _kept(track, gray, at, others)


def _kept(track: Track, gray: NDArray[np.uint8], at: float, others: Sequence[Track]) -> bool:
    """Whether a face that the detector does not see is there all the same; its track is updated either way."""
    window = Window(gray, track.predicted(at), _reach(track, at), COARSE)
    places = [(track.steady, 0.0)]
    alike, share = _most_alike(window, track.likeness)
    if alike is not None:
        (x, y), side = alike.centre, track.box.width
        places.insert(0, (Box(x - side / 2, y - side / 2, side, side), share))
    for there, like_itself in places:
        if any(_claims(other.predicted(at), there) for other in others):
            continue
        upheld = _upheld(track, there, window, gray)
        if upheld:
            track.likeness = window.cut(there)
        if upheld or like_itself > ALIKE:
            track.alike(there, at, facelike=upheld)
            return True
    track.miss()
    return False


def _glance(track: Track, gray: NDArray[np.uint8], at: float, detector: FaceDetector, others: Sequence[Track]) -> bool:
    """Whether the face is where it should be, at about the size it had; its track is updated then."""
    expected = track.predicted(at)
    window = Window(gray, expected, GLANCE_REACH, GLANCE)
    least, most = GLANCE_SIZES
    finds = detector.detect(window.picture, minimum=round(GLANCE * least), maximum=round(GLANCE * most))
    found = _own(track, window, finds, at, others)
    if found is None:
        return False
    track.hit(found, at)
    _remember(track, window, found)
    return True


def _remember(track: Track, window: Window, found: Box) -> None:
    track.likeness = window.cut(found)
    track.detail = _detail(track.likeness)


def _detail(picture: NDArray[np.uint8]) -> float:
    """Gray levels of edges and lines in what `Window.cut` gave: little on a wall, in the focus or out of it."""
    return float(cv2.meanStdDev(cv2.Laplacian(picture, cv2.CV_16S))[1][0, 0])


def _upheld(track: Track, there: Box, window: Window, gray: NDArray[np.uint8]) -> bool:
    """Whether a confirmed face may be there still: as many edges as it had, and likely a face."""
    if not track.number or _detail(window.cut(there)) < DETAILED * track.detail:
        return False
    return likeness(thumbnail(gray, framed(there))) >= FACELIKE


def _reach(track: Track, at: float) -> float:
    """Sides of the face that the window spans: the longer the pause, the further it may have gone."""
    return 1.7 + 2 * min(max(at - track.updated, 0.0), 0.4)


def confirm(gray: NDArray[np.uint8], box: Box, detector: FaceDetector) -> Box | None:
    """A closer look at what a quick scan found: the face's box, or None where there is none."""
    window = Window(gray, box, 1.6, CLOSE_LOOK)
    found = detector.detect(window.picture, minimum=round(CLOSE_LOOK * 0.7), maximum=round(CLOSE_LOOK * 1.4))
    return _nearest([window.outside(small) for small in found], box)


def _own(track: Track, window: Window, finds: Sequence[Box], at: float, others: Sequence[Track]) -> Box | None:
    """The find nearest to where the face should be, of those that are no other one's."""
    boxes = [window.outside(small) for small in finds]
    return _nearest([box for box in boxes if not _anothers(box, track, window, at, others)], track.predicted(at))


def _nearest(boxes: Sequence[Box], expected: Box) -> Box | None:
    return min(boxes, key=lambda box: _apart(box, expected), default=None)


def _apart(one: Box, two: Box) -> float:
    """Pixels between the centres."""
    (x, y), (other_x, other_y) = one.centre, two.centre
    return math.hypot(x - other_x, y - other_y)


def _anothers(box: Box, track: Track, window: Window, at: float, others: Sequence[Track]) -> bool:
    """Whether the face at `box` is one of `others`.

    Where two pass, one face is where both may be: it is that of whom it is clearly more like, else of who should be
    nearer to it; and it is gone to who has looked in this picture already.
    """
    for other in others:
        expected = other.predicted(at)
        if not _claims(expected, box):
            continue
        if other.updated >= at:
            return True
        mine, theirs = (_resemblance(one.likeness, window.cut(box)) for one in (track, other))
        nearer = _apart(box, track.predicted(at)) < _apart(box, expected)
        if not (mine > theirs if abs(mine - theirs) > CLEARLY else nearer):
            return True
    return False


def _resemblance(one: NDArray[np.uint8] | None, two: NDArray[np.uint8]) -> float:
    """Normalised correlation of two pictures of one size, -1..1."""
    return 0.0 if one is None else float(cv2.matchTemplate(two, one, cv2.TM_CCOEFF_NORMED)[0, 0])


def _claims(other: Box, box: Box) -> bool:
    """Whether `box` may be the face at `other` rather than one of its own."""
    return other.overlap(box) > 0.3


def _most_alike(window: Window, image: NDArray[np.uint8] | None) -> tuple[Box | None, float]:
    """The place most like `image`, None where none is like it at all, and how much (-1..1)."""
    picture = window.picture
    if image is None:
        return None, 0.0
    height, width = image.shape
    if picture.shape[0] < height or picture.shape[1] < width:
        return None, 0.0
    _, best, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(picture, image, cv2.TM_CCOEFF_NORMED))
    return window.outside(Box(x, y, width, height)) if best > AKIN else None, best
