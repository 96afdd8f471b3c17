"""Batch normalisation put into the weights before it, for eight bits with one scale cannot hold its factors.

They are gamma over the deviation: after a ReLU, units that are hardly ever active get hundreds of times the factors of
the others. The converter would put all into one row of eight bits, or into the next Dense layer's weights, which have
one scale as well; the live units round to nothing then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WEIGHED = ("Dense", "Conv1D", "Conv2D")
PASSING = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "MaxPooling1D", "MaxPooling2D", "AveragePooling1D",
           "AveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalAveragePooling1D",
           "GlobalAveragePooling2D")  # fmt: skip
"""Layers that a factor of 0 or more for each channel may stand before as well as after."""


def fold(model: Any) -> None:
    """Move the factors of every batch normalisation after a weighted layer into that layer's weights.

    relu(x) s = relu(x s) for s >= 0: of the normalisation the shift is left, and the sign of a negative factor.
    """
    given_out = getattr(model, "output_names", None) or ()
    for layer in model.layers:
        if hasattr(layer, "layers"):
            fold(layer)
        elif type(layer).__name__ == "BatchNormalization":
            source = _weighted_source(layer, given_out)
            if source is not None:
                _fold(source, layer)


def _weighted_source(norm: Any, given_out: Sequence[str]) -> Any:
    """The layer whose channels `norm` scales, nothing but ReLU and PASSING between them; None where there is none."""
    layer = _only_source(norm)
    if layer is None or tuple(norm.axis) != (len(norm.input_shape) - 1,):
        return None
    while layer is not None and layer.name not in given_out:
        if getattr(layer, "data_format", "channels_last") != "channels_last":
            return None
        if type(layer).__name__ in WEIGHED:
            straight = getattr(layer.activation, "__name__", "") in {"relu", "linear"}
            # The converter has one scale for all units of a Dense layer; _scale_by_unit helps where time is no axis.
            return layer if straight and (type(layer).__name__ != "Dense" or len(layer.input_shape) == 2) else None
        if type(layer).__name__ not in PASSING and not _is_relu(layer):
            return None
        layer = _only_source(layer)
    return None


def _is_relu(layer: Any) -> bool:
    if type(layer).__name__ == "Activation":
        return getattr(layer.activation, "__name__", "") == "relu"
    return type(layer).__name__ == "ReLU" and layer.max_value is None and not layer.threshold


def _only_source(layer: Any) -> Any:
    """The layer that alone feeds `layer`, and nothing else; None where there is no such one."""
    if len(layer.inbound_nodes) != 1:
        return None
    source = layer.inbound_nodes[0].inbound_layers
    if isinstance(source, list) or len(source.inbound_nodes) != 1 or len(source.outbound_nodes) != 1:
        return None
    return source


def _fold(source: Any, norm: Any) -> None:
    mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
    gamma = norm.gamma.numpy() if norm.scale else np.ones_like(mean)
    beta = norm.beta.numpy() if norm.center else np.zeros_like(mean)
    factor = gamma / np.sqrt(variance + norm.epsilon)
    source.set_weights([weight * np.abs(factor) for weight in source.get_weights()])
    if type(source).__name__ == "Dense":
        _scale_by_unit(source)
    _shift_alone(norm, np.sign(factor), beta - mean * factor)


def _shift_alone(norm: Any, sign: NDArray[np.float32], shift: NDArray[np.float32]) -> None:
    """Let a normalisation add `shift`, and turn only what has a negative factor.

    By its own rule it would multiply by one over a root, and on some processors one over the root of 1 is not quite 1.
    """

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:  # noqa: ARG001, FBT001 - Keras's own
        return (inputs * sign if (sign < 0).any() else inputs) + shift

    norm.call = call


def _scale_by_unit(dense: Any) -> None:
    """Let a Dense layer compute as a convolution of one point: the converter gives each unit's weights a scale."""
    import tensorflow as tf

    def call(inputs: Any) -> Any:
        point = tf.reshape(inputs, [-1, 1, 1, inputs.shape[-1]])
        outputs = tf.nn.conv2d(point, dense.kernel[None, None], 1, "VALID")
        if dense.use_bias:
            outputs = tf.nn.bias_add(outputs, dense.bias)
        return tf.reshape(dense.activation(outputs), [-1, dense.units])

    dense.call = call
