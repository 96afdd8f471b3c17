"""What a small net makes of a window of speech: an embedding, the mean of its last layer over frames with a voice.

The net has learned to tell frames apart as a network does that has heard far more speech (`tools/train.py --modality
speech-embedding`). Its weights are a member of the model file, so that no model meets another net than its own.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BESIDE = 2
"""Inputs beside the bands: the pitch in octaves over PITCH, 0 without one, and its periodicity."""

PITCH = 150.0
"""Hertz, between the voices of men and of women."""

_DAMAGED = (
    ValueError, KeyError, EOFError, OSError, AttributeError, zipfile.BadZipFile, zlib.error,
    MemoryError,  # of shapes that no memory holds
)  # fmt: skip


def frames(log_mel: NDArray[Any], pitch: NDArray[Any], periodicity: NDArray[Any]) -> NDArray[np.float32]:
    """The net's frames (n, mels + BESIDE) of log-mel values (n, mels), pitch (n,) Hz and periodicity (n,) 0..1."""
    octaves = np.where(pitch > 0, np.log2(np.maximum(pitch, 1.0) / PITCH), 0.0)
    return np.column_stack([log_mel, octaves, periodicity]).astype(np.float32)


def near(at: NDArray[np.integer[Any]], count: int, reach: int) -> NDArray[np.intp]:
    """Numbers, ascending, of those of `count` frames that are no further than `reach` frames from one of `at`."""
    steps = np.zeros(count + 1, dtype=np.intp)
    np.add.at(steps, np.maximum(at - reach, 0), 1)
    np.add.at(steps, np.minimum(at + reach + 1, count), -1)
    return np.flatnonzero(np.cumsum(steps[:-1]) > 0)


class Embedding:
    """Convolutions over time, a ReLU after each, then the mean over some frames; pure."""

    def __init__(self, weights: bytes) -> None:
        """`weights` is an `.npz`: `mean` and `std` (inputs,), then what each layer has.

        Layer i, from 0, has `kernel<i>` int8 (taps, inputs, outputs), taps odd, `scale<i>` and `bias<i>` (outputs,).
        Raises ModelError where they are damaged or do not fit each other.
        """
        try:
            with np.load(io.BytesIO(weights), allow_pickle=False) as held:
                self._mean, self._std = (held[name].astype(np.float32) for name in ("mean", "std"))
                count = sum(name.startswith("kernel") for name in held.files)
                layers = [tuple(held[f"{part}{i}"] for part in ("kernel", "scale", "bias")) for i in range(count)]
        except _DAMAGED as error:
            raise ModelError("the front end's weights are damaged") from error
        if not layers or not _fit(self._mean, self._std, layers):
            raise ModelError("the front end's weights do not fit each other")
        with np.errstate(over="ignore", invalid="ignore"):
            self._layers = [
                (len(kernel), (kernel * scale).astype(np.float32).reshape(-1, kernel.shape[2]), bias.astype(np.float32))
                for kernel, scale, bias in layers
            ]
        numbers = (self._mean, self._std, *(part for _, flat, bias in self._layers for part in (flat, bias)))
        if not all(np.isfinite(part).all() for part in numbers):
            raise ModelError("the front end's weights are not all finite numbers")

    @property
    def inputs(self) -> int:
        """Numbers of a frame."""
        return len(self._mean)

    @property
    def size(self) -> int:
        """Numbers of an embedding."""
        return len(self._layers[-1][2])

    def __call__(self, window: NDArray[np.float32], at: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Frames (n, inputs) of a window and the numbers of those that count, one at least, to the mean (size,)."""
        x = (window - self._mean) / self._std
        for taps, flat, bias in self._layers:
            y = _neighbours(x, taps) @ flat
            y += bias
            x = np.maximum(y, 0.0, out=y)
        return np.asarray(x[at].mean(axis=0), dtype=np.float64)


def _neighbours(x: NDArray[np.float32], taps: int) -> NDArray[np.float32]:
    """Each frame between those beside it, (n, taps * inputs); zeros beyond the ends."""
    beyond = np.zeros((taps // 2, x.shape[1]), dtype=np.float32)
    line = np.concatenate([beyond, x, beyond])
    return np.concatenate([line[tap : tap + len(x)] for tap in range(taps)], axis=1)


def _fit(mean: NDArray[Any], std: NDArray[Any], layers: list[tuple[NDArray[Any], ...]]) -> bool:
    if mean.ndim != 1 or std.shape != mean.shape or not (std > 0).all():
        return False
    inputs = len(mean)
    for kernel, scale, bias in layers:
        if kernel.ndim != 3 or len(kernel) % 2 != 1 or kernel.shape[1] != inputs:
            return False
        inputs = kernel.shape[2]
        if scale.shape != (inputs,) or bias.shape != (inputs,):
            return False
    return True
