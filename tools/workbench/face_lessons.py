"""Views of training faces with what teachers say of them, made once and kept: asking costs more than learning does."""

from __future__ import annotations

import hashlib
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench import training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from workbench.face_learning import Opinions


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """One view of each row, and the teachers' probabilities of either head for it."""

    views: NDArray[np.uint8]
    """N x H x W."""
    original: NDArray[np.float32]
    """N x 7."""
    votes: NDArray[np.float32]
    """N x 8."""


class Lessons:
    """So many lessons on disk; what is there of the same teachers and rows is not made anew."""

    def __init__(self, directory: Path, count: int, said: str) -> None:
        """`said` is all that makes other lessons of these: the rows, the views, the teachers."""
        self.count = count
        self._directory, self._key = directory, hashlib.sha256(said.encode()).hexdigest()[:16]

    def make(self, view: Callable[[int], Iterator[NDArray[np.float32]]], opinions: Opinions) -> None:
        """Make what is missing; `view` gives the views (M x H x W x 1 in 0..1) of lesson N in blocks."""
        missing = [number for number in range(self.count) if not self._path(number).exists()]
        self._directory.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        for done, number in enumerate(missing, start=1):
            views, told = [], []
            for block in view(number):
                pixels = np.rint(block * 255).astype(np.uint8)
                views.append(pixels[..., 0])
                told.append(opinions(pixels.astype(np.float32) / 255))
            arrays = {"views": np.concatenate(views)}
            for head, name in enumerate(("original", "votes")):
                arrays[name] = np.concatenate([each[head] for each in told])
            training.write_arrays(self._path(number), arrays)
            left = (time.monotonic() - began) / done * (len(missing) - done)
            print(f"lessons: {done}/{len(missing)}, {left:.0f} s left", file=sys.stderr, flush=True)

    def lesson(self, number: int) -> Lesson:
        """Lesson `number`, counted on from the first when all have been taken."""
        with np.load(self._path(number % self.count), allow_pickle=False) as file:
            return Lesson(file["views"], file["original"], file["votes"])

    def _path(self, number: int) -> Path:
        return self._directory / f"lesson-{self._key}-{number:02d}.npz"
