"""Hard clips with their truth: faces pasted over a drawn room, the same pixels every time.

Unless others are cast, the face is that of the astronaut Eileen Collins in scikit-image (NASA, public domain).
Nothing is written to disk; frames are made as they are asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from emoedge.messages import Box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Scene = tuple[Picture, tuple[Box | None, ...]]

WIDTH, HEIGHT = 640, 480
FPS = 25.0
SECONDS = 8.0

TAKE_APART = 2.7
"""Seconds of the motions between the beginnings of two takes."""

HEAD = (0, 235, 110, 330)
"""Rows and columns of the portrait that hold the head."""

FACE = Box(52, 62, 122, 122)
"""The face in it, framed as OpenCV's frontal-face cascades frame one."""


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """Somebody who can be pasted into a picture."""

    picture: Picture
    """BGR."""
    opaque: Picture
    """0 where the room shows, 255 where the head covers it."""
    face: Box
    """The face in `picture`, framed as OpenCV's frontal-face cascades frame one."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A film whose truth is known."""

    name: str
    about: str
    draw: Callable[[float, Sequence[Sitter]], Scene]
    """Picture and face boxes at a time in seconds, None for who is not there; who plays whom is by their order."""
    seconds: float = SECONDS
    grain: float = 4.0
    """Gray levels of the camera's noise (standard deviation)."""

    @property
    def count(self) -> int:
        """Frames."""
        return round(self.seconds * FPS)

    def frames(
        self, cast: Sequence[Sitter] = (), take: int = 0
    ) -> Iterator[tuple[float, Picture, tuple[Box | None, ...]]]:
        """Time in seconds, picture (480, 640, 3) BGR uint8, and the faces in it, None for who is not there.

        `cast`: who plays, the astronaut alone unless said. `take`: another one begins elsewhere in the motions, and
        every second one is mirrored.
        """
        cast = cast or (astronaut(),)
        for index in range(self.count):
            picture, faces = self.draw((index / FPS + TAKE_APART * take) % (8 * self.seconds), cast)
            if take % 2:
                picture = np.ascontiguousarray(picture[:, ::-1])
                faces = tuple(None if f is None else Box(WIDTH - f.x - f.width, f.y, f.width, f.height) for f in faces)
            yield index / FPS, with_grain(picture, index + 1000 * take, self.grain), faces


@cache
def head() -> Picture:
    """The portrait's head, BGR."""
    from skimage import data

    top, bottom, left, right = HEAD
    portrait: NDArray[Any] = data.astronaut()
    picture: Picture = cv2.cvtColor(portrait[top:bottom, left:right], cv2.COLOR_RGB2BGR)
    return picture


@cache
def astronaut() -> Sitter:
    """The portrait, all of its rectangle."""
    return Sitter(head(), np.full(head().shape[:2], 255, np.uint8), FACE)


@cache
def room() -> Picture:
    """A smooth room with a window, a shelf and a picture on the wall, where nobody is."""
    coarse = np.random.default_rng(11).integers(60, 170, (6, 8, 3), dtype=np.uint8)
    picture: Picture = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    cv2.rectangle(picture, (30, 40), (170, 190), (225, 215, 205), -1)
    cv2.line(picture, (100, 40), (100, 190), (90, 90, 95), 6)
    cv2.rectangle(picture, (470, 60), (600, 140), (60, 80, 110), -1)
    cv2.circle(picture, (535, 100), 24, (120, 160, 190), -1)
    for shelf in range(3):
        cv2.rectangle(picture, (430, 330 + 45 * shelf), (630, 338 + 45 * shelf), (50, 60, 80), -1)
    return picture


@cache
def _noise() -> NDArray[np.uint8]:
    """Gray 128 with a spread of 32, larger than a picture: each frame takes another part of it."""
    normal = np.random.default_rng(0).normal(128, 32, (HEIGHT + 64, WIDTH + 64, 3))
    return np.clip(normal, 0, 255).astype(np.uint8)


def with_grain(picture: Picture, index: int, spread: float) -> Picture:
    """The picture with a camera's noise of `spread` gray levels; `index` seeds it."""
    if spread <= 0:
        return picture
    top, left = np.random.default_rng(index).integers(0, 64, 2)
    part = _noise()[top : top + HEIGHT, left : left + WIDTH]
    noisy: Picture = cv2.addWeighted(picture, 1, part, spread / 32, -128 * spread / 32)
    return noisy


def place(
    picture: Picture, who: Sitter, x: float, y: float, side: float, *, roll: float = 0.0, squeeze: float = 1.0
) -> tuple[Picture, Box]:
    """Paste a head so that its face is `side` pixels high around (x, y); picture and face.

    `roll`: degrees in the plane. `squeeze`: width of what is left where the head turns aside, 1 where it does not.
    """
    scale = side / who.face.width
    cx, cy = who.face.centre
    cosine, sine = math.cos(math.radians(roll)) * scale, math.sin(math.radians(roll)) * scale
    a, b, c, d = cosine * squeeze, -sine, sine * squeeze, cosine
    turn = np.array([[a, b, x - a * cx - b * cy], [c, d, y - c * cx - d * cy]], dtype=np.float32)
    size = (picture.shape[1], picture.shape[0])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    mask = cv2.warpAffine(who.opaque, turn, size)
    pasted = picture.copy()
    cv2.copyTo(cv2.warpAffine(who.picture, turn, size, flags=how), mask, pasted)
    return pasted, Box(x - squeeze * side / 2, y - side / 2, squeeze * side, side)


