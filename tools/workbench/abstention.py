"""What a classifier is worth if it may stay silent: risk over coverage, and the certainty to ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from workbench.metrics import Predictions

FEWEST = 20
"""Rows that an accuracy is taken over at least: among the five surest all are right by luck."""


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """Rows from the surest to the least sure one (El-Yaniv and Wiener 2010, JMLR 11:1605)."""

    confidence: NDArray[np.float64]
    """N, falling."""
    accuracy: NDArray[np.float64]
    """N: share of right ones among this row and all surer ones."""

    @classmethod
    def of(cls, confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> RiskCoverage:
        """Sort. Rows of the same confidence are kept or left out together: all get their last one's accuracy.

        Raises ValueError where there are no rows.
        """
        if not len(confidence):
            raise ValueError("no row to draw a risk-coverage curve of")
        order = np.argsort(-confidence, kind="stable")
        sure, right = confidence[order], correct[order]
        accuracy = np.cumsum(right) / np.arange(1, len(right) + 1)
        last = np.searchsorted(-sure, -sure, side="right") - 1
        return cls(sure, accuracy[last])

    @property
    def area(self) -> float:
        """Mean risk over all coverages (AURC), 0..1, the lower the better."""
        return float(1 - self.accuracy.mean())

    def coverage(self, threshold: float) -> float:
        """Share of rows that are at least this sure."""
        return float((self.confidence >= threshold).mean())

    def accuracy_above(self, threshold: float) -> float | None:
        """Accuracy over the rows that are at least this sure; None where there is none."""
        kept = int((self.confidence >= threshold).sum())
        return float(self.accuracy[kept - 1]) if kept else None

    def threshold(self, accuracy: float) -> float:
        """The least confidence at which the rows kept are right this often, of all that keep FEWEST rows.

        1.0, which keeps next to none, where no threshold is good enough.
        """
        good = self._good(accuracy)
        return float(self.confidence[good[-1]]) if len(good) else 1.0

    def reaches(self, accuracy: float) -> bool:
        """Whether some threshold that keeps FEWEST rows is good enough."""
        return len(self._good(accuracy)) > 0

    def _good(self, accuracy: float) -> NDArray[np.int64]:
        good = np.flatnonzero(self.accuracy >= accuracy)
        return good[good >= min(FEWEST, len(self.accuracy)) - 1]


def of_predictions(predictions: Predictions) -> RiskCoverage:
    """The curve of the named rows whose label the model knows; confidence is the probability of the best label."""
    rows = predictions.truth >= 0
    rows[rows] = predictions.known[predictions.truth[rows]]
    scores = predictions.scores[rows]
    return RiskCoverage.of(scores.max(axis=1), scores.argmax(axis=1) == predictions.truth[rows])


def report(curve: RiskCoverage, threshold: float, wanted: float) -> dict[str, Any]:
    """Figures for JSON: the area, what `threshold` keeps and how right that is, and what `wanted` accuracy keeps."""
    kept = curve.accuracy_above(threshold)
    least = curve.threshold(wanted)
    return {
        "aurc": round(curve.area, 5),
        "threshold": round(threshold, 5),
        "coverage": round(curve.coverage(threshold), 5),
        "accuracy": None if kept is None else round(kept, 5),
        "wanted_accuracy": wanted,
        "coverage_at_wanted": round(curve.coverage(least), 5),
        "threshold_at_wanted": round(least, 5),
        "accuracy_of_all": round(float(curve.accuracy[-1]), 5),
    }


def draw(curve: RiskCoverage, threshold: float, path: Path, *, title: str) -> None:
    """Draw accuracy over coverage with the threshold's point."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    count = len(curve.confidence)
    figure, axis = plt.subplots(figsize=(5.4, 3.6), dpi=90)
    begin = min(FEWEST, count) - 1
    axis.plot(np.arange(begin + 1, count + 1) / count, curve.accuracy[begin:])
    kept = curve.accuracy_above(threshold)
    if kept is not None:
        axis.plot([curve.coverage(threshold)], [kept], "o")
        words = f"sure by {threshold:.2f}: {100 * curve.coverage(threshold):.0f} % kept, {100 * kept:.1f} % right"
        axis.annotate(words, (curve.coverage(threshold), kept), textcoords="offset points", xytext=(-8, -16),
                      ha="right", fontsize=8)  # fmt: skip
    axis.set_xlim(0, 1)
    axis.set_xlabel("share of rows on which a label is named")
    axis.set_ylabel("share of them named right")
    axis.set_title(title, fontsize=9)
    axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
