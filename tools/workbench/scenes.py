"""Faces of a pack composed into pictures as a camera would see them: a head, a room, light, noise and JPEG.

The pictures of a face pack end at the forehead and the chin; a detector wants a head. It is drawn around the
picture out of the picture's own tones: hair, cheeks, a neck, shoulders. Inside the picture's square no pixel is
painted over, so what is lost against the direct crop is lost to the camera and to the pipeline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from emoedge.messages import Box
from workbench.clips import HEIGHT, WIDTH, room

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]

ACROSS, DOWN = 2.6, 6.0
"""Sides of a face's square that the drawn head with its shoulders takes."""

ABOVE = 0.75
"""Sides of the square above it."""

FADE = 0.22
"""Sides of the square over which the picture's own edge fades into the drawing."""

SWAY = 0.05
"""Sides of the square that a head moves by, so that nobody sits as still as a photograph."""


GRAIN, SPARE = 32.0, 64


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A face with a head drawn around it, in the pixels of the face's own picture."""

    picture: Gray
    opaque: Gray
    """0 where the room shows, 255 where the head covers it."""
    face: Box
    """The face's own picture in `picture`."""


@dataclass(frozen=True, slots=True)
class Camera:
    """How one camera sees one room."""

    gain: float
    """Factor on gray levels."""
    gamma: float
    blur: float
    """Pixels, standard deviation."""
    grain: float
    """Gray levels, standard deviation of the noise of each frame."""
    quality: int
    """Of the JPEG that each frame passes through, 0..100."""


def some_camera(generator: Generator) -> Camera:
    """One as they come: light from dim to bright, a soft lens, some noise, a webcam's JPEG."""
    return Camera(
        gain=float(generator.uniform(0.6, 1.15)),
        gamma=float(np.exp(generator.uniform(-0.25, 0.25))),
        blur=float(generator.uniform(0.3, 0.9)),
        grain=float(generator.uniform(1.5, 6.0)),
        quality=int(generator.integers(60, 93)),
    )


