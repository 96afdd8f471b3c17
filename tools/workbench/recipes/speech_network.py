"""The speech network: a plain 1-D convolution over frames, pooled by mean and mean deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import tensorflow as tf

STRIDES = (2, 1, 2, 1, 1)
"""One a layer: a frame every 20 ms goes in, one every 80 ms is pooled."""


def build(
    shape: tuple[int, int], classes: int, *, width: int = 128, strides: Sequence[int] = STRIDES, dropout: float = 0.2
) -> tf.keras.Model:
    """Input (frames, coefficients), output logits (classes,).

    The spread over time is the mean of max(0, x - mean), half the mean absolute deviation (deviations above and
    below the mean are equal in sum): unlike a standard deviation it needs no square and no root, which eight
    bits carry badly.
    """
    import tensorflow as tf

    layers = tf.keras.layers
    given = layers.Input(shape, name="features")
    x = given
    for i, stride in enumerate(strides):
        x = layers.Conv1D(width, 3 if i else 5, strides=stride, padding="same", use_bias=False, name=f"conv{i}")(x)
        x = layers.BatchNormalization(momentum=0.98, name=f"norm{i}")(x)
        x = layers.ReLU(name=f"relu{i}")(x)
        x = layers.SpatialDropout1D(dropout / 2, name=f"drop{i}")(x)
    mean = layers.GlobalAveragePooling1D(keepdims=True, name="mean")(x)
    above = layers.ReLU(name="above")(layers.Subtract(name="centred")([x, mean]))
    spread = layers.GlobalAveragePooling1D(name="spread")(above)
    pooled = layers.Concatenate(name="pooled")([layers.Reshape((width,), name="level")(mean), spread])
    pooled = layers.BatchNormalization(momentum=0.98, name="norm_pooled")(pooled)
    logits = layers.Dense(classes, name="logits")(layers.Dropout(dropout, name="drop_pooled")(pooled))
    return tf.keras.Model(given, logits, name="emoedge_speech")
