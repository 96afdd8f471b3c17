"""A face network that is its own mirror image: one look says what a look at the face and one in a mirror would say.

Its channels come in pairs, a half apart: the second of a pair sees in a picture, mirrored, what the first sees in the
picture's mirror image (a convolution over the group of the reflection, Cohen and Welling 2016, arXiv:1602.07576).
Those of the last convolution stand alone, and their kernels are the same in a mirror, so that their means over the
picture are. All of it lies in the weights: layers, file and time are those of any other network of these stages. It
holds to the digit where every pooling halves an even side, and but for the border elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PER_CONVOLUTION = 5
"""A kernel, and gamma, beta, mean and variance of its normalisation."""


def reflected(weights: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Weights of the network that says of a picture what this one says of its mirror image, its pairs swapped.

    In Keras's order, as `face_learning.Weights` tells it. Raises ValueError where a convolution but the last has an
    odd number of channels.
    """
    count = sum(array.ndim == len("HWIO") for array in weights)
    found: list[NDArray[Any]] = []
    for index in range(count):
        kernel, *norm = weights[PER_CONVOLUTION * index : PER_CONVOLUTION * (index + 1)]
        kernel = kernel[:, ::-1]
        if index:
            kernel = kernel[:, :, _partners(kernel.shape[2])]
        if index < count - 1:
            partners = _partners(kernel.shape[3])
            kernel, norm = kernel[..., partners], [array[partners] for array in norm]
        found += [kernel, *norm]
    return found + list(weights[PER_CONVOLUTION * count :])


def even(weights: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """The nearest network that is its own mirror image."""
    return [
        np.asarray((one + other) / 2, dtype=one.dtype)
        for one, other in zip(weights, reflected(weights), strict=True)
    ]


def _partners(channels: int) -> NDArray[np.integer[Any]]:
    if channels % 2:
        raise ValueError(f"{channels} channels do not pair")
    return np.roll(np.arange(channels), channels // 2)
