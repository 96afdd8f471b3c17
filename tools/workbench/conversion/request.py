"""What a conversion is asked for, checked before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emoedge.emotions import CANONICAL, canonical
from emoedge.errors import EmoedgeError
from emoedge.messages import Modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from emoedge.inference.spec import FrontEndSpec

DTYPES = ("float32", "float16", "dynamic", "int8")
GATES = ("agreement", "macro_f1", "dimensions", "float_ops")
"""Parity gates that `--allow` can accept by name."""

OUTPUTS = ("probabilities", "logits", "sigmoid")


class ConversionError(EmoedgeError):
    """A model, its labels or its calibration data cannot be converted; one line with the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One conversion: a Keras file in, a self-describing `.tflite` out."""

    model: Path
    """A `.keras`, `.h5` or `.hdf5` file, or the folder of a SavedModel."""
    output: Path
    front_end: FrontEndSpec
    """Its modality is the model's."""
    labels: tuple[str, ...]
    """The model's classes, in the order of its output."""
    label_map: tuple[str, ...]
    """Canonical emotion of each class."""
    dimensions: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Outputs after those of the labels, each with the values at its ends; see ModelInfo."""
    dtype: str = "int8"
    calibrate: Path | None = None
    """Representative data; int8 needs it."""
    dataset: str | None = None
    """Use only this data set of a speech folder."""
    samples: int = 300
    """Rows from which the quantizer learns the ranges."""
    held_out: int = 1500
    """Rows at most on which the gates and the temperature are measured."""
    seed: int = 0
    temperature: float | None = None
    """Default: fitted on the held-out rows."""
    prior: tuple[float, ...] | str = ()
    """Seven numbers, `data` for the class frequencies of `calibrate`, or empty for uniform."""
    reliability: float = 1.0
    output_kind: str | None = None
    """One of OUTPUTS; default: told from the values."""
    name: str = ""
    version: str = "1"
    licence: str = ""
    trained_on: str = ""
    allow: frozenset[str] = frozenset()
    """Gates whose failure is accepted."""
    allow_lambda: bool = False
    report: Path | None = None
    """Path without suffix; default beside the output."""
    threads: int = 1

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ConversionError(f"dtype {self.dtype!r}; expected one of {', '.join(DTYPES)}")
        if self.dtype == "int8" and self.calibrate is None:
            raise ConversionError("int8 needs representative data; name it with --calibrate")
        if self.samples < 1 or self.held_out < 1:
            raise ConversionError("--samples and --held-out must be at least 1")
        speech = self.front_end.modality is Modality.SPEECH
        if self.dataset and (not speech or self.calibrate is None or self.calibrate.is_file()):
            raise ConversionError("--dataset chooses among those of a speech folder; leave it out")
        strange = self.allow - set(GATES)
        if strange:
            raise ConversionError(f"no gate {', '.join(sorted(strange))}; there are {', '.join(GATES)}")
        if self.output_kind is not None and self.output_kind not in OUTPUTS:
            raise ConversionError(f"output {self.output_kind!r}; expected one of {', '.join(OUTPUTS)}")


def parse_labels(text: str) -> tuple[str, ...]:
    """`a,b,c` to labels; raises ConversionError where one is empty or named twice."""
    labels = tuple(part.strip() for part in text.split(","))
    if len(labels) < 2 or not all(labels):
        raise ConversionError(f"labels {text!r}: expected at least two names joined by commas")
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ConversionError(f"label {twice[0]!r} is named twice")
    return labels


def parse_dimensions(text: str) -> dict[str, tuple[float, float]]:
    """`valence=-0.7:0.9,arousal=-0.2:0.4` to ends by name; raises ConversionError where it is not of that form."""
    found: dict[str, tuple[float, float]] = {}
    for part in filter(None, text.split(",")):
        name, _, ends = part.partition("=")
        try:
            low, high = (float(end) for end in ends.split(":"))
        except ValueError:
            raise ConversionError(f"--dimensions {part!r}: expected NAME=LOW:HIGH") from None
        found[name.strip()] = (low, high)
    return found


def map_labels(labels: Sequence[str], given: Mapping[str, str]) -> tuple[str, ...]:
    """Canonical emotion of each label: as given, else by its name (also as the last word: `oaf_happy`).

    Raises ConversionError for a label that has none, or a mapping of a label that is not there.
    """
    strange = sorted(set(given) - set(labels))
    if strange:
        raise ConversionError(f"--label-map names {strange[0]!r}, the labels are {', '.join(labels)}")
    mapped = []
    for label in labels:
        emotion = canonical(given.get(label, label)) or _by_ending(given.get(label, label))
        if emotion is None:
            raise ConversionError(
                f"label {label!r} has no canonical emotion; add --label-map {label}=... ({', '.join(CANONICAL)})"
            )
        mapped.append(emotion)
    return tuple(mapped)


def _by_ending(label: str) -> str | None:
    words = label.replace("-", "_").replace(" ", "_").split("_")
    return next((found for n in range(1, len(words)) if (found := canonical("_".join(words[n:])))), None)
