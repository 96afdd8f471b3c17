"""The eye: from frames to followed, judged faces. Pure: its only clock is the time of each frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from emoedge.messages import FaceObservation, VisionResult
from emoedge.vision.follow import confirm, follow
from emoedge.vision.gate import MotionGate
from emoedge.vision.haar import framed
from emoedge.vision.quality import quality, thumbnail
from emoedge.vision.scan import Scanner
from emoedge.vision.track import Track

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from emoedge.config.vision import VisionConfig
    from emoedge.messages import Box, Frame
    from emoedge.ports import Classifier, FaceDetector
    from emoedge.vision.crop import FaceFrontEnd
    from emoedge.vision.gate import Motion

RECOGNISED = 0.3
"""Seconds for which a followed face that looked like one is taken for one: asking costs as much as judging it."""

SPARED = 0.15
"""Seconds after a face was judged in which it is not judged again: expressions take longer to change, and evidence
adds up by time, not by looks (`fusion.face_decorrelation`) ..."""

CROWD = 2
"""... so many faces; where there are more each is spared the longer, and a crowd costs no more looks than these."""

CERTAIN = 0.7
"""Share of the last looks in which a new face must have been found to be confirmed."""

DOUBT = 1.5
"""Seconds for which a new face that the detector does not find is followed, whatever still looks like it there."""

GAP = 3.0
"""Times the last pause between two frames: a pause this long, and longer than `leave`, is a gap, not a slow film's."""


