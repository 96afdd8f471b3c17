"""Shifts a classifier's logits until it names each class as often as it occurs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 1.0
"""Bound of a shift: a rare class has few held-out rows, and a larger step would follow their accidents."""

ROUNDS = 300


def matching_shift(logits: NDArray[np.floating[Any]], truth: NDArray[np.int64]) -> NDArray[np.float32]:
    """Shift (K) to add to logits (N x K) so that the arg-max names each class about as often as `truth` has it.

    A net trained on likelihood avoids the classes that it finds hard (fear), and its mean recall pays for it.
    Classes that do not occur in `truth` are left alone; the shift has mean 0 over the others.
    """
    count = logits.shape[1]
    wanted = np.bincount(truth, minlength=count).astype(np.float64)
    occurs = wanted > 0
    shift = np.zeros(count)
    best, least = shift, np.inf
    for turn in range(ROUNDS):
        named = np.bincount((logits + shift).argmax(axis=1), minlength=count)
        distance = float(np.abs(named - wanted).sum())
        if distance < least:
            best, least = shift.copy(), distance
        step = 0.2 * (1 - turn / ROUNDS)
        # Half a row on both sides: a class that is never named still moves by a finite step.
        shift = shift + step * np.where(occurs, np.log((wanted + 0.5) / (named + 0.5)), 0)
        shift[occurs] -= shift[occurs].mean()
        shift = shift.clip(-LARGEST, LARGEST)
    return best.astype(np.float32)
