"""What a model file says of itself: the fields of `emoedge.json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emoedge.messages import Modality

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT_VERSION = 1

FACE_FRONT_ENDS = ("face_gray", "face_rgb")
SPEECH_FRONT_ENDS = (
    "mfcc_sequence", "mfcc_mean", "mfcc_flat", "log_mel", "log_mel_band_mean", "mfcc_pitch_centroid", "summary_162",
    "mfcc_functionals",
)  # fmt: skip
FRONT_ENDS_WITH_WEIGHTS = ("mfcc_functionals",)


def _value(text: str) -> object:
    word = text.strip()
    if word.lower() in {"true", "false"}:
        return word.lower() == "true"
    for number in (int, float):
        try:
            return number(word)
        except ValueError:
            continue
    return word


def _list_or_value(text: str) -> object:
    return [_value(part) for part in text.split("|")] if "|" in text else _value(text)


def _written(value: object) -> str:
    if isinstance(value, list | tuple):
        return "|".join(_written(part) for part in value)
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class FrontEndSpec:
    """How raw input becomes the model's input: a name and *all* its parameters.

    The command-line form is `NAME:key=value,key=value`; values are numbers, booleans, words, or lists
    joined by `|`. Rooms `vision` and `audio` turn the parameters into their own dataclasses and refuse
    unknown ones.
    """

    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    weights: bytes = field(default=b"", repr=False)
    """Of the net that the front end has, if it has one: an `.npz`, a member of the model file."""

    @property
    def modality(self) -> Modality | None:
        """The sense it serves; None where the name is unknown."""
        if self.name in FACE_FRONT_ENDS:
            return Modality.FACE
        return Modality.SPEECH if self.name in SPEECH_FRONT_ENDS else None

    @classmethod
    def parse(cls, text: str) -> FrontEndSpec:
        """From the command-line form; raises ValueError where it is not of that form or the name is unknown."""
        name, _, rest = text.strip().partition(":")
        parameters: dict[str, object] = {}
        for part in filter(None, rest.split(",")):
            key, equals, value = part.partition("=")
            if not equals or not key.strip():
                raise ValueError(f"{part!r} in front end {text!r}: expected key=value")
            if key.strip() in parameters:
                raise ValueError(f"{key.strip()!r} is given twice in front end {text!r}")
            parameters[key.strip()] = _list_or_value(value)
        spec = cls(name.strip(), parameters)
        if spec.modality is None:
            known = ", ".join((*FACE_FRONT_ENDS, *SPEECH_FRONT_ENDS))
            raise ValueError(f"front end {name.strip()!r} is unknown; known are {known}")
        return spec

    def __str__(self) -> str:
        """The command-line form."""
        parts = (f"{key}={_written(value)}" for key, value in self.parameters.items())
        return f"{self.name}:{','.join(parts)}".rstrip(":")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """Contents of `emoedge.json`, format version 1."""

    name: str
    version: str
    modality: Modality
    front_end: FrontEndSpec
    labels: tuple[str, ...]
    """The model's own classes, in the order of its output."""
    label_map: tuple[str, ...]
    """Canonical emotion of each class."""
    dimensions: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """`valence` and `arousal` where the model tells them itself: its last outputs, in this order, after those of
    the labels. Each names the value at either end of low + (high - low) * sigmoid(output)."""
    output: str = "probabilities"
    """`probabilities` (softmax inside), `logits`, or `sigmoid` (independent scores, normalised after)."""
    dtype: str = "float32"
    """`float32`, `float16`, `dynamic` or `int8`."""
    temperature: float = 1.0
    """Probabilities are softmax(log p / temperature), or softmax(logits / temperature)."""
    prior: tuple[float, ...] = ()
    """Prior of each canonical class (7 values) under which it was calibrated; empty: uniform over the known."""
    reliability: float = 1.0
    """`w_m` of the belief filter, 0..1, from validation confusions."""
    abstain_below: float = 0.0
    """Probability of its best label, 0..1, below which it had better name none; 0: it always names one."""
    trained_on: str = ""
    calibrated_on: str = ""
    licence: str = ""
    accuracy: Mapping[str, float] = field(default_factory=dict)
    """Measured, e.g. {"float": 0.66, "int8": 0.66}."""
    source_sha256: str = ""
    """Of the Keras file it was converted from."""
    parity: Mapping[str, object] = field(default_factory=dict)
    """Result of the conversion gates: `passed`, `agreement`, `macro_f1_loss`, `float_ops`, `allowed` ..."""

    @property
    def outputs(self) -> int:
        """Numbers that the network gives: one a label, one a dimension."""
        return len(self.labels) + len(self.dimensions)
