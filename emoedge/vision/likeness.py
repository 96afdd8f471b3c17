"""How much a crop looks like an upright face at all: a small net on its edges, in NumPy.

A face model names an emotion whatever it is shown; this says where there is nothing to name one of. Trained by
`tools/train_likeness.py`; the weights are `emoedge/vision/likeness.npz`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIDE = 48
"""Pixels: side of the crops it takes."""

COARSE = 12
"""Pixels: side to which the crop is shrunk for what is bright and what is dark in it."""

WEIGHTS = "likeness.npz"


@cache
def _gradients() -> Any:
    """Histograms of oriented gradients (Dalal and Triggs 2005): 8 px cells, 2 x 2 cells a block, 9 directions."""
    return cv2.HOGDescriptor((SIDE, SIDE), (16, 16), (8, 8), (8, 8), 9)


def features(face: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Edges, shades and contrast of a gray crop, SIDE x SIDE: shape (FEATURES,), most of them within -3..3."""
    edges = _gradients().compute(face).ravel()
    mean, spread = cv2.meanStdDev(face)
    small = cv2.resize(face, (COARSE, COARSE), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    shades = (small - mean[0, 0]) / max(float(spread[0, 0]), 1.0)
    bends = float(cv2.meanStdDev(cv2.Laplacian(face, cv2.CV_16S))[1][0, 0])
    contrast = np.log([max(float(spread[0, 0]), 0.5) / 50, max(bends, 0.5) / 50])
    return np.asarray(np.concatenate([4 * edges - 1, shades, contrast]), dtype=np.float32)


FEATURES = 900 + COARSE * COARSE + 2


@dataclass(frozen=True, slots=True, eq=False)
class LikenessNet:
    """One hidden layer."""

    hidden: NDArray[np.float32]
    """(FEATURES, n)."""
    hidden_bias: NDArray[np.float32]
    output: NDArray[np.float32]
    """(n,)."""
    output_bias: float

    def __call__(self, face: NDArray[np.uint8]) -> float:
        """0 (surely none) .. 1 (surely one) of a gray crop, SIDE x SIDE; 0.5 is where 2 % of faces are refused."""
        layer = np.maximum(features(face) @ self.hidden + self.hidden_bias, 0)
        score = min(max(float(layer @ self.output) + self.output_bias, -30.0), 30.0)
        return 1 / (1 + math.exp(-score))


def read_net(file: Path | None = None) -> LikenessNet:
    """The net of an `.npz`; the shipped one where none is named."""
    source = resources.files("emoedge.vision").joinpath(WEIGHTS) if file is None else file
    with source.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
        return LikenessNet(
            held["hidden"].astype(np.float32), held["hidden_bias"].astype(np.float32),
            held["output"].astype(np.float32), float(held["output_bias"]),
        )  # fmt: skip


@cache
def _shipped() -> LikenessNet:
    return read_net()


def likeness(face: NDArray[np.uint8]) -> float:
    """What the shipped net says of a gray crop, SIDE x SIDE, see `LikenessNet`."""
    return _shipped()(face)