def _one(who: Sitter, x: float, y: float, side: float, *, roll: float = 0.0, squeeze: float = 1.0) -> Scene:
    picture, face = place(room(), who, x, y, side, roll=roll, squeeze=squeeze)
    return picture, (face,)


def _several(cast: Sequence[Sitter], *places: tuple[float, float, float]) -> Scene:
    picture, faces = room(), []
    for index, (x, y, side) in enumerate(places):
        picture, face = place(picture, cast[index % len(cast)], x, y, side)
        faces.append(face)
    return picture, tuple(faces)


def _moving(t: float, cast: Sequence[Sitter]) -> Scene:
    return _one(cast[0], 320 + 90 * math.sin(1.1 * t), 250 + 30 * math.sin(1.7 * t), 115 + 12 * math.sin(0.6 * t))


def _fast(t: float, cast: Sequence[Sitter]) -> Scene:
    return _one(cast[0], 320 + 190 * math.sin(3.2 * t), 250 + 60 * math.sin(4.1 * t), 105)


def _scale(t: float, cast: Sequence[Sitter]) -> Scene:
    return _one(cast[0], 320, 250, 135 + 75 * math.sin(0.9 * t))


def _two(t: float, cast: Sequence[Sitter]) -> Scene:
    return _several(cast, (170 + 50 * math.sin(1.3 * t), 240, 105), (470 + 50 * math.sin(1.1 * t), 260, 120))


def _four(t: float, cast: Sequence[Sitter]) -> Scene:
    sway = 22 * math.sin(1.2 * t)
    return _several(cast, (110 + sway, 140, 78), (330 - sway, 130, 82), (540 + sway, 150, 76), (300 + sway, 350, 88))


def _visitors(t: float, cast: Sequence[Sitter]) -> Scene:
    t %= SECONDS
    if 3.0 <= t < 5.5:
        return room(), (None, None)
    if t < 3.0:
        picture, first = place(room(), cast[0], 220 + 30 * math.sin(2 * t), 250, 110)
        return picture, (first, None)
    picture, second = place(room(), cast[1 % len(cast)], 430, 240 + 20 * math.sin(2 * t), 120)
    return picture, (None, second)


def _dim(t: float, cast: Sequence[Sitter]) -> Scene:
    picture, faces = _moving(t, cast)
    return cv2.convertScaleAbs(picture, alpha=0.25), faces


def _blurred(t: float, cast: Sequence[Sitter]) -> Scene:
    picture, faces = _moving(t, cast)
    return cv2.GaussianBlur(picture, (0, 0), 3.5), faces


def _flicker(t: float, cast: Sequence[Sitter]) -> Scene:
    picture, faces = _one(cast[0], 320 + 20 * math.sin(t), 250, 115)
    return cv2.convertScaleAbs(picture, alpha=1 + 0.15 * math.sin(2 * math.pi * 7.3 * t)), faces


def _turned(t: float, cast: Sequence[Sitter]) -> Scene:
    return _one(cast[0], 320, 250, 125, roll=18 * math.sin(1.3 * t), squeeze=1 - 0.28 * abs(math.sin(0.8 * t)))


def _empty(_: float, __: Sequence[Sitter]) -> Scene:
    return room(), ()


def _still(_: float, cast: Sequence[Sitter]) -> Scene:
    return _one(cast[0], 320, 250, 115)


CLIPS = (
    Clip("moving", "one face wanders", _moving),
    Clip("fast", "one face at up to 650 px a second", _fast),
    Clip("scale", "one face between 60 and 210 px", _scale),
    Clip("two", "two faces", _two),
    Clip("four", "four faces of 76 to 88 px", _four),
    Clip("visitors", "one leaves, another comes", _visitors),
    Clip("dim", "a quarter of the light, more grain", _dim, grain=6.0),
    Clip("noisy", "one face in heavy grain", _moving, grain=20.0),
    Clip("blurred", "out of focus", _blurred),
    Clip("empty", "nobody there, camera's grain only", _empty),
    Clip("still", "somebody sits still, camera's grain only", _still),
    Clip("flicker", "the light flickers by 15 %", _flicker),
    Clip("turned", "the head rolls by 18 degrees and turns aside", _turned),
)


def clip(name: str) -> Clip:
    """The clip of that name; KeyError where there is none."""
    return next((each for each in CLIPS if each.name == name), None) or _unknown(name)


def _unknown(name: str) -> Clip:
    raise KeyError(f"{name}: no such clip; there are {', '.join(each.name for each in CLIPS)}")