def head(face: Gray, generator: Generator) -> Head:
    """Draw a head around a face's picture, gray, square."""
    side = face.shape[0]
    width, height = round(ACROSS * side), round(DOWN * side)
    left, top = (width - side) // 2, round(ABOVE * side)
    cx, cy = left + side / 2, top + side / 2
    skin = float(np.median(face[side * 5 // 12 : side * 10 // 12, side // 4 : side * 3 // 4]))
    hair = float(np.median(face[: max(1, side // 12)]))
    hair = min(hair, skin * float(generator.uniform(0.35, 0.9)))
    clothes = float(generator.uniform(25, 190))
    picture = np.full((height, width), 128, np.uint8)
    opaque = np.zeros_like(picture)

    def oval(x: float, y: float, across: float, down: float, tone: float) -> None:
        centre, axes = (round(x), round(y)), (round(across * side / 2), round(down * side / 2))
        cv2.ellipse(picture, centre, axes, 0, 0, 360, (tone,), -1)
        cv2.ellipse(opaque, centre, axes, 0, 0, 360, (255.0,), -1)

    oval(cx, top + 4.2 * side, 2.3, 5.5, clothes)
    oval(cx, top + 1.25 * side, 0.72, 1.1, skin * 0.8)
    oval(cx, cy - 0.09 * side, 1.30, 1.62, hair)
    oval(cx, cy + 0.10 * side, 1.06, 1.42, skin * 0.95)
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), side * 0.03), dtype=np.uint8)
    around = (top, height - top - side, left, width - left - side)
    spread = cv2.copyMakeBorder(face, *around, cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(spread, (0, 0), side * 0.04)
    soft[top : top + side, left : left + side] = face
    share = _fading(side, around)
    picture = np.rint(share * soft + (1 - share) * picture).astype(np.uint8)
    own = (share > 0.5).astype(np.uint8) * 255
    opaque = np.asarray(cv2.GaussianBlur(np.maximum(opaque, own), (0, 0), side * 0.02), dtype=np.uint8)
    return Head(picture, opaque, Box(left, top, side, side))


def _fading(side: int, around: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """1 on the face's square, falling to 0 over FADE of its side beyond."""
    inside = cv2.copyMakeBorder(np.zeros((side, side), np.uint8), *around, cv2.BORDER_CONSTANT, value=(1.0,))
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    return np.asarray(np.clip(1 - distance / (FADE * side), 0, 1), dtype=np.float32)


def frames(
    who: Head, *, size: float, count: int, rate: float, camera: Camera, generator: Generator
) -> Iterator[tuple[float, Gray, Box]]:
    """A short film: time in seconds, picture (480, 640) gray, and where the face's own square is in it.

    `size`: pixels, side of that square. It sways by SWAY of its side; `rate` in hertz.
    """
    ground = _ground(generator)
    reach = SWAY * size
    half_wide, above, below = ACROSS * size / 2, (ABOVE + 0.5) * size, 0.8 * size
    x0 = _somewhere(half_wide * 0.6 + reach, WIDTH, generator)
    y0 = _somewhere(max(above * 0.8, below) + reach, HEIGHT, generator)
    roll = math.radians(float(generator.normal(0, 3)))
    phase = generator.uniform(0, 2 * math.pi, 2)
    table = _table(camera)
    for index in range(count):
        at = index / rate
        x = x0 + reach * math.sin(2.1 * at + phase[0])
        y = y0 + 0.5 * reach * math.sin(1.7 * at + phase[1])
        picture = cv2.LUT(_placed(ground, who, x, y, size, roll), table)
        picture = cv2.GaussianBlur(picture, (0, 0), camera.blur)
        top, left = generator.integers(0, SPARE, 2)
        grain = _grain()[top : top + HEIGHT, left : left + WIDTH]
        picture = cv2.addWeighted(picture, 1, grain, camera.grain / GRAIN, -128 * camera.grain / GRAIN)
        done, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, camera.quality])
        if done:
            picture = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
        yield at, np.asarray(picture, dtype=np.uint8), Box(x - size / 2, y - size / 2, size, size)


def _somewhere(margin: float, length: int, generator: Generator) -> float:
    """A place along one side that leaves `margin` on both ends, or the middle where there is too little room."""
    return float(generator.uniform(margin, length - margin)) if 2 * margin < length else length / 2


@cache
def _grain() -> Gray:
    """Gray 128 with a spread of GRAIN, larger than a picture by SPARE: each frame takes another part of it."""
    noise = np.random.default_rng(0).normal(128, GRAIN, (HEIGHT + SPARE, WIDTH + SPARE))
    return np.asarray(np.clip(noise, 0, 255), dtype=np.uint8)


def _ground(generator: Generator) -> Gray:
    """The empty room, mirrored and shifted by chance."""
    picture = np.asarray(cv2.cvtColor(room(), cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    if generator.random() < 0.5:
        picture = picture[:, ::-1]
    return np.ascontiguousarray(np.roll(picture, int(generator.integers(WIDTH)), axis=1))


def _placed(ground: Gray, who: Head, x: float, y: float, size: float, roll: float) -> Gray:
    scale = size / who.face.width
    cx, cy = who.face.centre
    cosine, sine = math.cos(roll) * scale, math.sin(roll) * scale
    # Pixel centres: the middle of a square of n pixels is at (n - 1) / 2.
    cx, cy, x, y = cx - 0.5, cy - 0.5, x - 0.5, y - 0.5
    turn = np.array([[cosine, -sine, x - cosine * cx + sine * cy], [sine, cosine, y - sine * cx - cosine * cy]])
    source, cover = who.picture, who.opaque
    if scale < 1:
        source, cover = (cv2.GaussianBlur(p, (0, 0), 0.4 / scale) for p in (source, cover))
    shape = (ground.shape[1], ground.shape[0])
    drawn = cv2.warpAffine(source, turn, shape, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(cover, turn, shape, flags=cv2.INTER_LINEAR).astype(np.float32) / np.float32(255)
    return np.asarray(cv2.blendLinear(drawn, ground, share, 1 - share), dtype=np.uint8)


def _table(camera: Camera) -> Gray:
    levels = np.arange(256) / 255
    return np.asarray(np.rint(255 * np.clip(camera.gain * levels**camera.gamma, 0, 1)), dtype=np.uint8)
