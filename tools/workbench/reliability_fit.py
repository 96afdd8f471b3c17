"""A model's reliability from its predictions on validation rows: the exponent under which its evidence is honest.

An observation enters the belief filter as `(p / prior) ** weight`. The weight fitted here is the one under which
these factors, every class counting alike, give the truth of the validation rows the highest likelihood: 1 for a
model whose probabilities mean what they say, less for one that boasts. It is the inverse of a temperature
(Guo et al. 2017, arXiv:1706.04599) fitted on class-balanced data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.emotions import CANONICAL
from emoedge.fusion.belief import FLOOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.sense_material import Sample

GRID = np.round(np.arange(0.0, 1.0001, 0.01), 2)
"""Weights that are tried; a model that is too modest still gets no more than 1, the filter's own limit."""


def ratios(
    samples: Sequence[Sample], prior: Sequence[float], known: Sequence[bool] | NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """log(p / prior) over the known labels of every classified observation, n x k, and its truth's place there.

    Samples of an emotion that the model has no label for are left out. Raises ValueError where nothing is left.
    """
    places = np.flatnonzero(np.asarray(known))
    base = np.full(len(CANONICAL), 1 / len(places)) if not prior else np.maximum(np.asarray(prior), FLOOR)
    rows, truth = [], []
    for sample in samples:
        if sample.emotion not in places:
            continue
        for evidence in sample.evidence:
            if evidence.scores is not None:
                rows.append(np.log(np.maximum(evidence.scores.values, FLOOR) / base)[places])
                truth.append(int(np.searchsorted(places, sample.emotion)))
    if not rows:
        raise ValueError("no observation was classified; nothing to fit a reliability on")
    return np.stack(rows), np.array(truth, dtype=np.int64)


def fit(rows: NDArray[np.float64], truth: NDArray[np.int64]) -> tuple[float, NDArray[np.float64]]:
    """The weight of GRID with the highest likelihood, and the class-balanced log loss at every weight of it."""
    counts = np.bincount(truth, minlength=rows.shape[1])
    share = np.zeros(len(counts))
    share[counts > 0] = 1 / (counts[counts > 0] * (counts > 0).sum())
    losses = []
    for weight in GRID:
        powers = weight * rows
        powers = powers - powers.max(axis=1, keepdims=True)
        logs = powers[np.arange(len(truth)), truth] - np.log(np.exp(powers).sum(axis=1))
        losses.append(float(-(share[truth] * logs).sum()))
    return float(GRID[int(np.argmin(losses))]), np.array(losses)


def confusion(rows: NDArray[np.float64], truth: NDArray[np.int64]) -> list[list[int]]:
    """How often each label (column) was the likeliest where each (row) was true, by observation."""
    table = np.zeros((rows.shape[1], rows.shape[1]), dtype=np.int64)
    np.add.at(table, (truth, rows.argmax(axis=1)), 1)
    return table.tolist()  # type: ignore[no-any-return]


def report(samples: Sequence[Sample], prior: Sequence[float], known: NDArray[np.bool_]) -> dict[str, Any]:
    """The fitted weight with what it rests on, JSON-ready."""
    rows, truth = ratios(samples, prior, known)
    weight, losses = fit(rows, truth)
    return {
        "reliability": weight,
        "observations": len(truth),
        "samples": len(samples),
        "log_loss": {
            "0": round(float(losses[0]), 4), "fitted": round(float(losses.min()), 4), "1": round(float(losses[-1]), 4),
        },
        "classes": [label for label, has in zip(CANONICAL, known, strict=True) if has],
        "confusion": confusion(rows, truth),
    }  # fmt: skip
