"""What a model does itself to the scale of its input, before any layer that has learned something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.conversion.rebuild import leaves

if TYPE_CHECKING:
    from collections.abc import Mapping


def own_scaling(model: Any) -> Mapping[str, Any]:
    """`factor`: what a difference in the input is multiplied by; `whole`: whether the input is whole numbers."""
    factor = 1.0
    for layer in leaves(model):
        own = _factor(layer)
        if own is None and layer.weights:
            break
        factor *= 1.0 if own is None else own
    return {"factor": factor, "whole": bool(model.inputs[0].dtype.is_integer)}


def _factor(layer: Any) -> float | None:
    """Of a layer that scales; None for any other."""
    kind = type(layer).__name__
    if kind == "Rescaling":
        return float(np.max(np.abs(layer.scale)))
    if kind == "Normalization" and not layer.invert:
        deviation = float(np.mean(np.sqrt(np.asarray(layer.variance))))
        return 1 / deviation if deviation > 0 else None
    if kind != "TFOpLambda":  # a plain operation between layers, such as x / 127.5 of Keras's preprocess_input
        return None
    operand = layer.inbound_nodes[0].call_kwargs.get("y") if layer.inbound_nodes else None
    if not isinstance(operand, int | float) or not operand:
        return None
    return {"math.truediv": abs(1 / operand), "math.multiply": abs(operand)}.get(layer.get_config()["function"])
