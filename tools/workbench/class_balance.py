"""Shifts a classifier's logits until it names each class as often as it occurs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 1.0
"""Bound of a shift: a rare class has few held-out rows, and a larger step would follow their accidents."""

ROUNDS = 300
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


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


def balancing_shift(logits: NDArray[np.floating[Any]], truth: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return that share (of SHARES) of the matching shift under which accuracy + macro-F1 on these rows is largest.

    The whole of it costs precision where a rare class (disgust) would have to be named by guessing.
    """
    whole = matching_shift(logits, truth)
    return max((np.float32(share) * whole for share in SHARES), key=lambda shift: _worth(logits + shift, truth))


def _worth(logits: NDArray[np.floating[Any]], truth: NDArray[np.int64]) -> float:
    said = logits.argmax(axis=1)
    f1 = [
        2 * int(((said == c) & (truth == c)).sum()) / int((said == c).sum() + (truth == c).sum())
        for c in np.unique(truth)
    ]
    return float((said == truth).mean() + np.mean(f1))
