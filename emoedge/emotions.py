"""The canonical emotions, scores over them, and their place in the valence-arousal plane."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

CANONICAL: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven labels in the order used everywhere: arrays, files and payloads."""

INDEX: Mapping[str, int] = {label: i for i, label in enumerate(CANONICAL)}

NEUTRAL = INDEX["neutral"]

SYNONYMS: Mapping[str, str] = {
    "anger": "angry", "disgusted": "disgust", "fearful": "fear", "afraid": "fear", "scared": "fear",
    "happiness": "happy", "joy": "happy", "sadness": "sad", "surprised": "surprise",
    "pleasant_surprise": "surprise", "pleasant_surprised": "surprise", "ps": "surprise",
    "calm": "neutral",
}  # fmt: skip
"""Other names that data sets use for a canonical emotion; `calm` is counted as neutral."""

# Russell's circumplex, -1..1: valence and arousal means of the words in Warriner et al. 2013
# (doi:10.3758/s13428-012-0314-x), rescaled from 1..9; neutral is the origin by definition.
VALENCE_AROUSAL: NDArray[np.float64] = np.array(
    [[-0.62, 0.45], [-0.60, 0.20], [-0.52, 0.53], [0.87, 0.34], [-0.72, -0.40], [0.37, 0.39], [0.0, 0.0]],
    dtype=np.float64,
)


HIGH_AROUSAL, LOW_AROUSAL = ("angry", "fear", "happy", "surprise"), ("sad", "neutral")
"""The emotions of high and of low arousal; disgust stands between them and is in neither."""


class Reason(StrEnum):
    """Why no emotion is named; an abstention is never a fake `neutral`."""

    FACE_TOO_SMALL = "face_too_small"
    BLUR = "blur"
    LOW_LIGHT = "low_light"
    LOW_SNR = "low_snr"
    CLIPPED = "clipped"
    LOW_MARGIN = "low_margin"
    NO_FACE = "no_face"
    NO_VOICE = "no_voice"


def canonical(label: str) -> str | None:
    """Canonical name of a data set's label, or None where it has none (`boredom`, `contempt`)."""
    name = label.strip().lower().replace(" ", "_").replace("-", "_")
    if name in INDEX:
        return name
    return SYNONYMS.get(name)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Probabilities over the canonical emotions as one model sees them.

    `values`: float64, shape (7,), order CANONICAL, sums to 1 over the known labels, 0 elsewhere.
    `known`: bool, shape (7,); False where the model has no such label (not the same as evidence against).
    """

    values: NDArray[np.float64]
    known: NDArray[np.bool_]
    affect: tuple[float, float] | None = None
    """Valence and arousal, each -1..1, where the model tells them beside its labels; else they are expected values."""

    def __post_init__(self) -> None:
        for name, array in (("values", self.values), ("known", self.known)):
            if array.shape != (len(CANONICAL),):
                raise ValueError(f"{name}: expected shape ({len(CANONICAL)},), got {array.shape}")

    @classmethod
    def from_labels(
        cls, labels: Sequence[str], probabilities: NDArray[np.floating[Any]], affect: tuple[float, float] | None = None
    ) -> Scores:
        """Sum a model's class probabilities into canonical ones; `labels` are canonical names, one a class.

        Raises ValueError where a label is not canonical or the lengths differ.
        """
        if len(labels) != len(probabilities):
            raise ValueError(f"{len(labels)} labels for {len(probabilities)} probabilities")
        values = np.zeros(len(CANONICAL))
        known = np.zeros(len(CANONICAL), dtype=bool)
        for label, probability in zip(labels, probabilities, strict=True):
            if label not in INDEX:
                raise ValueError(f"{label!r} is not one of {', '.join(CANONICAL)}")
            values[INDEX[label]] += float(probability)
            known[INDEX[label]] = True
        return cls(values, known, affect)

    @property
    def label(self) -> str:
        """The most probable label."""
        return CANONICAL[int(self.values.argmax())]

    @property
    def confidence(self) -> float:
        """Probability of the most probable label, 0..1."""
        return float(self.values.max())

    @property
    def margin(self) -> float:
        """Distance between the two most probable labels, 0..1."""
        second, first = np.partition(self.values, -2)[-2:]
        return float(first - second)

    @property
    def valence(self) -> float:
        """-1 (unpleasant) .. 1 (pleasant): the model's own, else what the probabilities make one expect."""
        return float(self.values @ VALENCE_AROUSAL[:, 0]) if self.affect is None else self.affect[0]

    @property
    def arousal(self) -> float:
        """-1 (calm) .. 1 (excited): the model's own, else what the probabilities make one expect."""
        return float(self.values @ VALENCE_AROUSAL[:, 1]) if self.affect is None else self.affect[1]

    def as_dict(self, digits: int = 3) -> dict[str, float]:
        """Known labels and their probabilities, rounded, in canonical order."""
        return {c: round(float(self.values[i]), digits) for i, c in enumerate(CANONICAL) if self.known[i]}
