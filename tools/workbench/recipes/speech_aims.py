"""Which directions of a teacher's values tell emotions apart: what the net of the speech front end must not miss.

Most of what a teacher's frames differ by is words and voices. A logistic regression on its means of clips, each less
what is usual of its speaker, finds the few directions in which an emotion moves them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emoedge.emotions import INDEX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.data.speech import Clip

USUAL = 20.0
"""Clips that what is usual of everybody counts for beside those of a speaker."""
STRENGTH = 0.003
"""Inverse of the regression's penalty: the smaller, the fewer directions of their own the corpora get."""
ITERATIONS = 200


def aims(means: NDArray[np.float32], clips: Sequence[Clip]) -> NDArray[np.float32]:
    """Directions (values, emotions) of means (clips, values), so that what they tell spreads by 1 within speakers.

    Corpora count by the root of their clips, emotions evenly within each. Raises ValueError where the clips are of one
    emotion.
    """
    from sklearn.linear_model import LogisticRegression

    own = less_usual(means, [f"{clip.dataset}/{clip.speaker}" for clip in clips])
    labels = np.array([INDEX[clip.emotion] for clip in clips])
    if len(set(labels.tolist())) < 2:
        raise ValueError("all clips are of one emotion: nothing tells it from others")
    spread = own.std(axis=0) + 1e-6
    regression = LogisticRegression(C=STRENGTH, max_iter=ITERATIONS)
    regression.fit(own / spread, labels, sample_weight=_weights(clips, labels))
    found = np.atleast_2d(regression.coef_)
    directions = ((found - found.mean(axis=0)) if len(found) > 1 else found).T / spread[:, None]
    return np.asarray(directions / ((own @ directions).std(axis=0) + 1e-6), dtype=np.float32)


def less_usual(means: NDArray[np.float32], speakers: Sequence[str]) -> NDArray[np.float64]:
    """Means (clips, values) less those of their speaker, who shares USUAL clips of everybody's."""
    numbers = np.unique(np.asarray(speakers), return_inverse=True)[1]
    sums = np.zeros((numbers.max() + 1, means.shape[1]))
    np.add.at(sums, numbers, means)
    everybody = means.mean(axis=0, dtype=np.float64)
    usual = (sums + USUAL * everybody) / (np.bincount(numbers) + USUAL)[:, None]
    return np.asarray(means - usual[numbers], dtype=np.float64)


def _weights(clips: Sequence[Clip], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    corpora = np.unique([clip.dataset for clip in clips], return_inverse=True)[1]
    weights = np.zeros(len(clips))
    for corpus in range(corpora.max() + 1):
        own = corpora == corpus
        for label in set(labels[own].tolist()):
            these = own & (labels == label)
            weights[these] = np.sqrt(own.sum()) / these.sum()
    return np.asarray(weights / weights.mean(), dtype=np.float64)
