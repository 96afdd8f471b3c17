"""Rows to calibrate and judge a conversion with, and how they are drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emoedge.emotions import CANONICAL, INDEX
from emoedge.inference.model import front_end_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.conversion.request import Request

BUDGET = 200_000_000
"""Bytes that each of the two parts may take as float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Model inputs and what they show."""

    inputs: NDArray[np.float32]
    """n x front end's shape."""
    targets: NDArray[np.int64]
    """Index into CANONICAL; -1 where the data have no labels."""

    @property
    def labelled(self) -> bool:
        """Whether it is known what the rows show."""
        return len(self.targets) > 0 and bool((self.targets >= 0).all())


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationSet:
    """What the quantizer may see, and what it is judged on."""

    representative: Rows
    held_out: Rows
    description: str
    prior: tuple[float, ...]
    """Class frequencies of the rows that could be learned from, seven values; empty without labels."""


def usable(request: Request, targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions whose emotion the model knows, or that have no label at all."""
    known = [INDEX[label] for label in request.label_map]
    return np.flatnonzero(np.isin(targets, [*known, -1]))


def balanced(targets: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """About `count` positions, as many of each class as there are, in random order."""
    order = rng.permutation(len(targets))
    classes = np.unique(targets)
    share = math.ceil(count / max(len(classes), 1))
    chosen = np.concatenate([order[targets[order] == c][:share] for c in classes]) if len(classes) else order
    return rng.permutation(chosen)[:count]


def limits(request: Request) -> tuple[int, int]:
    """Rows that representative and held-out part may have, for the memory they take."""
    most = max(20, BUDGET // (4 * math.prod(front_end_shape(request.front_end))))
    return min(request.samples, most), min(request.held_out, most)


def frequencies(targets: NDArray[np.int64]) -> tuple[float, ...]:
    """Share of each canonical class, one row added to each so that none is impossible; empty without labels."""
    if not len(targets) or (targets < 0).any():
        return ()
    counts = np.bincount(targets, minlength=len(CANONICAL)) + 1.0
    return tuple(float(p) for p in counts / counts.sum())
