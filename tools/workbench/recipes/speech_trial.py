"""A network in training, measured on whole speakers as `tools/evaluate.py` will measure its file."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.emotions import CANONICAL, INDEX, canonical
from workbench.clip_stream import ClipStream
from workbench.recipes.speech_front_end import HOP, SECONDS
from workbench.recipes.speech_sessions import LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from emoedge.audio.front_end import SpeechFrontEnd
    from workbench.recipes.speech_power import PowerCache

CANONICAL_OF = np.array([INDEX[canonical(label) or label] for label in LABELS])


def trial_windows(
    cache: PowerCache, rows: Iterable[int], front_end: SpeechFrontEnd
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Windows of clips as streams, a stream a speaker: features, the clip of each window, the clips' emotions."""
    def speaker(row: int) -> tuple[str, str]:
        return cache.clips[row].dataset, cache.clips[row].speaker

    ordered = sorted(rows, key=lambda row: (*speaker(row), cache.clips[row].digest))
    features: list[NDArray[np.float32]] = []
    owner: list[int] = []
    emotions: list[int] = []
    for _, session in groupby(ordered, key=speaker):
        stream = ClipStream(front_end, front_end.push_power, rate=1 / HOP, seconds=SECONDS)
        for row in session:
            windows = stream.play(cache.power(row))
            owner += [len(emotions)] * len(windows)
            emotions.append(INDEX[cache.clips[row].emotion])
            features.append(windows)
    return np.concatenate(features), np.array(owner), np.array(emotions)


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
    network: Callable[[NDArray[np.float32]], NDArray[np.floating[Any]]],
    material: tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]],
) -> dict[str, float]:
    """Accuracy, unweighted average recall and number of clips; `network` gives logits over LABELS."""
    features, owner, emotions = material
    logits = network(features)
    logits = logits - logits.max(axis=1, keepdims=True)
    scores = clip_log_probabilities(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), owner)
    present = np.unique(emotions)
    guess = present[scores[:, present].argmax(axis=1)]
    recalls = [float((guess[emotions == emotion] == emotion).mean()) for emotion in present]
    return {"accuracy": float((guess == emotions).mean()), "uar": float(np.mean(recalls)), "clips": len(emotions)}
