"""Balances classes: fewer rows of the frequent ones, repeated rows of the rare ones, or weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NONE, UNDER, OVER, WEIGHTS = "none", "under", "over", "weights"
METHODS = (NONE, UNDER, OVER, WEIGHTS)


def rows(labels: NDArray[np.int64], method: str, *, seed: int) -> NDArray[np.int64]:
    """Positions of the rows to learn from, ascending.

    `under` draws of each class as many rows as the rarest one has; `over` repeats rows until each class has as
    many as the most frequent one, none of them twice more often than another of its class; `none` and `weights`
    keep every row once. Classes without a row stay without. Raises ValueError for another method.
    """
    if method not in METHODS:
        raise ValueError(f"no way to balance called {method!r}; there are: {', '.join(METHODS)}")
    if method in (NONE, WEIGHTS) or not len(labels):
        return np.arange(len(labels), dtype=np.int64)
    rng = np.random.default_rng(seed)
    of_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    sizes = [len(own) for own in of_class]
    wanted = min(sizes) if method == UNDER else max(sizes)
    chosen = []
    for own in of_class:
        whole, rest = divmod(wanted, len(own))
        chosen += [np.repeat(own, whole), rng.permutation(own)[:rest]]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def class_weights(labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Weight of a row of each class, `classes` values: rows / (classes that occur x rows of this class).

    The mean over the rows is 1; a class without a row gets 0.
    """
    counts = np.bincount(labels, minlength=classes)[:classes]
    occurs = counts > 0
    weights = np.zeros(classes)
    weights[occurs] = counts.sum() / (occurs.sum() * counts[occurs])
    return weights
