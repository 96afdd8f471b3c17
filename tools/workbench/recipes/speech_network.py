"""The speech network: small perceptrons over functionals that learn apart and vote together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import tensorflow as tf
    from numpy.typing import NDArray

VOTERS = 24
"""Networks of other random beginnings, at most: their mean errs less than one of their common width."""
WIDTH = 64
BYTES = 450_000
"""Of hidden layers and of the front end's net together, at most: the file is to stay below half a megabyte."""


def voters(size: int, spent: int = 0) -> int:
    """How many networks of inputs (size,) there is room for, where the front end's net takes `spent` bytes."""
    return max(1, min(VOTERS, (BYTES - spent) // (size * WIDTH)))


def build(size: int, outputs: int, *, count: int, width: int = WIDTH, dropout: float = 0.4) -> tf.keras.Model:
    """Input (size,); `count` outputs (outputs,): logits of the labels, then of valence and arousal.

    Each voter is a hidden layer and a loss of its own.
    """
    import tensorflow as tf

    layers = tf.keras.layers
    given = layers.Input((size,), name="features")
    x = layers.Dropout(0.1, name="drop_features")(given)
    x = layers.Dense(width * count, use_bias=False, name="hidden")(x)
    x = layers.BatchNormalization(momentum=0.98, name="norm")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.Dropout(dropout, name="drop")(x)
    told = []
    for voter in range(count):
        own: Any = layers.Lambda(_part, arguments={"at": voter * width, "width": width}, name=f"part_{voter}")(x)
        told.append(layers.Dense(outputs, name=f"told_{voter}")(own))
    return tf.keras.Model(given, told, name="voters")


def _part(x: tf.Tensor, at: int, width: int) -> tf.Tensor:
    return x[:, at : at + width]


def merged(voters: tf.keras.Model, shift: Sequence[float] | NDArray[np.floating[Any]]) -> tf.keras.Model:
    """The voters' mean as one network of one output; `shift` is added to it."""
    import tensorflow as tf

    count = len(voters.outputs)
    kernels, biases = zip(*(voters.get_layer(f"told_{voter}").get_weights() for voter in range(count)), strict=True)
    norm, hidden = voters.get_layer("norm"), voters.get_layer("hidden")
    scale, offset, mean, variance = norm.get_weights()
    scale = scale / np.sqrt(variance + norm.epsilon)
    layers = tf.keras.layers
    given = layers.Input(voters.input_shape[1:], name="features")
    first = layers.Dense(len(scale), activation="relu", name="hidden")
    last = layers.Dense(len(biases[0]), name="told")
    model = tf.keras.Model(given, last(first(given)), name="emoedge_speech")
    first.set_weights([hidden.get_weights()[0] * scale, offset - mean * scale])
    last.set_weights([np.concatenate(kernels) / count, np.mean(biases, axis=0) + shift])
    return model
