"""What a model file says of itself: the fields of `emoedge.json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emoedge.messages import Modality

FORMAT_VERSION = 1

FACE_FRONT_ENDS = ("face_gray", "face_rgb")
SPEECH_FRONT_ENDS = (
    "mfcc_sequence", "mfcc_mean", "mfcc_flat", "log_mel", "log_mel_band_mean", "mfcc_pitch_centroid", "summary_162",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FrontEndSpec:
    """How raw input becomes the model's input: a name and *all* its parameters.

    The command-line form is `NAME:key=value,key=value`; values are numbers, booleans, words, or lists
    joined by `|`. Rooms `vision` and `audio` turn the parameters into their own dataclasses and refuse
    unknown ones.
    """

    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)


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
    trained_on: str = ""
    calibrated_on: str = ""
    licence: str = ""
    accuracy: Mapping[str, float] = field(default_factory=dict)
    """Measured, e.g. {"float": 0.66, "int8": 0.66}."""
    source_sha256: str = ""
    """Of the Keras file it was converted from."""
    parity: Mapping[str, object] = field(default_factory=dict)
    """Result of the conversion gates: `passed`, `agreement`, `macro_f1_loss`, `float_ops`, `allowed` ..."""
