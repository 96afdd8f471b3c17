"""Figures of a classifier over the canonical emotions: accuracy, recall, F1, calibration, confusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emoedge.emotions import CANONICAL, HIGH_AROUSAL, INDEX, LOW_AROUSAL, VALENCE_AROUSAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 15
"""Equal-width confidence bins of the calibration error, as in Guo et al. 2017 (arXiv:1706.04599)."""


AROUSAL_MIDDLE = float(
    np.mean([VALENCE_AROUSAL[[INDEX[name] for name in names], 1].mean() for names in (HIGH_AROUSAL, LOW_AROUSAL)])
)
"""Arousal half way between the mean of the labels of high and of those of low arousal."""


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What a model said about the rows of a data set, in the order of the rows."""

    scores: NDArray[np.float64]
    """Canonical probabilities, N x 7; 0 where the model has no such label."""
    known: NDArray[np.bool_]
    """Canonical labels that the model has, 7."""
    truth: NDArray[np.int64]
    """Index into CANONICAL, N; -1 where the row's label has no canonical name."""
    affect: NDArray[np.float64] | None = None
    """Valence and arousal, N x 2, where the model tells them itself."""

    def __post_init__(self) -> None:
        count = len(self.truth)
        if self.scores.shape != (count, len(CANONICAL)):
            raise ValueError(f"scores: expected ({count}, {len(CANONICAL)}), got {self.scores.shape}")
        if self.known.shape != (len(CANONICAL),):
            raise ValueError(f"known: expected ({len(CANONICAL)},), got {self.known.shape}")


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """Figures over the classes that the data contains and the model knows; shares are 0..1."""

    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    """Rows are truth, columns what was said, in the order of `classes`."""
    precision: NDArray[np.float64]
    """0 for a class that was never said."""
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    ece: float
    """Expected calibration error of the probabilities renormalised over `classes`."""
    unnamed: int
    """Rows left out: their label has no canonical name."""
    unknown: int
    """Rows left out: the model has no such label."""

    @property
    def n(self) -> int:
        """Rows that count."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of rows named right."""
        return float(np.trace(self.confusion) / self.n)

    @property
    def uar(self) -> float:
        """Unweighted average recall over the classes."""
        return float(self.recall.mean())

    @property
    def macro_f1(self) -> float:
        """Mean F1 over the classes."""
        return float(self.f1.mean())

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON; shares rounded to five digits."""
        return {
            "accuracy": round(self.accuracy, 5),
            "uar": round(self.uar, 5),
            "macro_f1": round(self.macro_f1, 5),
            "ece": round(self.ece, 5),
            "n": self.n,
            "confusion": self.confusion.tolist(),
            "classes": list(self.classes),
            "recall": [round(float(r), 5) for r in self.recall],
            "dropped": {"unnamed": self.unnamed, "unknown": self.unknown},
        }


def figures(predictions: Predictions) -> Figures:
    """Count. The arg-max runs over the classes that occur in the data and are known to the model.

    Raises ValueError where no row is left or a score is not a number.
    """
    if not np.isfinite(predictions.scores).all():
        raise ValueError("scores hold values that are not numbers")
    truth = predictions.truth
    named = truth >= 0
    occurs = np.bincount(truth[named], minlength=len(CANONICAL)) > 0
    chosen = np.flatnonzero(occurs & predictions.known)
    counted = np.isin(truth, chosen)
    if not counted.any():
        raise ValueError("no row has a label that the model knows")
    scores = predictions.scores[counted][:, chosen]
    right = np.searchsorted(chosen, truth[counted])
    said = scores.argmax(axis=1)
    confusion = np.zeros((len(chosen), len(chosen)), dtype=np.int64)
    np.add.at(confusion, (right, said), 1)
    hits = np.diag(confusion)
    precision = hits / np.maximum(confusion.sum(axis=0), 1)
    recall = hits / confusion.sum(axis=1)
    total = scores.sum(axis=1)
    confidence = np.where(total > 0, scores.max(axis=1) / np.where(total > 0, total, 1), 1 / len(chosen))
    return Figures(
        classes=tuple(CANONICAL[i] for i in chosen),
        confusion=confusion,
        precision=precision,
        recall=recall,
        f1=2 * hits / np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1),
        ece=calibration_error(confidence, said == right),
        unnamed=int((~named).sum()),
        unknown=int((named & ~counted).sum()),
    )


@dataclass(frozen=True, slots=True)
class Arousal:
    """How well rows of high and of low arousal are told apart; shares are 0..1."""

    high: float
    """Recall of HIGH_AROUSAL."""
    low: float
    """Recall of LOW_AROUSAL."""
    area: float
    """Under the ROC curve: how often a row of high arousal scores above one of low arousal."""
    n: int
    own: bool
    """Whether the model tells arousal itself; else the labels' probabilities are compared."""

    @property
    def balanced(self) -> float:
        """Mean of the two recalls."""
        return (self.high + self.low) / 2

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON; shares rounded to five digits."""
        shares = {"balanced_accuracy": self.balanced, "high": self.high, "low": self.low, "area": self.area}
        return {**{key: round(value, 5) for key, value in shares.items()}, "n": self.n, "own": self.own}


def arousal(predictions: Predictions, middle: float = AROUSAL_MIDDLE) -> Arousal | None:
    """Count rows of high and low arousal by `middle`, or, where the model tells none, by the more probable half.

    Disgust and rows without a label are left out. None where a half has no rows.
    """
    sides = [np.isin(predictions.truth, [INDEX[name] for name in names]) for names in (HIGH_AROUSAL, LOW_AROUSAL)]
    if not all(side.any() for side in sides):
        return None
    if predictions.affect is not None:
        score = predictions.affect[:, 1] - middle
    else:
        columns = [[INDEX[name] for name in names] for names in (HIGH_AROUSAL, LOW_AROUSAL)]
        score = predictions.scores[:, columns[0]].sum(axis=1) - predictions.scores[:, columns[1]].sum(axis=1)
    high, low = (score[side] for side in sides)
    order = np.sort(low)
    below = (np.searchsorted(order, high, "left") + np.searchsorted(order, high, "right")) / 2
    return Arousal(
        high=float((high > 0).mean()), low=float((low <= 0).mean()), area=float(below.mean() / len(low)),
        n=len(high) + len(low), own=predictions.affect is not None,
    )  # fmt: skip


def calibration_error(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    """Mean distance between confidence (0..1) and accuracy over BINS bins, weighted by their rows."""
    return float(sum(share * abs(sure - right) for sure, right, share in reliability(confidence, correct)))


def reliability(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> list[tuple[float, float, float]]:
    """(mean confidence, accuracy, share of rows) of each confidence bin that has rows."""
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    rows = [bins == b for b in np.unique(bins)]
    return [(float(confidence[r].mean()), float(correct[r].mean()), float(r.mean())) for r in rows]


def table(result: Figures) -> str:
    """Per-class precision, recall and F1, then the confusion matrix, as aligned text."""
    names = result.classes
    wide = max(9, *(len(name) for name in names))
    lines = [f"{'':{wide}}  precision  recall     f1      n"]
    lines += [
        f"{name:{wide}}  {p:9.3f}  {r:6.3f}  {f:5.3f}  {int(n):5d}"
        for name, p, r, f, n in zip(
            names, result.precision, result.recall, result.f1, result.confusion.sum(axis=1), strict=True
        )
    ]
    lines += ["", "confusion (row: truth, column: said)", " " * wide + "".join(f"{name:>10}" for name in names)]
    lines += [
        f"{name:{wide}}" + "".join(f"{int(n):10d}" for n in row)
        for name, row in zip(names, result.confusion, strict=True)
    ]
    return "\n".join(lines)
