"""A Keras model made anew in the form that converts: fixed input shape, float32, unrolled GRUs, plain normalisation."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from workbench.conversion.folding import fold
from workbench.conversion.request import ConversionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

UNROLLED = ("GRU", "SimpleRNN", "RNN")
"""Loops that the int8 calibrator crashes on; LSTM is not among them, it becomes one fused operation."""

RENORM = ("renorm", "renorm_clipping", "renorm_momentum")
FLOATS = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64")
"""Policies that float32 stands in for: it is what the daemon feeds, and the quantizer starts from."""

BATCH_NORMALISATION = ("BatchNormalization", "BatchNormalizationV1", "SyncBatchNormalization")


def input_shape(found: Sequence[int | None], wanted: Sequence[int], path: str) -> tuple[int, ...]:
    """The model's input shape without batch, its open places taken from the front end's shape.

    Raises ConversionError where the two do not fit.
    """
    aligned = _align(found, wanted)
    if aligned is None:
        raise ConversionError(
            f"{path}: the model takes {tuple(found)}, the front end makes {tuple(wanted)}; "
            "give the front end it was trained with"
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


def rebuild(model: Any, shape: Sequence[int], *, unroll: bool) -> Any:
    """The same function and weights with the input fixed to `shape`; the given model is left alone.

    `unroll`: make a step a piece of graph of its own in loops that int8 calibration cannot pass.
    """
    config = copy.deepcopy(model.get_config())
    _fix_input(config, tuple(shape))
    for node in nodes(config):
        _edit_layer(node, unroll=unroll)
    new = type(model).from_config(config)
    if not new.built:
        new.build((None, *shape))
    _copy_weights(model, new)
    fold(new)
    return new


def nodes(value: object) -> Iterator[dict[str, Any]]:
    """Every object in a nested configuration, the outer ones first."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from nodes(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from nodes(part)


def _fix_input(config: dict[str, Any], shape: tuple[int, ...]) -> None:
    """Give the model's input layer, or the first layer of a Sequential, a shape without open places."""
    config.pop("build_input_shape", None)
    layers = [layer for layer in config.get("layers", []) if isinstance(layer, dict)]
    for layer in layers if "input_layers" in config else layers[:1]:
        inner = layer.get("config", {})
        if layer.get("class_name") == "InputLayer" or "batch_input_shape" in inner:
            inner["batch_input_shape"] = (None, *shape)


def _edit_layer(node: dict[str, Any], *, unroll: bool) -> None:
    config = node.get("config")
    if not isinstance(config, dict):
        return
    node.pop("build_config", None)
    if unroll and node.get("class_name") in UNROLLED:
        config["unroll"] = True
    if _policy(config.get("dtype")) in FLOATS:
        config["dtype"] = "float32"
    if "stateful" in config:
        config["stateful"] = False
    if node.get("class_name") in BATCH_NORMALISATION:
        for key in RENORM:
            config.pop(key, None)


def _policy(dtype: object) -> object:
    """Name of a layer's type, which is written as a name, or as a policy that has one."""
    return dtype.get("config", {}).get("name") if isinstance(dtype, dict) else dtype


def _copy_weights(old: Any, new: Any) -> None:
    pairs = zip(leaves(old), leaves(new), strict=True)
    for source, target in pairs:
        # Renormalisation keeps two more weights, which only training reads; they stand last.
        target.set_weights(source.get_weights()[: len(target.weights)])


def leaves(model: Any) -> Iterator[Any]:
    """The layers in order, those of nested models in place of these."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from leaves(layer)
        elif type(layer).__name__ != "InputLayer":
            yield layer


def channels_first(model: Any) -> str | None:
    """Name of the first convolution or pooling over channels that stand before rows and columns; None without one."""
    for wrapper in leaves(model):
        layer = getattr(wrapper, "layer", wrapper)
        kind = type(layer).__name__
        moves = "Conv" in kind or ("Pool" in kind and not kind.startswith("Global"))
        if moves and getattr(layer, "data_format", "") == "channels_first":
            return str(wrapper.name)
    return None


def layer_names(model: Any) -> list[tuple[str, str]]:
    """(name, class) of each layer in order, of nested models too; wrappers name what they wrap."""
    names = []
    for layer in leaves(model):
        inner = getattr(layer, "layer", None) or getattr(layer, "forward_layer", None)
        kind = type(layer).__name__ + (f" of {type(inner).__name__}" if inner is not None else "")
        names.append((layer.name, kind))
    return names
