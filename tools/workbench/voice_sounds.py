"""Sounds that are no voice, made up: hum, tones, dialling, noise, engines, music-like chords, clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Sound = NDArray[np.float64]

RATE = 16000
DTMF_ROWS, DTMF_COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)


def _time(n: int) -> Sound:
    return np.arange(n) / RATE


def coloured(rng: np.random.Generator, n: int, slope: float, low: float = 20, high: float = 8000) -> Sound:
    """Noise whose power falls with frequency to the power of `slope`, between two edges in Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hertz = np.fft.rfftfreq(n, 1 / RATE)
    gain = np.maximum(hertz, 20.0) ** (-slope / 2) * ((hertz >= low) & (hertz <= high))
    sound = np.fft.irfft(spectrum * gain, n)
    return np.asarray(sound / (np.sqrt(np.mean(sound**2)) + 1e-12))


def _slow(rng: np.random.Generator, n: int, hertz: float) -> Sound:
    """A smooth random curve, mean 0, deviation 1, that turns about `hertz` times a second."""
    knots = rng.standard_normal(max(4, int(n / RATE * hertz) + 4))
    return np.interp(np.linspace(0, len(knots) - 1, n), np.arange(len(knots)), knots)


def silence(rng: np.random.Generator, n: int) -> Sound:
    """Nothing, or the faint hiss of a sensor."""
    return np.zeros(n) if rng.random() < 0.3 else coloured(rng, n, rng.uniform(0, 1)) * 10 ** rng.uniform(-5, -3)


def hum(rng: np.random.Generator, n: int) -> Sound:
    """Mains hum with its harmonics."""
    f = rng.choice([50.0, 60.0]) * rng.uniform(0.99, 1.01)
    harmonics = np.arange(1, 13)
    strengths = rng.uniform(0, 1, 12) / harmonics ** rng.uniform(0.3, 1.5)
    angles = 2 * np.pi * f * harmonics[:, None] * _time(n) + rng.uniform(0, 6.3, (12, 1))
    return np.asarray(strengths @ np.sin(angles))


def tone(rng: np.random.Generator, n: int) -> Sound:
    """A steady, swept, trembling or beeping tone, sine or square."""
    f = np.exp(rng.uniform(np.log(60), np.log(6000)))
    track = np.full(n, f)
    kind = rng.integers(4)
    if kind == 1:
        track = np.geomspace(f, np.exp(rng.uniform(np.log(60), np.log(6000))), n)
    elif kind == 2:
        track = f * (1 + rng.uniform(0.01, 0.3) * np.sin(2 * np.pi * rng.uniform(0.2, 8) * _time(n)))
    sound = np.sin(2 * np.pi * np.cumsum(track) / RATE)
    if rng.random() < 0.3:
        sound = np.sign(sound)
    if kind == 3:
        sound *= np.sin(2 * np.pi * rng.uniform(0.5, 6) * _time(n)) > rng.uniform(-0.5, 0.8)
    return np.asarray(sound)


def dtmf(rng: np.random.Generator, n: int) -> Sound:
    """Telephone keys, one after the other."""
    sound, at = np.zeros(n), 0
    while at < n:
        length, gap = int(rng.uniform(0.05, 0.6) * RATE), int(rng.uniform(0.03, 0.5) * RATE)
        turn = 2 * np.pi * _time(min(length, n - at))
        sound[at : at + len(turn)] = np.sin(rng.choice(DTMF_ROWS) * turn) + np.sin(rng.choice(DTMF_COLUMNS) * turn)
        at += length + gap
    return sound


def noise(rng: np.random.Generator, n: int) -> Sound:
    """White to brown noise, whole or in a band, steady or swelling."""
    low = rng.choice([20.0, rng.uniform(20, 3000)])
    sound = coloured(rng, n, rng.uniform(-0.5, 3), low, rng.choice([8000.0, low + rng.uniform(200, 5000)]))
    if rng.random() < 0.5:
        sound = sound * np.exp(rng.uniform(0.2, 1.5) * _slow(rng, n, rng.uniform(0.3, 6)))
    return sound


def engine(rng: np.random.Generator, n: int) -> Sound:
    """Harmonics of a wandering firing rate over tyre rumble and wind."""
    base = rng.uniform(15, 120) * np.exp(rng.uniform(0, 0.3) * _slow(rng, n, rng.uniform(0.1, 1)))
    phase = 2 * np.pi * np.cumsum(base) / RATE
    sound = np.zeros(n)
    for k in range(1, int(rng.integers(8, 40))):
        sound += rng.uniform(0.2, 1) / k ** rng.uniform(0.5, 1.2) * np.sin(k * phase + rng.uniform(0, 6.3))
    rumble = coloured(rng, n, rng.uniform(1.5, 2.5), 20, rng.uniform(200, 800))
    return np.asarray(sound + rng.uniform(0, 2) * rumble + rng.uniform(0, 0.3) * coloured(rng, n, rng.uniform(0, 1)))


