"""The motion gate: which parts of a picture changed since they were last looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emoedge.messages import Box

CELLS = 40
"""Cells along the longer side: 16 px of a 640 px wide picture, enough to average a camera's noise away."""

FLAT = 2.5
"""Gray levels: a picture whose cells vary by less shows nothing."""

RELATIVE = 0.04
"""Share of a cell's brightness that lamps on mains power may flicker by beyond the common change."""


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """What the gate saw in one picture."""

    cells: NDArray[np.bool_]
    """Rows x columns; True where the picture changed."""
    cell: tuple[float, float]
    """Pixels: width and height of a cell."""
    blank: bool
    """Nothing can be seen: dark, or flat."""

    @property
    def any(self) -> bool:
        """Whether anything changed."""
        return bool(self.cells.any())

    def within(self, box: Box, reach: float) -> bool:
        """Whether anything changed in `box` enlarged to `reach` times its sides."""
        return bool(self.cells[cells_of(box, reach, self.cell, self.cells.shape)].any())


def cells_of(
    box: Box, reach: float, cell: tuple[float, float], shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """Index of the cells that `box`, enlarged to `reach` times its sides, touches."""
    cx, cy = box.centre
    half_w, half_h = box.width * reach / 2, box.height * reach / 2
    left, right = int((cx - half_w) / cell[0]), int((cx + half_w) / cell[0]) + 1
    top, bottom = int((cy - half_h) / cell[1]), int((cy + half_h) / cell[1]) + 1
    return slice(max(top, 0), min(max(bottom, 0), shape[0])), slice(max(left, 0), min(max(right, 0), shape[1]))


class MotionGate:
    """Compares each picture with what was there when each of its cells last changed.

    So a slow change adds up until it counts. A change of brightness that all cells share (a lamp, the
    camera's exposure) is taken out first.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._before: NDArray[np.float32] | None = None
        self._shape: tuple[int, ...] = ()

    def look(self, gray: NDArray[np.uint8]) -> Motion:
        """What changed in `gray`, height x width; everything, when it is the first of its size."""
        height, width = gray.shape
        longer = max(height, width)
        columns, rows = max(1, round(CELLS * width / longer)), max(1, round(CELLS * height / longer))
        columns, rows = min(columns, width), min(rows, height)
        small = shrunk(gray, columns, rows).astype(np.float32)
        cell = (width / columns, height / rows)
        mean, spread = cv2.meanStdDev(small)
        blank = bool(spread[0, 0] < FLAT)
        if self._before is None or self._shape != gray.shape:
            self._before, self._shape = small, gray.shape
            return Motion(np.ones(small.shape, dtype=bool), cell, blank)
        # Not np.clip: of two numbers it takes longer than all the rest here.
        common = min(max(float(mean[0, 0]) / max(cv2.mean(self._before)[0], 1.0), 0.8), 1.25)
        expected = self._before * np.float32(common)
        cells = np.abs(small - expected) > self._threshold + np.float32(RELATIVE) * expected
        if cells.any():
            self._before[cells] = small[cells]
        return Motion(cells, cell, blank)


def shrunk(gray: NDArray[np.uint8], columns: int, rows: int) -> NDArray[np.uint8]:
    """Mean gray level of each of `rows` x `columns` cells, to one level.

    Halving again and again costs a third of doing it at once: OpenCV has vector code for that.
    """
    height, width = gray.shape
    while not (height % 2 or width % 2) and height >= 2 * rows and width >= 2 * columns:
        height, width = height // 2, width // 2
        gray = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)
    if (height, width) != (rows, columns):
        gray = cv2.resize(gray, (columns, rows), interpolation=cv2.INTER_AREA)
    return gray
