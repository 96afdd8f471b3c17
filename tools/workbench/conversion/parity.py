"""Whether a converted model still says what its source said, and how sure it may be of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.emotions import CANONICAL, INDEX
from emoedge.inference.model import SMALLEST, calibrated, dimensions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from emoedge.inference.spec import ModelInfo

AGREEMENT = 0.97
"""Least share of rows with the same most probable label."""

MACRO_F1_LOSS = 0.01
"""Most that macro-F1 may fall."""

DIMENSION_ERROR = 0.03
"""Most that valence or arousal, -1..1, may differ on average."""

TEMPERATURES = np.geomspace(0.1, 10, 201)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Source and converted model on the same rows."""

    rows: int
    agreement: float
    """Share of rows with the same most probable label of the model's own."""
    kl: float
    """Mean Kullback-Leibler divergence of the converted from the source's probabilities, nats."""
    largest: float
    """Largest difference of a probability."""
    accuracy: tuple[float, float] | None
    """Of source and converted, over the canonical emotions; None without labels."""
    macro_f1: tuple[float, float] | None
    dimension_error: float | None = None
    """Largest mean difference of valence or arousal; None where the model tells neither."""
    float_ops: tuple[str, ...] = ()

    @property
    def macro_f1_loss(self) -> float | None:
        """How much macro-F1 fell; None without labels."""
        return None if self.macro_f1 is None else self.macro_f1[0] - self.macro_f1[1]

    def failures(self, dtype: str) -> dict[str, str]:
        """Gates that are not passed, by name, each with its finding."""
        found = {}
        if self.agreement < AGREEMENT:
            found["agreement"] = f"agreement {self.agreement:.4f} is below {AGREEMENT}"
        if self.macro_f1_loss is not None and self.macro_f1_loss > MACRO_F1_LOSS:
            found["macro_f1"] = f"macro-F1 falls by {self.macro_f1_loss:.4f}, more than {MACRO_F1_LOSS}"
        if self.dimension_error is not None and self.dimension_error > DIMENSION_ERROR:
            found["dimensions"] = f"valence or arousal moves by {self.dimension_error:.3f}, more than {DIMENSION_ERROR}"
        if dtype == "int8" and self.float_ops:
            names = ", ".join(sorted(set(self.float_ops)))
            found["float_ops"] = f"{len(self.float_ops)} operations stay in float: {names}"
        return found


def output_kind(outputs: NDArray[np.floating[Any]]) -> str:
    """`probabilities`, `sigmoid` or `logits`, told from what a source model says (n x labels)."""
    if outputs.min() < 0 or outputs.max() > 1:
        return "logits"
    return "probabilities" if np.abs(outputs.sum(axis=1) - 1).max() < 1e-3 else "sigmoid"


def compare(
    source: NDArray[np.floating[Any]], converted: NDArray[np.floating[Any]], targets: NDArray[np.int64],
    info: ModelInfo, smallest: float,
) -> Parity:
    """Parity of two models' outputs (n x labels); `targets` are canonical indices, or -1 where unknown.

    Calibration is left out of it: it doesn't move the most probable label, and both get the same.
    """
    plain = replace(info, temperature=1.0)
    p, q = calibrated(source, plain), calibrated(converted, plain, smallest)
    measured = None
    if len(targets) and (targets >= 0).all():
        measured = [figures(canonical_scores(each, info.label_map), targets, info.label_map) for each in (p, q)]
    moved = np.abs(dimensions(source, info) - dimensions(converted, info)).mean(axis=0)
    floor = 1e-9
    return Parity(
        rows=len(p),
        agreement=float((p.argmax(axis=1) == q.argmax(axis=1)).mean()),
        kl=float((p * np.log((p + floor) / (q + floor))).sum(axis=1).mean()),
        largest=float(np.abs(p - q).max()),
        accuracy=None if measured is None else (measured[0][0], measured[1][0]),
        macro_f1=None if measured is None else (measured[0][1], measured[1][1]),
        dimension_error=float(moved.max()) if info.dimensions else None,
    )


def canonical_scores(probabilities: NDArray[np.floating[Any]], label_map: Sequence[str]) -> NDArray[np.float64]:
    """Probabilities over the model's labels (n x labels) summed to the canonical seven (n x 7)."""
    summed = np.zeros((len(probabilities), len(CANONICAL)))
    for column, label in enumerate(label_map):
        summed[:, INDEX[label]] += probabilities[:, column]
    return summed


def figures(
    scores: NDArray[np.float64], targets: NDArray[np.int64], label_map: Sequence[str]
) -> tuple[float, float]:
    """Accuracy and macro-F1 of canonical scores, over the classes that the rows show and the model knows."""
    classes = sorted(set(targets.tolist()) & {INDEX[label] for label in label_map})
    said = np.array(classes)[scores[:, classes].argmax(axis=1)]
    f1 = []
    for c in classes:
        hit = int(((said == c) & (targets == c)).sum())
        f1.append(2 * hit / max(int((said == c).sum() + (targets == c).sum()), 1))
    return float((said == targets).mean()), float(np.mean(f1))


def fit_temperature(
    outputs: NDArray[np.floating[Any]], targets: NDArray[np.int64], info: ModelInfo, smallest: float = SMALLEST
) -> float:
    """Temperature with the least negative log-likelihood of `targets` (canonical indices) on these outputs.

    A grid from 0.1 to 10 in 2.3 % steps: the optimum is flat, and the grid needs no optimiser.
    """
    best, lowest = 1.0, np.inf
    for temperature in TEMPERATURES:
        p = calibrated(outputs, replace(info, temperature=float(temperature)), smallest)
        told = canonical_scores(p, info.label_map)[np.arange(len(targets)), targets]
        loss = float(-np.log(np.maximum(told, 1e-12)).mean())
        if loss < lowest:
            best, lowest = float(temperature), loss
    return best
