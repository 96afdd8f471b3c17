"""Sound in which nobody is moved: music-like, engines, and babble of many speakers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.messages import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

LEVEL = 0.05
"""Root mean square, full scale 1."""

VOICES = 6
"""Speakers that talk at the same time."""

SCALE = np.array([0, 2, 4, 5, 7, 9, 11])
"""Semitones of a major scale."""


class Endless:
    """Cuts a sound that is made piece by piece into parts of any length."""

    def __init__(self, make: Callable[[], Sound]) -> None:
        self._make = make
        self._rest = np.zeros(0, dtype=np.float32)

    def __call__(self, count: int) -> Sound:
        """The next `count` samples."""
        pieces = [self._rest]
        while sum(map(len, pieces)) < count:
            pieces.append(self._make())
        whole = np.concatenate(pieces)
        self._rest = whole[count:]
        return whole[:count]


def music(generator: Generator) -> Endless:
    """Chords, a tune with vibrato in the range of voices, drums; tempo and timbre change every bar."""
    return Endless(lambda: _bar(generator))


def engine(generator: Generator) -> Endless:
    """An engine's orders over rolling noise, at speeds that change."""
    state = {"phase": 0.0, "hertz": 30.0}
    return Endless(lambda: _rolling(generator, state))


def babble(clips: Sequence[Sound], generator: Generator) -> Endless:
    """VOICES streams of clips, each at its own loudness, mixed."""
    if not clips:
        raise ValueError("no clip to make babble of")
    streams = [Endless(lambda: clips[int(generator.integers(len(clips)))]) for _ in range(VOICES)]
    gains = 10 ** (generator.uniform(-6, 0, VOICES) / 20)

    def mixed() -> Sound:
        count = SAMPLE_RATE * 5
        total = np.sum([g * levelled(s(count), LEVEL) for g, s in zip(gains, streams, strict=True)], axis=0)
        return levelled(total, LEVEL)

    return Endless(mixed)


def levelled(sound: NDArray[Any], level: float) -> Sound:
    """Scaled to that root mean square; silence stays."""
    loud = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) if len(sound) else 0.0
    return np.asarray(sound * (level / loud if loud > 0 else 1.0), dtype=np.float32)


def _bar(generator: Generator) -> Sound:
    beat = float(generator.uniform(0.3, 0.6))
    count = round(4 * beat * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    root = 110 * 2 ** (generator.integers(0, 12) / 12)
    total = np.zeros(count)
    for step in (0, 2, 4):
        total += 0.4 * _tone(time, root * 2 ** (SCALE[step] / 12), generator)
    for place in range(int(generator.choice([4, 8]))):
        length = count // 8
        start = place * length
        hertz = 2 * root * 2 ** (SCALE[generator.integers(7)] / 12)
        note = _tone(time[:length], hertz, generator, vibrato=0.02)
        total[start : start + length] += note[: count - start] * np.hanning(length)[: count - start]
    for start in range(0, count, max(1, round(beat * SAMPLE_RATE))):
        hit = generator.normal(0, 1, SAMPLE_RATE // 8) * np.exp(-np.linspace(0, 9, SAMPLE_RATE // 8))
        total[start : start + len(hit)] += hit[: count - start]
    return levelled(total, LEVEL)


def _tone(
    time: NDArray[np.float64], hertz: float, generator: Generator, vibrato: float = 0.0
) -> NDArray[np.float64]:
    phase = 2 * np.pi * hertz * time + vibrato * hertz / 5.5 * np.sin(2 * np.pi * 5.5 * time)
    fall = generator.uniform(0.3, 0.8)
    return np.asarray(sum(fall**k * np.sin((k + 1) * phase) for k in range(8)))


def _rolling(generator: Generator, state: dict[str, float]) -> Sound:
    count = 2 * SAMPLE_RATE
    goal = float(np.clip(state["hertz"] + generator.normal(0, 6), 18, 90))
    hertz = np.linspace(state["hertz"], goal, count)
    phase = state["phase"] + 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    state["hertz"], state["phase"] = goal, float(phase[-1])
    orders = np.sum([np.sin(k * phase) / k for k in (0.5, 1, 2, 3, 4, 6)], axis=0)
    spectrum = np.fft.rfft(generator.normal(0, 1, count))
    frequency = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
    rolling = np.fft.irfft(spectrum / np.maximum(frequency, 20) ** 1.0, count)
    return levelled(orders / orders.std() + rolling / rolling.std(), LEVEL)
