"""Hours in which nothing is felt, and scenes in which something is: streams of frames and sound with their truth.

Frames come at the rate at which the daemon looks and are gray, as its vision makes them first thing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from emoedge.messages import SAMPLE_RATE, AudioBlock, Frame
from workbench import scenes
from workbench.clips import HEIGHT, WIDTH, room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Sound = NDArray[np.float32]

VISIT = (120.0, 240.0)
"""Seconds that one person, or one photograph, stays ..."""

GAP = 8.0
"""... and that the room is empty then."""

NEUTRAL, SHOWN = (6.0, 10.0), (4.0, 7.0)
"""Seconds between two expressions, and of one."""

BLEND = 0.4
"""Seconds in which one expression turns into the next."""

FACE = (80.0, 160.0)
"""Pixels: side of a face's square."""

BLOCK = 0.1
"""Seconds of sound at once."""

HUSH = 3e-4
"""Amplitude of a quiet room, full scale 1."""

LEVEL = 0.05
"""Root mean square of sounds and voices, full scale 1."""

GRAIN = 3.0
"""Gray levels, standard deviation of the camera's noise."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An emotion that somebody shows: what must be told, or must not."""

    label: str
    start: float
    """Seconds."""
    end: float
    spoken: bool = False
    """Whether a voice says it too."""


@dataclass(slots=True)
class Truth:
    """Everything shown so far; grows as the stream is played."""

    shown: list[Shown] = field(default_factory=list)
    people: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """One head at one place, for some time."""

    start: float
    end: float
    head: scenes.Head
    x: float
    y: float
    size: float
    moves: float = 1.0
    """0 for a photograph."""
    before: scenes.Head | None = None
    """What it turns from in the first BLEND seconds."""