def _note(rng: np.random.Generator, hertz: float, n: int, bright: float, *, held: bool) -> Sound:
    t = _time(n)
    vibrato = rng.uniform(0, 0.01) * np.sin(2 * np.pi * rng.uniform(4, 7) * t)
    phase = 2 * np.pi * hertz * (t + np.cumsum(vibrato) / RATE)
    sound = np.zeros(n)
    for k in range(1, 16):
        if k * hertz < RATE / 2:
            sound += np.sin(k * phase + rng.uniform(0, 6.3)) / k**bright
    decay = np.ones(n) if held else np.exp(-t / rng.uniform(0.1, 0.8))
    attack, release = np.minimum(1, t / rng.uniform(0.002, 0.06)), np.minimum(1, (n / RATE - t) / 0.02)
    return np.asarray(sound * decay * attack * release)


def music(rng: np.random.Generator, n: int) -> Sound:
    """Chords, a melody, a bass and a drum in one key at one tempo, any of them left out."""
    key, beat = rng.uniform(110, 220), rng.uniform(0.2, 0.8)
    scale = np.array([0, 2, 4, 5, 7, 9, 11]) if rng.random() < 0.5 else np.array([0, 2, 3, 5, 7, 8, 10])
    bright, held = rng.uniform(0.6, 2.5), rng.random() < 0.5
    parts = rng.random(4) < (0.8, 0.6, 0.5, 0.5)
    parts[int(rng.integers(2))] = True
    sound, step = np.zeros(n), int(beat * RATE)
    for at in range(0, n, step):
        degree = int(rng.integers(7))
        length = min(int(step * rng.uniform(0.7, 1.6)), n - at)
        pitches: list[float] = []
        if parts[0]:
            pitches += [2.0 ** (scale[(degree + i) % 7] / 12) for i in (0, 2, 4)]
        if parts[1]:
            pitches.append(2 * rng.choice([1, 2]) * 2.0 ** (scale[int(rng.integers(7))] / 12))
        if parts[2]:
            pitches.append(0.5 * 2.0 ** (scale[degree] / 12))
        for pitch in pitches:
            sound[at : at + length] += rng.uniform(0.3, 1) * _note(rng, key * pitch, length, bright, held=held)
        if parts[3]:
            hit = min(int(0.15 * RATE), n - at)
            drum = coloured(rng, hit, rng.uniform(0, 2)) * np.exp(-_time(hit) / rng.uniform(0.01, 0.06))
            sound[at : at + hit] += rng.uniform(0.5, 3) * drum
    return sound


def clicks(rng: np.random.Generator, n: int) -> Sound:
    """Knocks, clicks and rattles: short decaying bursts of ringing noise."""
    sound = 1e-3 * rng.standard_normal(n)
    for at in rng.integers(0, n, int(n / RATE * rng.uniform(0.5, 12)) + 1):
        length = min(int(rng.uniform(0.005, 0.2) * RATE), n - at)
        t = _time(length)
        ring = np.sin(2 * np.pi * rng.uniform(100, 5000) * t) + rng.uniform(0, 1) * rng.standard_normal(length)
        sound[at : at + length] += rng.uniform(0.1, 1) * ring * np.exp(-t / (length / RATE / 4))
    return sound


SOUNDS: Mapping[str, Callable[[np.random.Generator, int], Sound]] = {
    "silence": silence, "hum": hum, "tone": tone, "dtmf": dtmf, "noise": noise, "engine": engine,
    "music": music, "clicks": clicks,
}  # fmt: skip


def make(rng: np.random.Generator, kind: str, seconds: float) -> NDArray[np.float32]:
    """One sound of a kind: float32, peak -40…0 dBFS (silence as it is), sometimes clipped or over a hiss."""
    n = int(seconds * RATE)
    sound = SOUNDS[kind](rng, n)
    if kind != "silence":
        sound = sound / (np.abs(sound).max() + 1e-12) * 10 ** rng.uniform(-2, 0)
        if rng.random() < 0.2:
            sound = np.clip(sound * rng.uniform(2, 20), -1, 1)
        if rng.random() < 0.5:
            sound = sound + coloured(rng, n, rng.uniform(0, 2)) * 10 ** rng.uniform(-4.5, -2)
    return np.asarray(np.clip(sound, -1, 1), dtype=np.float32)


LOOP = 60 * RATE
"""Samples of a background before it begins anew."""


def rumble() -> NDArray[np.float32]:
    """What a car's tyres and body make, below most voices: 25 to 150 Hz, power falling with the frequency's cube."""
    return coloured(np.random.default_rng(0), LOOP, 3.0, 25.0, 150.0).astype(np.float32)


def mains() -> NDArray[np.float32]:
    """A cheap microphone's 50 Hz, second and third harmonic 20 dB below."""
    turn = 2 * np.pi * 50 * _time(LOOP)
    sound = np.sin(turn) + 0.1 * np.sin(2 * turn) + 0.1 * np.sin(3 * turn)
    return np.asarray(sound / np.sqrt(np.mean(sound**2)), dtype=np.float32)


RECORDED = "recorded"
BACKGROUNDS: Mapping[str, Callable[[], NDArray[np.float32]]] = {"rumble": rumble, "hum": mains}
"""What clips are heard in beside RECORDED noises: a minute of unit mean square each."""
