"""A pool of training windows: renewed a block at a time, drawn from many times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.recipes.speech_augmentation import misjudged
from workbench.recipes.speech_front_end import windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from emoedge.audio.front_end import SpeechFrontEnd
    from workbench.recipes.speech_sessions import SessionSampler

BLOCK = 85
"""Sessions in a block."""
BLOCKS = 32
"""Blocks in the pool; the oldest is overwritten."""


class WindowPool:
    """Windows of the last BLOCKS blocks: features in half precision, labels, and which labels their corpus has.

    Making a window costs as much as learning from it, and a window is worth more than one look. Block k depends
    on the seed and on k alone, so a resumed run has the pool that an uninterrupted one would have.
    """

    def __init__(self, sampler: SessionSampler, front_end: SpeechFrontEnd, *, labels: int, seed: int) -> None:
        self._sampler = sampler
        self._front_end = front_end
        self._seed = seed
        self._size = BLOCK * sampler.clips
        rows = self._size * BLOCKS
        self.features = np.zeros((rows, *front_end.shape), dtype=np.float16)
        self.labels = np.zeros(rows, dtype=np.int64)
        self.known = np.zeros((rows, labels), dtype=bool)
        self.filled = 0

    def add(self, block: int) -> None:
        """Make block `block`, in place of the oldest one where the pool is full."""
        self._sampler.rng = np.random.default_rng((self._seed, 1 + block))
        at = block % BLOCKS * self._size
        for _ in range(BLOCK):
            session = self._sampler.session()
            part = slice(at, at + len(session.labels))
            self.features[part] = windows(self._front_end, session)
            self.labels[part] = session.labels
            self.known[part] = session.known
            at = part.stop
        self.filled = max(self.filled, at)

    def batches(
        self, count: int, size: int, rng: np.random.Generator
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]]:
        """`count` batches of `size` windows: features, labels, known labels."""
        for _ in range(count):
            rows = rng.integers(self.filled, size=size)
            yield misjudged(self.features[rows].astype(np.float32), rng), self.labels[rows], self.known[rows]
