"""Crops in which there is no emotion to see, drawn by code: one colour, noise, textures, cartoons, poor faces."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]

SIDE = 96
"""Pixels: side of every crop."""

TINY = 10
"""Pixels: side of a face too far away to be read."""


def one_colour(generator: Generator) -> Gray:
    """A wall, with a camera's noise or without."""
    wall = np.full((SIDE, SIDE), generator.uniform(0, 255))
    return _gray(wall + generator.normal(0, generator.choice([0.0, 1.5, 4.0]), wall.shape))


def noise(generator: Generator) -> Gray:
    """What a camera sends in the dark, brightened: grain as fine as the pixels or coarser."""
    cells = int(generator.choice([SIDE, SIDE // 2, SIDE // 4]))
    if generator.random() < 0.5:
        grain = generator.normal(generator.uniform(60, 190), generator.uniform(15, 70), (cells, cells))
    else:
        grain = generator.uniform(0, 255, (cells, cells))
    return _sized(_gray(grain))


def clouds(generator: Generator) -> Gray:
    """Soft blots: curtains, shadows, a picture out of focus."""
    cells = int(generator.integers(3, 12))
    blots = generator.uniform(0, 255, (cells, cells)).astype(np.float32)
    return _gray(cv2.resize(blots, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))


def wall(generator: Generator) -> Gray:
    """Soft and dull, under a camera's grain: where somebody sat a moment ago, an edge of something now and then."""
    cells = int(generator.integers(2, 7))
    blots = generator.uniform(-1, 1, (cells, cells)).astype(np.float32)
    picture = cv2.resize(blots, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) * generator.uniform(3, 60)
    if generator.random() < 0.3:
        picture[:, int(generator.integers(SIDE)) :] += generator.uniform(-90, 90)
        if generator.random() < 0.5:
            picture = picture.T
    grain = generator.normal(0, generator.uniform(0, 6), picture.shape)
    return _gray(generator.uniform(40, 210) + picture + grain)


def clutter(generator: Generator) -> Gray:
    """Things on a shelf: boxes, discs and rods of any tone, one over the other, more or less in focus."""
    picture = np.full((SIDE, SIDE), generator.uniform(0, 255), np.uint8)
    for _ in range(int(generator.integers(2, 14))):
        tone, (x, y) = (float(generator.uniform(0, 255)),), generator.integers(-10, SIDE + 10, 2).tolist()
        across, down = generator.integers(4, SIDE // 2, 2).tolist()
        kind = generator.integers(3)
        if kind == 0:
            cv2.rectangle(picture, (x, y), (x + across, y + down), tone, -1)
        elif kind == 1:
            cv2.ellipse(picture, (x, y), (across // 2, down // 2), float(generator.uniform(0, 180)), 0, 360, tone, -1)
        else:
            cv2.line(picture, (x, y), (x + across, y - down), tone, int(generator.integers(1, 8)))
    soft = cv2.GaussianBlur(picture, (0, 0), generator.uniform(0.4, 4))
    return _gray(soft + generator.normal(0, generator.uniform(0, 6), picture.shape))


def gradient(generator: Generator) -> Gray:
    """Light that falls from one side or from the middle."""
    x, y = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    angle = generator.uniform(0, 2 * math.pi)
    slope = np.hypot(x, y) if generator.random() < 0.5 else x * math.cos(angle) + y * math.sin(angle)
    return _gray(generator.uniform(60, 190) + generator.uniform(-110, 110) * slope)


def pattern(generator: Generator) -> Gray:
    """Stripes, checks or tiles: shirts, shelves, brick walls."""
    period, angle = generator.uniform(6, 40), generator.uniform(0, math.pi)
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    wave = np.sin(2 * math.pi * along / period)
    kind = generator.integers(3)
    if kind == 1:
        wave = np.sign(wave * np.sin(2 * math.pi * across / period))
    elif kind == 2:
        joint = (across % period < 2) | ((along + (across // period % 2) * period) % (2 * period) < 2)
        wave = np.where(joint, -1.0, 0.6)
    return _gray(generator.uniform(80, 170) + generator.uniform(20, 80) * wave + generator.normal(0, 3, x.shape))


def cartoon(generator: Generator) -> Gray:
    """A face of a few strokes: eyes, brows, a mouth of any shape on a disc or on paper."""
    paper, ink = float(generator.uniform(140, 255)), float(generator.uniform(0, 90))
    picture = np.full((SIDE, SIDE), paper, np.uint8)
    middle = SIDE // 2
    if generator.random() < 0.7:
        size = (int(SIDE * generator.uniform(0.36, 0.47)), int(SIDE * generator.uniform(0.40, 0.49)))
        fill = float(generator.uniform(120, 250))
        cv2.ellipse(picture, (middle, middle), size, 0, 0, 360, (fill,), -1)
        cv2.ellipse(picture, (middle, middle), size, 0, 0, 360, (ink,), int(generator.integers(1, 4)))
    apart, level = round(SIDE * generator.uniform(0.13, 0.2)), round(SIDE * generator.uniform(0.33, 0.45))
    dot, slant = int(generator.integers(2, 8)), int(generator.integers(-5, 6))
    for sign in (-1, 1):
        eye = (middle + sign * apart, level)
        if generator.random() < 0.5:
            cv2.circle(picture, eye, dot + 3, (250.0,), -1)
            cv2.circle(picture, eye, dot + 3, (ink,), 1)
        cv2.circle(picture, eye, dot, (ink,), -1)
        brow = level - dot - 8
        inner, outer = (middle + sign * (apart - 9), brow + slant), (middle + sign * (apart + 9), brow - slant)
        cv2.line(picture, inner, outer, (ink,), int(generator.integers(1, 4)))
    below, wide = round(SIDE * generator.uniform(0.66, 0.78)), int(generator.integers(8, 24))
    open_ = int(generator.integers(0, 14))
    start = 0 if generator.random() < 0.5 else 180
    kind = generator.integers(3)
    if kind == 0:
        cv2.line(picture, (middle - wide, below), (middle + wide, below), (ink,), 2)
    else:
        end = 360 if kind == 2 else start + 180
        cv2.ellipse(picture, (middle, below), (wide, open_ + 2), 0, start, end, (ink,), -1 if kind == 2 else 2)
    return picture


CASES: Mapping[str, Callable[[Generator], Gray]] = {
    "one colour": one_colour, "noise": noise, "clouds": clouds, "wall": wall, "clutter": clutter, "gradient": gradient,
    "pattern": pattern, "cartoon": cartoon,
}  # fmt: skip
"""Kinds that need no face."""


def upside_down(face: Gray) -> Gray:
    """A face on its head."""
    return np.ascontiguousarray(face[::-1, ::-1])


def tiny(face: Gray) -> Gray:
    """A face of TINY pixels, enlarged."""
    small = cv2.resize(face, (TINY, TINY), interpolation=cv2.INTER_AREA)
    return _sized(np.asarray(small, dtype=np.uint8), cv2.INTER_LINEAR)


SPOILT: Mapping[str, Callable[[Gray], Gray]] = {"upside down": upside_down, "ten pixels": tiny}
"""Kinds made of a face."""


def _gray(values: NDArray[np.floating[Any]]) -> Gray:
    return np.asarray(np.rint(np.clip(values, 0, 255)), dtype=np.uint8)


def _sized(picture: Gray, how: int = cv2.INTER_NEAREST) -> Gray:
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=how), dtype=np.uint8)
