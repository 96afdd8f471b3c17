"""A network in training, measured on whole speakers as `tools/evaluate.py` will measure its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.emotions import CANONICAL, INDEX, canonical
from workbench.recipes.speech_sessions import LABELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

CANONICAL_OF = np.array([INDEX[canonical(label) or label] for label in LABELS])


def clip_log_probabilities(
    log_probabilities: NDArray[np.floating[Any]], owner: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean over each clip's windows of canonical log-probabilities, (clips, 7), from those over LABELS."""
    canonical_windows = np.full((len(log_probabilities), len(CANONICAL)), -np.inf)
    for column, emotion in enumerate(CANONICAL_OF):
        canonical_windows[:, emotion] = np.logaddexp(canonical_windows[:, emotion], log_probabilities[:, column])
    sums = np.zeros((owner.max() + 1, len(CANONICAL)))
    np.add.at(sums, owner, canonical_windows)
    return sums / np.bincount(owner)[:, None]


def trial(
    logits: NDArray[np.floating[Any]], owner: NDArray[np.int64], emotions: NDArray[np.int64]
) -> dict[str, float]:
    """Accuracy, unweighted average recall and number of clips.

    `logits` (windows, labels) over LABELS, the clip of each window, and the clip's canonical emotion (windows,).
    """
    owner = np.unique(owner, return_inverse=True)[1]
    logits = logits - logits.max(axis=1, keepdims=True)
    scores = clip_log_probabilities(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), owner)
    truth = np.zeros(len(scores), dtype=np.int64)
    truth[owner] = emotions
    present = np.unique(truth)
    guess = present[scores[:, present].argmax(axis=1)]
    recalls = [float((guess[truth == emotion] == emotion).mean()) for emotion in present]
    return {"accuracy": float((guess == truth).mean()), "uar": float(np.mean(recalls)), "clips": len(truth)}