class Stage:
    """One room seen by one camera; draws who is there at a time."""

    def __init__(self, generator: Generator) -> None:
        ground = np.asarray(cv2.cvtColor(room(), cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        if generator.random() < 0.5:
            ground = ground[:, ::-1]
        self._ground: Gray = np.ascontiguousarray(np.roll(ground, int(generator.integers(WIDTH)), axis=1))
        noise = generator.normal(128, 32, (HEIGHT + 64, WIDTH + 64))
        self._noise: Gray = np.clip(noise, 0, 255).astype(np.uint8)
        self._phases = generator.uniform(0, 2 * math.pi, 8)
        self._generator = generator

    def draw(self, at: float, look: Look | None) -> Gray:
        """The picture at `at` seconds, (480, 640): daylight that changes, a lamp that flickers a little, grain."""
        picture = self._ground if look is None else self._with(look, at)
        p = self._phases
        light = 1 + 0.08 * math.sin(at / 41 + p[0]) + 0.04 * math.sin(at / 7.3 + p[1])
        light += float(self._generator.normal(0, 0.004))
        top, left = self._generator.integers(0, 64, 2)
        part = self._noise[top : top + HEIGHT, left : left + WIDTH]
        grain = GRAIN / 32
        return np.asarray(cv2.addWeighted(picture, light, part, grain, -128 * grain), dtype=np.uint8)

    def _with(self, look: Look, at: float) -> Gray:
        """The head where it now is: breathing, swaying, now and then leaning another way."""
        p, reach = self._phases, scenes.SWAY * look.size * look.moves
        lean = look.moves * 0.15 * look.size * math.sin(at / 23 + p[2])
        x = look.x + lean + reach * (math.sin(2.1 * at + p[3]) + 0.4 * math.sin(5.3 * at + p[4]))
        y = look.y + 0.5 * reach * math.sin(1.7 * at + p[5])
        roll = look.moves * math.radians(3.0) * math.sin(0.7 * at + p[6])
        size = look.size * (1 + 0.03 * look.moves * math.sin(0.4 * at + p[7]))
        picture = self._ground.copy()
        share = 1.0 if look.before is None else min(1.0, (at - look.start) / BLEND)
        if look.before is not None and share < 1:
            _paste(picture, look.before, (x, y), size, roll, 1.0)
        _paste(picture, look.head, (x, y), size, roll, share)
        return picture


def _paste(
    picture: Gray, who: scenes.Head, place: tuple[float, float], size: float, roll: float, share: float
) -> None:
    """Draw the head with its face's square of `size` pixels around `place`, in place; `share` of it opaque."""
    scale = size / who.face.width
    height, width = who.picture.shape
    cx, cy = who.face.centre
    reach = math.hypot(width, height) * scale
    left, right = max(0, int(place[0] - width * scale * 0.6)), min(WIDTH, int(place[0] + width * scale * 0.6) + 1)
    top, bottom = max(0, int(place[1] - 0.35 * reach)), min(HEIGHT, int(place[1] + reach) + 1)
    cosine, sine = math.cos(roll) * scale, math.sin(roll) * scale
    x, y = place[0] - left, place[1] - top
    turn = np.array([[cosine, -sine, x - cosine * cx + sine * cy], [sine, cosine, y - sine * cx - cosine * cy]])
    shape = (right - left, bottom - top)
    drawn = cv2.warpAffine(who.picture, turn, shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpAffine(who.opaque, turn, shape, flags=cv2.INTER_LINEAR).astype(np.float32) * np.float32(share / 255)
    part = picture[top:bottom, left:right]
    part[:] = cv2.blendLinear(drawn, part, cover, 1 - cover)


def sitters(
    faces: Sequence[Gray], generator: Generator, truth: Truth, *, moves: float = 1.0
) -> Iterator[Look]:
    """One face after the other, each for minutes, without an end."""
    now = GAP
    while True:
        for row in generator.permutation(len(faces)).tolist():
            stay = float(generator.uniform(*VISIT))
            x, y, size = _place(generator)
            truth.people += 1
            yield Look(now, now + stay, scenes.head(faces[row], generator), x, y, size, moves)
            now += stay + GAP


def feelers(
    neutral: Sequence[Gray], shown: Callable[[], tuple[str, Gray]], voice: Callable[[str, float], Sound | None],
    generator: Generator, truth: Truth, said: list[tuple[float, Sound]],
) -> Iterator[Look]:  # fmt: skip
    """People who show something every ten seconds or so, in some of the cases with a voice, without an end.

    `shown` draws an emotion and a face of it, `voice` that many seconds of a voice in it, or None.
    """
    now = GAP
    while True:
        x, y, size = _place(generator)
        truth.people += 1
        stay, before = now + float(generator.uniform(*VISIT)), None
        while now < stay:
            calm = scenes.head(neutral[generator.integers(len(neutral))], generator)
            until = now + float(generator.uniform(*NEUTRAL))
            yield Look(now, until, calm, x, y, size, 1.0, before)
            label, face = shown()
            end = until + float(generator.uniform(*SHOWN))
            sound = voice(label, end - until)
            if sound is not None:
                said.append((until, sound))
            truth.shown.append(Shown(label, until, end, sound is not None))
            before = scenes.head(face, generator)
            yield Look(until, end, before, x, y, size, 1.0, calm)
            now = end
        calm = scenes.head(neutral[generator.integers(len(neutral))], generator)
        last = now + float(generator.uniform(*NEUTRAL))
        yield Look(now, last, calm, x, y, size, 1.0, before)
        now = last + GAP


def film(looks: Iterator[Look], rate: float, generator: Generator) -> Iterator[Frame]:
    """Frames at `rate` hertz of who is there; the room is empty between two looks that do not touch."""
    stage, index, look = Stage(generator), 0, next(looks, None)
    while True:
        at = index / rate
        while look is not None and at >= look.end:
            look = next(looks, None)
        there = look if look is not None and at >= look.start else None
        yield Frame(stage.draw(at, there), at, index)
        index += 1


def empty(rate: float, generator: Generator) -> Iterator[Frame]:
    """Rooms with nobody in them, another one every few minutes; a lamp goes on or off, a shadow passes."""
    index = 0
    while True:
        stage = Stage(generator)
        clutter = _clutter(generator)
        until = index + int(rate * generator.uniform(*VISIT))
        lamp = 1.0
        while index < until:
            at = index / rate
            if generator.random() < 1 / (30 * rate):
                lamp = float(generator.uniform(0.7, 1.2))
            picture = cv2.addWeighted(stage.draw(at, None), 0.6 * lamp, clutter, 0.4 * lamp, 0)
            if at % 50 < 2:
                x = round((at % 50) * WIDTH / 2)
                picture[100:, max(0, x - 60) : x + 60] //= 2
            yield Frame(np.asarray(picture, dtype=np.uint8), at, index)
            index += 1


def sound_of(part: Callable[[int], Sound]) -> Iterator[AudioBlock]:
    """Blocks without an end; `part` gives the next n samples."""
    size, number = round(BLOCK * SAMPLE_RATE), 0
    while True:
        number += 1
        yield AudioBlock(np.clip(part(size), -1, 1).astype(np.float32), number * BLOCK)


def scheduled(said: list[tuple[float, Sound]], generator: Generator) -> Iterator[AudioBlock]:
    """A quiet room in which what was put into `said`, (seconds, samples), is heard at its time."""
    size, number = round(BLOCK * SAMPLE_RATE), 0
    while True:
        first = number * size
        block = generator.normal(0, HUSH, size).astype(np.float32)
        for start, sound in said:
            begin = round(start * SAMPLE_RATE) - first
            source = sound[max(0, -begin) : max(0, size - begin)]
            block[max(0, begin) : max(0, begin) + len(source)] += source
        said[:] = [(start, sound) for start, sound in said if round(start * SAMPLE_RATE) + len(sound) > first + size]
        number += 1
        yield AudioBlock(np.clip(block, -1, 1), number * BLOCK)


def _place(generator: Generator) -> tuple[float, float, float]:
    """Where somebody sits, and how large the face is."""
    size = float(generator.uniform(*FACE))
    return float(generator.uniform(1.3 * size, WIDTH - 1.3 * size)), float(generator.uniform(1.2 * size, 300)), size


def _clutter(generator: Generator) -> Any:
    """Shelves, frames, round and square things, soft shadows."""
    coarse = generator.integers(20, 230, (int(generator.integers(3, 9)), int(generator.integers(3, 12))))
    picture = cv2.resize(coarse.astype(np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(generator.integers(5, 40))):
        x, y = int(generator.integers(WIDTH)), int(generator.integers(HEIGHT))
        w, h = (int(side) for side in generator.integers(8, 160, 2))
        tone = float(generator.uniform(0, 255))
        if generator.random() < 0.5:
            cv2.rectangle(picture, (x, y), (x + w, y + h), (tone,), -1)
        else:
            cv2.ellipse(picture, (x, y), (w // 2, h // 2), float(generator.uniform(0, 180)), 0, 360, (tone,), -1)
    return cv2.GaussianBlur(picture, (0, 0), 1.0)
