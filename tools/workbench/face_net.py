"""The face network: plain 3x3 convolutions, two heads on one trunk, and the files made of them."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import tensorflow as tf

from emoedge.emotions import CANONICAL
from workbench.data.faces import VOTE_CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

Stage = tuple[int, int]
"""Channels and number of 3x3 convolutions; a 2x2 max-pooling stands between stages."""

HEADS = {"original": CANONICAL, "votes": VOTE_CLASSES}


def build(stages: Sequence[Stage], *, dropout: float) -> tf.keras.Model:
    """Trunk with both heads: pictures N x H x W x 1 in 0..1 to (original logits N x 7, vote logits N x 8)."""
    layers = tf.keras.layers
    picture = layers.Input((None, None, 1), name="picture")
    x = picture
    for number, (channels, count) in enumerate(stages):
        if number:
            x = layers.MaxPool2D(2, padding="same", name=f"pool{number}")(x)
        for index in range(count):
            name = f"conv{number}_{index}"
            x = layers.Conv2D(
                channels, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
            )(x)
            x = layers.BatchNormalization(name=f"{name}_norm")(x)
            x = layers.ReLU(name=f"{name}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    heads = [layers.Dense(len(classes), name=head)(x) for head, classes in HEADS.items()]
    return tf.keras.Model(picture, heads)


def twice(both: tf.keras.Model, pictures: tf.Tensor) -> list[tf.Tensor]:
    """Logits of both heads on the mean of what the trunk sees in `pictures` (N x H x W x 1) and in a mirror."""
    mean = (_trunk(both, pictures) + _trunk(both, tf.reverse(pictures, [2]))) / 2
    return [both.get_layer(head)(mean) for head in HEADS]


def _trunk(both: tf.keras.Model, x: tf.Tensor) -> tf.Tensor:
    for layer in both.layers[1:]:
        if layer.name not in (*HEADS, "dropout"):
            x = layer(x)
    return x


def single(
    trained: tf.keras.Model, stages: Sequence[Stage], *, head: str, sides: Sequence[int], mirror: bool,
    shift: NDArray[np.float32],
) -> tf.keras.Model:  # fmt: skip
    """One head with a softmax over the canonical seven, for pictures of the first of `sides` px.

    Classes beyond the seven (contempt) are left out before the softmax. `shift` (7) is added to the logits. The trunk
    sees the picture, its centres of the other `sides`, and with `mirror` the mirror images of all of them, and the
    head their mean: a face means the same in a mirror, and a little nearer.
    """
    both = build(stages, dropout=0.0)
    both.set_weights(trained.get_weights())
    size = sides[0]
    picture = tf.keras.layers.Input((size, size, 1), name="picture")
    # A gather, not a reversal: it is the one of the two that stays in int8.
    ways = [picture, tf.gather(picture, tf.range(size - 1, -1, -1), axis=2)] if mirror else [picture]
    shown = tf.concat(ways, axis=0) if mirror else picture
    seen: list[tf.Tensor] = []
    for side in sides:
        start = (size - side) // 2
        x = _trunk(both, shown[:, start : start + side, start : start + side] if side < size else shown)
        seen += tf.split(x, len(ways), axis=0) if mirror else [x]
    # One by one: a sum of many at once would stay in float.
    x = reduce(add, seen) * (1 / len(seen)) if len(seen) > 1 else seen[0]
    weights, bias = both.get_layer(head).get_weights()
    dense = tf.keras.layers.Dense(len(CANONICAL), activation="softmax", name="emotion")
    model = tf.keras.Model(picture, dense(x))
    dense.set_weights([weights[:, : len(CANONICAL)], bias[: len(CANONICAL)] + shift])
    return model


def save(model: tf.keras.Model, path: Path) -> None:
    """Write a `.keras` file whole or not at all."""
    part = path.with_name(f".{path.stem}.part.keras")
    model.save(part)
    part.replace(path)
