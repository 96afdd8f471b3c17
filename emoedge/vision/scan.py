"""Searching the picture for new faces: only where it changed, a range of sizes at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from emoedge.messages import Box
from emoedge.vision.gate import cells_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from emoedge.ports import FaceDetector
    from emoedge.vision.gate import Motion

SCALE, FINE_SCALE, SLOW = 24, 30, 0.1
"""Pixels: side of the smallest face of a band in the reduced picture, the second where frames are SLOW seconds apart.

Few frames are few chances: with the second side, and the first picture searched at once, `tools/evaluate_scenes.py`
found 75 % of its faces from 96 pixels on at 5 a second, without either 70 %. A frame costs a quarter more then.
"""

PATROL = 4
"""Every so many scans the surroundings of followed faces are searched too."""


BETWEEN = 1.1
"""Every other scan of a band is of sizes in between: two quick ones find what one in fine steps would."""


class Band:
    """Faces of one octave of sizes: `side` .. 2 * `side` pixels."""

    def __init__(self, side: float, shape: tuple[int, ...]) -> None:
        self.side = side
        self.unseen = (np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool))
        """Cells that changed since they were last searched, for the sizes proper and those in between."""
        self.scanned = -math.inf
        """Seconds."""
        self.scans = 0

    def note(self, changed: NDArray[np.bool_]) -> None:
        """Owe the changed cells a search in both sets of sizes."""
        self.unseen[0][changed] = True
        self.unseen[1][changed] = True

    @property
    def owes(self) -> bool:
        """Whether any cell is still to be searched."""
        return bool(self.unseen[0].any() or self.unseen[1].any())

    @property
    def new(self) -> bool:
        """Whether it has not been searched in both sets of sizes yet: who is there at the start is not kept waiting."""
        return self.scans < 2

    @property
    def turn(self) -> int:
        """Which of the two sets of sizes is to be searched next."""
        turn = self.scans % 2
        return turn if self.unseen[turn].any() else 1 - turn


class Part(NamedTuple):
    """A piece of the picture to search for faces of `side` .. 2 * `side`; all in pixels."""

    side: float
    left: int
    top: int
    right: int
    bottom: int


class Scanner:
    """Owes every changed part of the picture one search in each band, and pays a little each frame.

    A face can come into view only where the picture changes, so what has been searched and stays as it
    was needs no second search.
    """

    def __init__(self, detector: FaceDetector, smallest: float, interval: float) -> None:
        self._detector = detector
        self._smallest = smallest
        self._interval = interval
        self._bands: list[Band] = []
        self._shape: tuple[int, ...] = ()
        self._last = -math.inf
        self._scale = SCALE
        self.scans = 0
        """Bands searched since the start."""

    @property
    def owes(self) -> bool:
        """Whether any part is still to be searched."""
        return any(band.owes for band in self._bands)

    def begin(self) -> None:
        """Take the next picture for the first one: nothing of it has been searched."""
        self._shape = ()

    def note(self, motion: Motion, shape: tuple[int, ...]) -> None:
        """Take down what changed in a picture of `shape`, height x width."""
        if shape != self._shape:
            self._shape = shape
            self._bands = self._octaves(shape, motion.cells.shape)
        if motion.any:
            for band in self._bands:
                band.note(motion.cells)

    def scan(self, gray: NDArray[np.uint8], at: float, motion: Motion, followed: Sequence[Box]) -> list[Box]:
        """Search what is due; boxes of possible faces in `gray`, to be looked at again.

        `followed`: faces that are known; their surroundings are left out, but for a patrol.
        """
        interval = self._interval if followed else self._interval / 2
        pause = at - self._last
        self._last = at
        if not 0 <= pause < 3600:
            pause = interval
        self._scale = SCALE if pause < SLOW else FINE_SCALE
        # Slow film: several bands a frame, so that a round takes no longer than the interval.
        allowed = max(1, math.ceil(len(self._bands) * pause / interval - 0.5))
        if any(band.new for band in self._bands):
            allowed = len(self._bands)
        known = np.zeros(motion.cells.shape, dtype=bool)
        for box in followed:
            known[cells_of(box, 2.0, motion.cell, known.shape)] = True
        found: list[Box] = []
        for band in sorted(self._bands, key=lambda band: band.scanned):
            if allowed == 0:
                break
            part = self._part(band, at, interval, motion, known)
            if part is not None:
                found += self._search(gray, band, at, part)
                allowed -= 1
        return found

    def _part(
        self, band: Band, at: float, interval: float, motion: Motion, known: NDArray[np.bool_]
    ) -> Part | None:
        """What `band` should search now; None while nothing is due.

        A part of the picture costs its share of a whole scan, and comes round as much sooner.
        """
        if not band.owes:
            return None
        patrol = band.scans // 2 % PATROL == PATROL - 1
        turn = band.turn
        wanted = band.unseen[turn]
        if not patrol:
            wanted = wanted & ~known
        rows, columns = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
        (height, width), reach, waited = self._shape, 2 * band.side * BETWEEN, at - band.scanned
        if not len(rows):
            # Only the surroundings of known faces changed: that counts as searched until a patrol is due.
            if not 0 <= waited < interval:
                band.scanned = at
                band.scans += 1
            return None
        left = max(int(columns[0] * motion.cell[0] - reach), 0)
        right = min(int((columns[-1] + 1) * motion.cell[0] + reach), width)
        top = max(int(rows[0] * motion.cell[1] - reach), 0)
        bottom = min(int((rows[-1] + 1) * motion.cell[1] + reach), height)
        share = (right - left) * (bottom - top) / (width * height)
        if not band.new and 0 <= waited < interval * share:
            return None
        band.unseen[turn][wanted] = False
        return Part(band.side * BETWEEN**turn, left, top, right, bottom)

    def _search(self, gray: NDArray[np.uint8], band: Band, at: float, part: Part) -> list[Box]:
        side, left, top, right, bottom = part
        band.scanned = at
        band.scans += 1
        self.scans += 1
        factor = min(1.0, self._scale / side)
        size = (max(1, round((right - left) * factor)), max(1, round((bottom - top) * factor)))
        small = cv2.resize(gray[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
        smallest = round(side * factor)
        finds = self._detector.detect(small, minimum=smallest, maximum=2 * smallest + 1, quick=True)
        return [
            Box(left + f.x / factor, top + f.y / factor, f.width / factor, f.height / factor) for f in finds
        ]

    def _octaves(self, shape: tuple[int, ...], cells: tuple[int, ...]) -> list[Band]:
        shorter = min(shape)
        side = max(self._smallest * shorter, float(SCALE))
        bands = []
        while side <= shorter:
            bands.append(Band(side, cells))
            side *= 2
        return bands