class Vision:
    """Finds, follows and judges faces.

    Without a front end and a classifier faces are followed and never judged. Every face that is seen in a
    frame has an observation in its result, with scores unless it is too poor: a face that did not change
    keeps the scores it was given, and gets new ones every `refresh` seconds. After a gap longer than `leave`,
    and where pictures of another size begin, nobody is taken for who was there before.
    """

    def __init__(
        self,
        config: VisionConfig,
        detector: FaceDetector,
        front_end: FaceFrontEnd | None = None,
        classifier: Classifier | None = None,
    ) -> None:
        self._config = config
        self._detector = detector
        self._front_end = front_end
        self._classifier = classifier
        self._tracks: list[Track] = []
        self._gate = MotionGate(config.motion)
        self._scanner = Scanner(detector, config.smallest, config.scan_interval)
        self._shape: tuple[int, ...] = ()
        self._at: float | None = None
        self._pause = 0.0
        self._numbers = 0
        self._spared = SPARED
        self._counts = dict.fromkeys(("frames", "invalid", "unmoved", "scans", "classified"), 0)

    @property
    def counters(self) -> Mapping[str, int]:
        """Totals: `frames`, `invalid` ones among them, `unmoved` ones, band `scans`, faces `classified`."""
        return {**self._counts, "scans": self._scanner.scans}

    def look(self, frame: Frame) -> VisionResult:
        """All that this frame tells. A frame that is no picture counts as invalid and tells nothing new."""
        self._counts["frames"] += 1
        at, image = frame.at, frame.image
        gray = _gray(image)
        if gray is None:
            self._counts["invalid"] += 1
            return VisionResult(at, moved=False, left=self._give_up(at))
        ended = self._end_at_break(gray.shape, at)
        motion = self._gate.look(gray)
        self._scanner.note(motion, gray.shape)
        moved = motion.any or self._scanner.owes or any(t.number == 0 for t in self._tracks)
        if moved and not motion.blank:
            self._follow(gray, at, motion)
            self._find(gray, at, motion)
        elif motion.blank:
            for track in self._tracks:
                track.miss()
        else:
            self._counts["unmoved"] += 1
            for track in self._tracks:
                track.stayed(at)
        appeared = self._confirm(at)
        left = ended + self._give_up(at)
        faces = self._observed(image, gray, at)
        return VisionResult(at, faces, appeared, left, moved and not motion.blank)

    def _end_at_break(self, shape: tuple[int, ...], at: float) -> tuple[int, ...]:
        """End all tracks after a gap, or where pictures of another size begin; the numbers of the confirmed ones."""
        before, self._at = self._at, at
        resized, self._shape = shape != self._shape, shape
        if before is None:
            return ()
        usual, self._pause = self._pause, at - before
        if not resized and self._pause <= max(self._config.leave, GAP * usual):
            return ()
        # Anybody may be there now, or anywhere: this picture is searched as the first one is.
        self._gate = MotionGate(self._config.motion)
        self._scanner.begin()
        ended = tuple(track.number for track in self._tracks if track.number)
        self._tracks = []
        return ended

    def _observed(self, image: NDArray[np.uint8], gray: NDArray[np.uint8], at: float) -> tuple[FaceObservation, ...]:
        """All confirmed faces in the order in which they came."""
        shown = [track for track in self._tracks if track.number and track.visible]
        self._spared = SPARED * max(1.0, len(shown) / CROWD)
        return tuple(self._observe(track, image, gray, at) for track in shown)

    def _follow(self, gray: NDArray[np.uint8], at: float, motion: Motion) -> None:
        for track in self._tracks:
            still = not motion.within(track.box, 1.7)
            if track.number and still:
                # The same picture would give the same answer.
                track.stayed(at)
                continue
            track.still = False
            others = [t for t in self._tracks if t is not track and t.visible]
            follow(track, gray, at, self._detector, others)

    def _find(self, gray: NDArray[np.uint8], at: float, motion: Motion) -> None:
        seen = [t.box for t in self._tracks if t.visible]
        for found in self._scanner.scan(gray, at, motion, seen):
            if any(_same(t.box, found) for t in self._tracks if t.visible):
                continue
            box = confirm(gray, found, self._detector)
            if box is None or any(_same(t.box, box) for t in self._tracks if t.visible):
                continue
            lost = [t for t in self._tracks if not t.visible and t.could_be(box, at)]
            if lost:
                min(lost, key=lambda t: _distance(t.box, box)).hit(box, at)
            else:
                self._tracks.append(Track(box, at, at, at))

    def _confirm(self, at: float) -> tuple[int, ...]:
        appeared = []
        for track in self._tracks:
            if track.number or not track.visible or at - track.first < self._config.confirm:
                continue
            if track.hits >= 2 and track.certainty >= CERTAIN:
                self._numbers += 1
                track.number = self._numbers
                appeared.append(track.number)
        return tuple(appeared)

    def _give_up(self, at: float) -> tuple[int, ...]:
        """Forget faces not found for too long; the numbers of those that had been confirmed."""
        config = self._config
        kept, left = [], []
        for track in self._tracks:
            if track.number == 0:
                patience = DOUBT if track.visible else min(config.confirm, config.leave, DOUBT)
                lost = at - track.found >= patience
            else:
                lost = at - track.last >= config.leave
            if not lost:
                kept.append(track)
            elif track.number:
                left.append(track.number)
        self._tracks = kept
        return tuple(left)

    def _observe(self, track: Track, image: NDArray[np.uint8], gray: NDArray[np.uint8], at: float) -> FaceObservation:
        box = framed(track.steady)
        face = thumbnail(gray, box)
        if track.grade is None or not track.still:
            known = track.known and 0 <= at - track.compared < RECOGNISED
            track.grade = quality(face, track.steady.width, self._config, known=known, speed=track.speed)
            if not known:
                track.known, track.compared = track.grade.reason is None, at
        grade, scores, fresh = track.grade, None, False
        if grade.reason is None and self._front_end is not None and self._classifier is not None:
            fresh = self._is_due(track, face, at)
            if fresh:
                source = gray if self._front_end.channels == 1 else image
                track.scores = self._classifier.classify(self._front_end.features(source, box))
                track.classified, track.judged = at, face
                self._counts["classified"] += 1
            scores = track.scores
        return FaceObservation(at, track.number, box, grade, scores, fresh)

    def _is_due(self, track: Track, face: NDArray[np.uint8], at: float) -> bool:
        if track.judged is None:
            return True
        waited = at - track.classified
        if 0 <= waited < self._spared:
            return False
        if not 0 <= waited < self._config.refresh:
            return True
        return cv2.norm(face, track.judged, cv2.NORM_L1) > self._config.change * face.size


def _gray(image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """A gray picture from gray, BGR or BGRA; None where `image` is none of these."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim not in (2, 3) or image.size == 0:
        return None
    if image.ndim == 2:
        return image
    if image.shape[2] == 1:
        return image[:, :, 0]
    if image.shape[2] not in (3, 4):
        return None
    gray: NDArray[np.uint8] = cv2.cvtColor(
        image, cv2.COLOR_BGR2GRAY if image.shape[2] == 3 else cv2.COLOR_BGRA2GRAY
    )
    return gray


def _same(known: Box, found: Box) -> bool:
    """Whether a find is a face that is already followed: they overlap, or one lies in the other."""
    (kx, ky), (fx, fy) = known.centre, found.centre
    reach = max(known.width, found.width) / 2
    return known.overlap(found) > 0.25 or (abs(kx - fx) < 0.6 * reach and abs(ky - fy) < 0.6 * reach)


def _distance(a: Box, b: Box) -> float:
    (ax, ay), (bx, by) = a.centre, b.centre
    return (ax - bx) ** 2 + (ay - by) ** 2
