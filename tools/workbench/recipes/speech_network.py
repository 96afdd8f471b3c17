"""The speech network: two plain 1-D convolutions over frames that learn apart and vote together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import tensorflow as tf
    from numpy.typing import NDArray

STRIDES = (2, 1, 2, 1, 1)
"""One a layer: a frame every 20 ms goes in, one every 80 ms is pooled."""

VOTERS = 2
"""Networks of other random beginnings: their mean errs less than one of twice the width."""


def build(
    shape: tuple[int, int], outputs: int, *, width: int = 120, strides: Sequence[int] = STRIDES, dropout: float = 0.2
) -> tf.keras.Model:
    """Input (frames, coefficients); VOTERS outputs (outputs,): logits of the labels, then of valence and arousal.

    Each voter is trained by a loss of its own. The spread over time is the mean of max(0, x - mean), half the mean
    absolute deviation (deviations above and below the mean are equal in sum): unlike a standard deviation it needs
    no square and no root, which eight bits carry badly.
    """
    import tensorflow as tf

    layers = tf.keras.layers
    given = layers.Input(shape, name="features")
    told = []
    for voter in range(VOTERS):
        pooled = _pooled(given, voter, width, strides, dropout / 2)
        pooled = layers.BatchNormalization(momentum=0.98, name=f"norm_pooled_{voter}")(pooled)
        pooled = layers.Dropout(dropout, name=f"drop_pooled_{voter}")(pooled)
        told.append(layers.Dense(outputs, name=f"told_{voter}")(pooled))
    return tf.keras.Model(given, told, name="voters")


def _pooled(given: Any, voter: int, width: int, strides: Sequence[int], dropout: float) -> Any:
    import tensorflow as tf

    layers = tf.keras.layers
    x = given
    for i, stride in enumerate(strides):
        name = f"{voter}_{i}"
        x = layers.Conv1D(width, 3 if i else 5, strides=stride, padding="same", use_bias=False, name=f"conv_{name}")(x)
        x = layers.BatchNormalization(momentum=0.98, name=f"norm_{name}")(x)
        x = layers.ReLU(name=f"relu_{name}")(x)
        x = layers.SpatialDropout1D(dropout, name=f"drop_{name}")(x)
    mean = layers.GlobalAveragePooling1D(keepdims=True, name=f"mean_{voter}")(x)
    above = layers.ReLU(name=f"above_{voter}")(layers.Subtract(name=f"centred_{voter}")([x, mean]))
    spread = layers.GlobalAveragePooling1D(name=f"spread_{voter}")(above)
    level = layers.Reshape((width,), name=f"level_{voter}")(mean)
    return layers.Concatenate(name=f"pooled_{voter}")([level, spread])


def merged(voters: tf.keras.Model, shift: Sequence[float] | NDArray[np.floating[Any]]) -> tf.keras.Model:
    """The voters' mean as one network of one output, their last layers folded into one; `shift` is added to it."""
    import tensorflow as tf

    kernels, biases = [], []
    for voter in range(VOTERS):
        norm = voters.get_layer(f"norm_pooled_{voter}")
        scale, offset, mean, variance = norm.get_weights()
        scale = scale / np.sqrt(variance + norm.epsilon)
        kernel, bias = voters.get_layer(f"told_{voter}").get_weights()
        kernels.append(scale[:, None] * kernel / VOTERS)
        biases.append((bias + (offset - mean * scale) @ kernel) / VOTERS)
    pooled = [voters.get_layer(f"pooled_{voter}").output for voter in range(VOTERS)]
    last = tf.keras.layers.Dense(len(biases[0]), name="told")
    told = last(tf.keras.layers.Concatenate(name="pooled")(pooled))
    last.set_weights([np.concatenate(kernels), np.sum(biases, axis=0) + shift])
    return tf.keras.Model(voters.input, told, name="emoedge_speech")
