"""Random views of training faces: what a camera, a cropper and a bad evening would make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

FIELD = 44
"""Side of the centre of the 48 px picture that a view shows, in its pixels, unless it is asked for another."""
EASED = 0.35
"""Share of the turning and shifting that is left for a picture which a camera and a detector have moved already."""


def views(
    images: NDArray[np.uint8], *, size: int, generator: Generator, field: int = FIELD,
    moved: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:  # fmt: skip
    """One random view per picture: N x 48 x 48 uint8 in, N x size x size x 1 float32 in 0..1 out.

    Without chance the view would be the centre crop of `field` pixels scaled to `size`. Crop jitter, rotation
    and scale are those of a Haar box around a face; light, blur, noise, JPEG and small pictures those of a
    cheap camera; the erased patch is a hand or a microphone. Pictures that are `moved` (N) were cut by a detector
    out of a camera's frame: they are turned and shifted less (EASED), and keep the flaws they have.
    """
    count = len(images)
    out = np.empty((count, size, size), dtype=np.float32)
    seen = np.zeros(count, dtype=np.bool_) if moved is None else moved
    spread = np.where(seen, EASED, 1.0)
    matrices = _matrices(spread, field / size, size=size, side=images.shape[1], generator=generator)
    flaws = np.where(seen, 1.0, generator.random(count))
    for i in range(count):
        view = cv2.warpAffine(
            images[i],
            matrices[i],
            (size, size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        out[i] = _flawed(view, flaws[i], generator) if flaws[i] < 0.2 else view
    out *= np.float32(1 / 255)
    _relight(out, generator)
    _erase(out, generator)
    np.clip(out, 0, 1, out=out)
    return out[..., None]


def _matrices(
    spread: NDArray[np.float64], zoom: float, *, size: int, side: int, generator: Generator
) -> NDArray[np.float64]:
    """Affine maps from view pixels to picture pixels, N x 2 x 3; `spread` (N) scales all chance but the mirror's."""
    count = len(spread)
    angle = np.radians(generator.normal(0, 7, count).clip(-20, 20)) * spread
    scale = np.exp(generator.normal(0, 0.07, count).clip(-0.18, 0.18) * spread) * zoom
    stretch = np.exp(generator.normal(0, 0.04, count) * spread)
    shear = generator.normal(0, 0.05, count) * spread
    shift = generator.normal(0, 1.6, (count, 2)).clip(-4, 4) * spread[:, None]
    mirror = np.where(generator.random(count) < 0.5, -1.0, 1.0)
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    linear = np.empty((count, 2, 2))
    linear[:, 0, 0] = cos * stretch * mirror
    linear[:, 0, 1] = -sin + shear * scale
    linear[:, 1, 0] = sin * stretch * mirror
    linear[:, 1, 1] = cos
    centre = np.full(2, (size - 1) / 2)
    offset = (side - 1) / 2 + shift - linear @ centre
    return np.concatenate([linear, offset[:, :, None]], axis=2)


def _flawed(view: NDArray[np.uint8], chance: float, generator: Generator) -> NDArray[np.uint8]:
    """Blur, shrink, compress or add noise, by where `chance` falls in 0..0.2."""
    size = view.shape[0]
    if chance < 0.05:
        return np.asarray(cv2.GaussianBlur(view, (0, 0), generator.uniform(0.5, 1.4)), dtype=np.uint8)
    if chance < 0.10:
        small = int(generator.integers(18, size - 4))
        shrunk = cv2.resize(view, (small, small), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(shrunk, (size, size), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    if chance < 0.15:
        done, coded = cv2.imencode(".jpg", view, [cv2.IMWRITE_JPEG_QUALITY, int(generator.integers(15, 60))])
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), dtype=np.uint8) if done else view
    noise = generator.normal(0, generator.uniform(3, 16), view.shape)
    return np.clip(view + noise, 0, 255).astype(np.uint8)


def _relight(batch: NDArray[np.float32], generator: Generator) -> None:
    """Contrast around the mean, brightness, and for some a gamma curve, in place."""
    count = len(batch)
    mean = batch.mean(axis=(1, 2), keepdims=True)
    contrast = np.exp(generator.normal(0, 0.2, (count, 1, 1)).clip(-0.6, 0.5)).astype(np.float32)
    shift = generator.normal(0, 0.08, (count, 1, 1)).clip(-0.25, 0.25).astype(np.float32)
    batch -= mean
    batch *= contrast
    batch += mean + shift
    bent = np.flatnonzero(generator.random(count) < 0.15)
    gamma = np.exp(generator.uniform(-0.6, 0.6, (len(bent), 1, 1))).astype(np.float32)
    batch[bent] = np.power(np.clip(batch[bent], 0, 1), gamma)


def _erase(batch: NDArray[np.float32], generator: Generator) -> None:
    """Cover a patch of up to a fifth of the picture with one gray, in place, on two pictures of five."""
    count, size = batch.shape[:2]
    for i in np.flatnonzero(generator.random(count) < 0.4):
        area = generator.uniform(0.02, 0.18) * size * size
        height = int(np.clip(np.sqrt(area * np.exp(generator.uniform(-0.9, 0.9))), 3, size - 1))
        width = int(np.clip(area / height, 3, size - 1))
        top, left = generator.integers(0, size - height + 1), generator.integers(0, size - width + 1)
        batch[i, top : top + height, left : left + width] = generator.random(dtype=np.float32)


def cut_mix(
    batch: NDArray[np.float32], targets: tuple[NDArray[np.float32], ...], *, generator: Generator
) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], ...]]:
    """Paste one patch of each picture's neighbour into it and blend the targets by area (Yun et al. 2019)."""
    size = batch.shape[1]
    other = generator.permutation(len(batch))
    side = round(size * float(np.sqrt(1 - generator.beta(1.0, 1.0))))
    top, left = generator.integers(0, size - side + 1), generator.integers(0, size - side + 1)
    mixed = batch.copy()
    mixed[:, top : top + side, left : left + side] = batch[other, top : top + side, left : left + side]
    share = np.float32(side * side / (size * size))
    return mixed, tuple((1 - share) * target + share * target[other] for target in targets)


def mix_up(
    batch: NDArray[np.float32], targets: tuple[NDArray[np.float32], ...], *, generator: Generator
) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], ...]]:
    """Fade each picture into its neighbour and blend the targets alike (Zhang et al. 2018)."""
    other = generator.permutation(len(batch))
    share = np.float32(min(generator.beta(0.2, 0.2), 1 - 1e-3))
    share = min(share, np.float32(1) - share)
    return (1 - share) * batch + share * batch[other], tuple(
        (1 - share) * target + share * target[other] for target in targets
    )
