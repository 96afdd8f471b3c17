"""Searching the picture for new faces: only where it changed, a range of sizes at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from emoedge.messages import Box
from emoedge.vision.gate import cells_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from emoedge.ports import FaceDetector
    from emoedge.vision.gate import Motion

SCALE = 24
"""Pixels: side of the smallest face of a band in the reduced picture."""

PATROL = 4
"""Every so many scans the surroundings of followed faces are searched too."""


class Band:
    """Faces of one octave of sizes: `side` .. 2 * `side` pixels."""

    def __init__(self, side: float, shape: tuple[int, ...]) -> None:
        self.side = side
        self.unseen = np.zeros(shape, dtype=bool)
        """Cells that changed since this band was last searched there."""
        self.scanned = -math.inf
        """Seconds."""
        self.scans = 0


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
        self.scans = 0
        """Bands searched since the start."""

    @property
    def owes(self) -> bool:
        """Whether any part is still to be searched."""
        return any(bool(band.unseen.any()) for band in self._bands)

    def note(self, motion: Motion, shape: tuple[int, ...]) -> None:
        """Take down what changed in a picture of `shape`, height x width."""
        if shape != self._shape:
            self._shape = shape
            self._bands = self._octaves(shape, motion.cells.shape)
        if motion.any:
            for band in self._bands:
                band.unseen |= motion.cells

    def scan(self, gray: NDArray[np.uint8], at: float, motion: Motion, followed: Sequence[Box]) -> list[Box]:
        """Search what is due; boxes of possible faces in `gray`, to be looked at again.

        `followed`: faces that are known; their surroundings are left out, but for a patrol.
        """
        interval = self._interval if followed else self._interval / 2
        pause = at - self._last
        self._last = at
        if not 0 <= pause < 3600:
            pause = interval
        # Slow film: several bands a frame, so that a round takes no longer than the interval.
        allowed = max(1, math.ceil(len(self._bands) * pause / interval - 0.5))
        due = [b for b in self._bands if not at - b.scanned < interval and b.unseen.any()]
        due.sort(key=lambda band: band.scanned)
        known = np.zeros(motion.cells.shape, dtype=bool)
        for box in followed:
            known[cells_of(box, 2.0, motion.cell, known.shape)] = True
        found: list[Box] = []
        for band in due[:allowed]:
            found += self._search(gray, band, at, motion, known)
        return found

    def _search(
        self, gray: NDArray[np.uint8], band: Band, at: float, motion: Motion, known: NDArray[np.bool_]
    ) -> list[Box]:
        band.scanned = at
        band.scans += 1
        patrol = band.scans % PATROL == 0
        wanted = band.unseen if patrol else band.unseen & ~known
        rows, columns = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
        if not len(rows):
            return []
        self.scans += 1
        reach = 2 * band.side
        height, width = gray.shape
        left, right = columns[0] * motion.cell[0] - reach, (columns[-1] + 1) * motion.cell[0] + reach
        top, bottom = rows[0] * motion.cell[1] - reach, (rows[-1] + 1) * motion.cell[1] + reach
        left, top = max(int(left), 0), max(int(top), 0)
        part = gray[top : min(int(bottom), height), left : min(int(right), width)]
        band.unseen &= known if not patrol else False
        factor = min(1.0, SCALE / band.side)
        size = (max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor)))
        small = cv2.resize(part, size, interpolation=cv2.INTER_AREA) if factor < 1 else part
        smallest = round(band.side * factor)
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
