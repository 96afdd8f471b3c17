"""A Keras model made anew in the form that converts: fixed input shape, unrolled GRUs, plain batch normalisation."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from workbench.conversion.request import ConversionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

UNROLLED = ("GRU", "SimpleRNN", "RNN")
"""Loops that the int8 calibrator crashes on; LSTM is not among them, it becomes one fused operation."""

RENORM = ("renorm", "renorm_clipping", "renorm_momentum")
BATCH_NORMALISATION = ("BatchNormalization", "BatchNormalizationV1", "SyncBatchNormalization")


def input_shape(found: Sequence[int | None], wanted: Sequence[int], path: str) -> tuple[int, ...]:
    """The model's input shape without batch, its open places taken from the front end's shape.

    Raises ConversionError where the two do not fit.
    """
    remaining = list(wanted)
    open_places = sum(n is None for n in found)
    if open_places:
        aligned = _align(found, remaining)
    else:
        aligned = tuple(int(n) for n in found if n is not None)
    if aligned is None or [n for n in aligned if n != 1] != [n for n in remaining if n != 1]:
        raise ConversionError(
            f"{path}: the model takes {tuple(found)}, the front end makes {tuple(wanted)}; give the front end it was trained with"
        )
    return aligned


def _align(found: Sequence[int | None], wanted: Sequence[int]) -> tuple[int, ...] | None:
    """`wanted` laid over `found`: equal where both are numbers, ones put in or left out as needed."""
    if not found:
        return () if all(n == 1 for n in wanted) else None
    head, rest = found[0], found[1:]
    if wanted and head in (None, wanted[0]):
        tail = _align(rest, wanted[1:])
        if tail is not None:
            return (wanted[0], *tail)
    if wanted and wanted[0] == 1:
        tail = _align(found, wanted[1:])
        if tail is not None:
            return tail
    if head in (None, 1):
        tail = _align(rest, wanted)
        if tail is not None:
            return (1, *tail)
    return None


def rebuild(model: Any, shape: Sequence[int]) -> Any:
    """The same function and weights with the input fixed to `shape`; the given model is left alone."""
    config = copy.deepcopy(model.get_config())
    _edit(config, tuple(shape), top=True)
    new = type(model).from_config(config)
    if not new.built:
        new.build((None, *shape))
    _copy_weights(model, new)
    return new


def _edit(value: object, shape: tuple[int, ...], *, top: bool = False) -> None:
    """Change the nested configuration in place."""
    if isinstance(value, list):
        for part in value:
            _edit(part, shape)
        return
    if not isinstance(value, dict):
        return
    config = value.get("config")
    if isinstance(config, dict):
        name = value.get("class_name")
        if name in UNROLLED:
            config["unroll"] = True
        if "stateful" in config:
            config["stateful"] = False
        if name in BATCH_NORMALISATION:
            for key in RENORM:
                config.pop(key, None)
        value.pop("build_config", None)
    if top:
        layers = [layer for layer in value.get("layers", []) if isinstance(layer, dict)]
        value.pop("build_input_shape", None)
        for layer in layers[:1] if "input_layers" not in value else layers:
            if layer.get("class_name") == "InputLayer" or "batch_input_shape" in layer.get("config", {}):
                layer["config"]["batch_input_shape"] = (None, *shape)
    for part in value.values():
        _edit(part, shape)


def _copy_weights(old: Any, new: Any) -> None:
    pairs = zip(_leaves(old), _leaves(new), strict=True)
    for source, target in pairs:
        # Renormalisation keeps two more weights, which only training reads; they stand last.
        target.set_weights(source.get_weights()[: len(target.weights)])


def _leaves(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        elif type(layer).__name__ != "InputLayer":
            yield layer


def layer_names(model: Any) -> list[tuple[str, str]]:
    """(name, class) of each layer in order, of nested models too; wrappers name what they wrap."""
    names = []
    for layer in _leaves(model):
        inner = getattr(layer, "layer", None) or getattr(layer, "forward_layer", None)
        kind = type(layer).__name__ + (f" of {type(inner).__name__}" if inner is not None else "")
        names.append((layer.name, kind))
    return names
