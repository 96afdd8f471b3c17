"""Valence and arousal as outputs of their own: which numbers the network learns, and what it loses by being wrong.

Two outputs after those of the labels. Arousal is learned as one of two: high (angry, fear, happy, surprise) or
low (sad, neutral, calm). Disgust is neither, it lies between them in every study, and teaches nothing of it.
Valence is learned as the place of the label on its axis. What is published is low + (high - low) * sigmoid(output):
for arousal the mean of the emotions of either kind at the ends, in the plane of `emoedge.emotions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emoedge.emotions import HIGH_AROUSAL, INDEX, LOW_AROUSAL, VALENCE_AROUSAL
from workbench.recipes.speech_trial import CANONICAL_OF

if TYPE_CHECKING:
    from typing import Any

    import tensorflow as tf
    from numpy.typing import NDArray

ENDS = {
    "valence": (float(VALENCE_AROUSAL[:, 0].min()), float(VALENCE_AROUSAL[:, 0].max())),
    "arousal": tuple(
        round(float(VALENCE_AROUSAL[[INDEX[name] for name in names], 1].mean()), 4)
        for names in (LOW_AROUSAL, HIGH_AROUSAL)
    ),
}
"""Values at sigmoid 0 and 1, in the order of the outputs."""

SMOOTHING = 0.1
SHARE = 0.3
"""What a wrong arousal costs, the label's loss being 1; a wrong valence costs half of it."""


def _targets() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """For each label: valence 0..1, arousal 0 or 1, and the weight of the latter, which evens high and low out."""
    low, high = ENDS["valence"]
    kinds = {INDEX[name]: (1.0, 0.7) for name in HIGH_AROUSAL} | {INDEX[name]: (0.0, 1.4) for name in LOW_AROUSAL}
    rows = [
        ((VALENCE_AROUSAL[emotion, 0] - low) / (high - low), *kinds.get(int(emotion), (0.0, 0.0)))
        for emotion in CANONICAL_OF
    ]
    return np.array(rows, dtype=np.float32)


TARGETS = _targets()


def written() -> str:
    """ENDS as `tools/convert.py --dimensions` takes them."""
    return ",".join(f"{name}={low:g}:{high:g}" for name, (low, high) in ENDS.items())


def even(outputs: NDArray[np.floating[Any]], emotions: NDArray[np.int64]) -> float:
    """What to add to the arousal outputs (n,) of clips so that 0 tells high from low best, each half counting the same.

    `emotions` are canonical indices; 0 where a half is missing. Of equally good places the middle is taken.
    """
    high, low = (
        np.sort(outputs[np.isin(emotions, [INDEX[name] for name in names])]) for names in (HIGH_AROUSAL, LOW_AROUSAL)
    )
    if not len(high) or not len(low):
        return 0.0
    places = np.linspace(low[0], high[-1], 401)
    right = np.searchsorted(low, places) / len(low) - np.searchsorted(high, places) / len(high)
    return -float(np.median(places[right >= right.max() - 1e-9]))


def loss(outputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Mean over a batch; `outputs` (n, 2), valence then arousal, `labels` (n,) indices into LABELS."""
    import tensorflow as tf

    rows = tf.gather(tf.constant(TARGETS), labels)
    wanted = (1 - SMOOTHING) * rows[:, :2] + SMOOTHING / 2
    each = tf.nn.sigmoid_cross_entropy_with_logits(wanted, outputs)
    return SHARE * tf.reduce_mean(0.5 * each[:, 0] + rows[:, 2] * each[:, 1])
