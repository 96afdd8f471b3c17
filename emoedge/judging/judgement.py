"""What is said of one photograph or one recorded phrase: frozen values, ready for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoedge.emotions import Reason

if TYPE_CHECKING:
    from emoedge.emotions import Scores
    from emoedge.messages import Box, Modality

UNKNOWN = "unknown"

DIGITS = 3


@dataclass(frozen=True, slots=True)
class Opinion:
    """A label, or `unknown` with the reason."""

    label: str
    """A canonical emotion, or `unknown`."""
    scores: Scores | None
    """Calibrated probabilities; None where nothing was classified."""
    quality: float
    """0 (useless) .. 1 (good): of the face's picture, or of the sound."""
    reason: Reason | None = None
    """Why the label is `unknown`."""

    @classmethod
    def of(cls, scores: Scores | None, quality: float, reason: Reason | None, margin: float,
           abstain_below: float = 0.0) -> Opinion:  # fmt: skip
        """The most probable label.

        `unknown` where there are no scores, the best two lie within `margin`, or the best is below `abstain_below`.
        """
        if scores is None:
            return cls(UNKNOWN, None, quality, reason)
        if scores.margin < margin or scores.confidence < abstain_below:
            return cls(UNKNOWN, scores, quality, Reason.LOW_MARGIN)
        return cls(scores.label, scores, quality)

    @property
    def confidence(self) -> float:
        """Probability of the most probable label, 0..1; 0 where nothing was classified."""
        return 0.0 if self.scores is None else self.scores.confidence

    @property
    def valence(self) -> float | None:
        """-1 (unpleasant) .. 1 (pleasant); None where nothing was classified."""
        return None if self.scores is None else self.scores.valence

    @property
    def arousal(self) -> float | None:
        """-1 (calm) .. 1 (excited); None where nothing was classified."""
        return None if self.scores is None else self.scores.arousal

    def as_dict(self) -> dict[str, object]:
        """JSON-ready, numbers rounded to three digits."""
        return {
            "label": self.label,
            "reason": None if self.reason is None else self.reason.value,
            "confidence": round(self.confidence, DIGITS),
            "scores": {} if self.scores is None else self.scores.as_dict(DIGITS),
            "valence": _rounded(self.valence),
            "arousal": _rounded(self.arousal),
            "quality": round(self.quality, DIGITS),
        }


@dataclass(frozen=True, slots=True)
class JudgedFace:
    """One face of a photograph."""

    box: Box
    """Pixels of the photograph: the square that was judged."""
    opinion: Opinion

    def as_dict(self) -> dict[str, object]:
        """JSON-ready; `box` is x, y, width, height in whole pixels."""
        box = self.box
        return {"box": [round(v) for v in (box.x, box.y, box.width, box.height)], **self.opinion.as_dict()}


@dataclass(frozen=True, slots=True)
class JudgedWindow:
    """One classified window of a recording."""

    start: float
    """Seconds from the recording's begin."""
    end: float
    opinion: Opinion
    counted: bool
    """Whether it enters the recording's judgement: it holds nearly as much voice as the fullest window."""

    def as_dict(self) -> dict[str, object]:
        """JSON-ready."""
        times = {"start": round(self.start, DIGITS), "end": round(self.end, DIGITS), "counted": self.counted}
        return {**times, **self.opinion.as_dict()}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model says of a photograph (of its largest face) or of a recorded phrase (of all of it)."""

    modality: Modality
    opinion: Opinion
    faces: tuple[JudgedFace, ...] = ()
    """Every face that was found, the largest first; empty for a sound."""
    windows: tuple[JudgedWindow, ...] = ()
    """Every window while somebody spoke, the earliest first; empty for a picture."""

    @property
    def label(self) -> str:
        """A canonical emotion, or `unknown` with `reason`."""
        return self.opinion.label

    @property
    def reason(self) -> Reason | None:
        """Why the label is `unknown`."""
        return self.opinion.reason

    @property
    def scores(self) -> Scores | None:
        """Calibrated probabilities over the canonical emotions; None where nothing was classified."""
        return self.opinion.scores

    @property
    def confidence(self) -> float:
        """0..1."""
        return self.opinion.confidence

    @property
    def valence(self) -> float | None:
        """-1..1, None where nothing was classified."""
        return self.opinion.valence

    @property
    def arousal(self) -> float | None:
        """-1..1, None where nothing was classified."""
        return self.opinion.arousal

    @property
    def quality(self) -> float:
        """0..1."""
        return self.opinion.quality

    def as_dict(self) -> dict[str, object]:
        """JSON-ready: the opinion's members, `modality`, and `faces` or `windows`."""
        parts: dict[str, object] = (
            {"faces": [face.as_dict() for face in self.faces]}
            if self.modality.value == "face"
            else {"windows": [window.as_dict() for window in self.windows]}
        )
        return {"modality": self.modality.value, **self.opinion.as_dict(), **parts}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS) + 0.0
