"""`emoedge.json`: ModelInfo to JSON and back, with every check that needs no more than the text."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from emoedge.emotions import CANONICAL, INDEX
from emoedge.inference.spec import FORMAT_VERSION, FRONT_ENDS_WITH_WEIGHTS, FrontEndSpec, ModelInfo
from emoedge.messages import Modality

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTPUTS = ("probabilities", "logits", "sigmoid")
DTYPES = ("float32", "float16", "dynamic", "int8")

DIMENSIONS = ("valence", "arousal")
"""Dimensions that a model may tell beside its labels: both or none."""

_TEXTS = ("name", "version", "output", "dtype", "trained_on", "calibrated_on", "licence", "source_sha256")
_NUMBERS = ("temperature", "reliability", "abstain_below")
_MAPPINGS = ("accuracy", "parity")
_REQUIRED = ("name", "version", "modality", "front_end", "labels", "label_map")


def encode(info: ModelInfo, **extra: object) -> bytes:
    """UTF-8 JSON of all fields, the format version, and `extra` members."""
    document = {"format_version": FORMAT_VERSION, **asdict(info), **extra}
    document["modality"] = info.modality.value
    document["front_end"] = {"name": info.front_end.name, "parameters": dict(info.front_end.parameters)}
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def decode(document: object, weights: bytes = b"") -> ModelInfo:
    """The model's own account, checked; raises ValueError with the cause in a few words.

    `weights` are those of the front end, which are no part of the document.
    """
    if not isinstance(document, dict):
        raise ValueError("emoedge.json holds no JSON object")  # noqa: TRY004 - one kind of error for the caller
    version = document.get("format_version")
    if version != FORMAT_VERSION:
        raise ValueError(f"format version {version!r} is not supported, this emoedge reads {FORMAT_VERSION}")
    missing = [key for key in _REQUIRED if key not in document]
    if missing:
        raise ValueError(f"emoedge.json lacks {', '.join(missing)}")
    known = {field.name for field in fields(ModelInfo)}
    values: dict[str, Any] = {key: value for key, value in document.items() if key in known}
    for key in _TEXTS:
        _expect(values, key, str, "a text")
    for key in _NUMBERS:
        _expect(values, key, (int, float), "a number")
    for key in _MAPPINGS:
        _expect(values, key, dict, "an object")
    try:
        values["modality"] = Modality(values["modality"])
    except ValueError:
        raise ValueError(f"modality {values['modality']!r} is neither face nor speech") from None
    values["front_end"] = replace(_front_end(values["front_end"]), weights=weights)
    for key in ("labels", "label_map"):
        values[key] = _strings(values, key)
    values["dimensions"] = _dimensions(values.get("dimensions", {}))
    values["prior"] = _prior(values.get("prior", []))
    info = ModelInfo(**values)
    check(info)
    return info


def check(info: ModelInfo) -> None:
    """Raise ValueError where the fields do not fit each other or their range."""
    _check_labels(info)
    if info.front_end.modality is None:
        raise ValueError(f"front end {info.front_end.name!r} is unknown to this emoedge")
    if info.front_end.modality != info.modality:
        raise ValueError(f"front end {info.front_end.name} does not serve a {info.modality} model")
    if info.front_end.weights and info.front_end.name not in FRONT_ENDS_WITH_WEIGHTS:
        raise ValueError(f"front end {info.front_end.name} takes no weights, but the file has some")
    for key, value, allowed in (("output", info.output, OUTPUTS), ("dtype", info.dtype, DTYPES)):
        if value not in allowed:
            raise ValueError(f"{key} {value!r}, expected one of {', '.join(allowed)}")
    if not (math.isfinite(info.temperature) and 0.01 <= info.temperature <= 100):
        raise ValueError(f"temperature {info.temperature}, expected 0.01 to 100")
    if not 0 <= info.reliability <= 1:
        raise ValueError(f"reliability {info.reliability}, expected 0 to 1")
    if not 0 <= info.abstain_below <= 1:
        raise ValueError(f"abstain_below {info.abstain_below}, expected 0 to 1")
    _check_prior(info)
    _check_dimensions(info)


def _check_labels(info: ModelInfo) -> None:
    if len(info.labels) < 2:
        raise ValueError(f"{len(info.labels)} labels, at least 2 are expected")
    if len(set(info.labels)) != len(info.labels):
        raise ValueError("a label is named twice")
    if any(not label.strip() or "\n" in label for label in info.labels):
        raise ValueError("a label is empty or has a line break")
    if len(info.label_map) != len(info.labels):
        raise ValueError(f"{len(info.labels)} labels but {len(info.label_map)} in the label map")
    strange = [label for label in info.label_map if label not in INDEX]
    if strange:
        raise ValueError(f"label map names {strange[0]!r}, canonical are {', '.join(CANONICAL)}")
    if len(set(info.label_map)) < 2:
        raise ValueError("all labels are mapped to one emotion")


def _check_prior(info: ModelInfo) -> None:
    if not info.prior:
        return
    if len(info.prior) != len(CANONICAL):
        raise ValueError(f"prior has {len(info.prior)} values, expected {len(CANONICAL)} or none")
    if not all(math.isfinite(p) and 0 <= p <= 1 for p in info.prior) or abs(sum(info.prior) - 1) > 0.01:
        raise ValueError("prior is not a distribution: values of 0 to 1 that sum to 1")
    without = [label for label in dict.fromkeys(info.label_map) if not info.prior[INDEX[label]] > 0]
    if without:
        raise ValueError(f"prior of {without[0]!r} is 0 though the model has this label")


def _check_dimensions(info: ModelInfo) -> None:
    if not info.dimensions:
        return
    if tuple(info.dimensions) != DIMENSIONS:
        raise ValueError(f"dimensions {', '.join(info.dimensions)}, expected {', '.join(DIMENSIONS)} or none")
    for name, (low, high) in info.dimensions.items():
        if not -1 <= low < high <= 1:  # nor is anything less than a NaN
            raise ValueError(f"{name} from {low} to {high}, expected ascending values of -1 to 1")


def _expect(values: Mapping[str, Any], key: str, kind: type | tuple[type, ...], words: str) -> None:
    value = values.get(key)
    if key in values and (not isinstance(value, kind) or isinstance(value, bool)):
        raise ValueError(f"{key} is {value!r}, expected {words}")


def _front_end(value: object) -> FrontEndSpec:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise ValueError("front_end has no name")  # noqa: TRY004 - as above
    parameters = value.get("parameters", {})
    if not isinstance(parameters, dict):
        raise ValueError("front_end's parameters are no JSON object")  # noqa: TRY004 - as above
    return FrontEndSpec(value["name"], parameters)


def _strings(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = values[key]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{key} is not a list of texts")
    return tuple(value)


def _dimensions(value: object) -> dict[str, tuple[float, float]]:
    if not isinstance(value, dict):
        raise ValueError("dimensions is no JSON object")  # noqa: TRY004 - as above
    for name, ends in value.items():
        pair = isinstance(ends, list) and len(ends) == 2
        if not pair or not all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
            raise ValueError(f"dimension {name!r} is not given by two numbers")
    return {name: (float(low), float(high)) for name, (low, high) in value.items()}


def _prior(value: object) -> tuple[float, ...]:
    if not isinstance(value, list) or not all(isinstance(p, int | float) and p is not True for p in value):
        raise ValueError("prior is not a list of numbers")
    return tuple(float(p) for p in value)
