"""What rooms, microphones and other voices do to samples: 16 kHz mono, float32; every draw from a seeded generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Wave = NDArray[np.float32]

RATE = 16000
TAPS = 512
"""Of an equaliser."""


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """One microphone in one room, the same for a whole session."""

    kernel: NDArray[np.float64]
    """Impulse response of room and microphone together."""
    noise: Wave | None
    """Background; None for a quiet room."""
    snr: float
    """Decibels of speech, its pauses left out, over noise."""
    floor: float
    """The same over the sensor's own noise."""
    gain: float
    """Decibels over all."""


def draw_channel(rng: np.random.Generator, noise: Wave | None) -> Channel:
    """A random microphone and room; `noise` is the background that it may have."""
    return Channel(
        kernel=np.convolve(equaliser(rng), room(rng)),
        noise=noise if rng.random() < 0.55 else None,
        snr=rng.uniform(3, 30),
        floor=rng.uniform(20, 90),
        gain=rng.uniform(-10, 10),
    )


def equaliser(rng: np.random.Generator) -> NDArray[np.float64]:
    """Impulse response (TAPS,) of a random microphone: a tilt, some waves, now and then a narrow line."""
    hertz = np.fft.rfftfreq(TAPS, 1 / RATE)
    position = 2 * np.log1p(hertz / 700) / np.log1p(RATE / 2 / 700) - 1  # a mel scale from -1 to 1
    decibels = rng.normal(0, 3) * position
    for cycles in range(1, 4):
        decibels = decibels + rng.normal(0, 2.0) / cycles * np.cos(np.pi * cycles * (position + rng.uniform(0, 2)))
    if rng.random() < 0.1:  # nothing below 300 Hz or above 3.4 kHz passes well
        decibels = decibels - 25 * ((hertz < rng.uniform(50, 300)) | (hertz > rng.uniform(3000, 5000)))
    response = np.fft.irfft(10 ** (decibels / 20), TAPS)
    return np.roll(response, TAPS // 2) * np.hanning(TAPS)


def room(rng: np.random.Generator) -> NDArray[np.float64]:
    """Impulse response of a random room, 1 at its start; a bare 1 every second time."""
    if rng.random() < 0.5:
        return np.ones(1)
    seconds = rng.uniform(0.1, 0.6)
    time = np.arange(1, int(seconds * RATE)) / RATE
    tail = rng.normal(size=len(time)) * 10 ** (-3 * time / seconds)
    return np.append(1.0, tail * np.sqrt(rng.uniform(0.05, 0.8) / np.square(tail).sum()))


def voice(samples: Wave, rng: np.random.Generator, *, speed: float) -> Wave:
    """A phrase `speed` times as fast and as high, a little louder or softer than the one before."""
    length = max(2, round(len(samples) / speed))
    faster = np.interp(np.linspace(0, len(samples) - 1, length), np.arange(len(samples)), samples)
    return (faster * 10 ** (rng.normal(0, 2) / 20)).astype(np.float32)


def through(samples: Wave, channel: Channel, rng: np.random.Generator) -> Wave:
    """A whole session as this microphone hears it; digital silence between phrases is silent no more."""
    from scipy.signal import oaconvolve

    heard = oaconvolve(samples, channel.kernel)[: len(samples)] if len(samples) else samples.astype(np.float64)
    spoken = heard[samples != 0]
    power = float(np.square(spoken).mean()) + 1e-12 if len(spoken) else 1e-12
    sensor = rng.standard_normal(len(heard), dtype=np.float32)
    heard = heard + sensor * np.sqrt(power * 10 ** (-channel.floor / 10))
    if channel.noise is not None and len(channel.noise):
        start = int(rng.integers(len(channel.noise)))
        background = channel.noise[(start + np.arange(len(heard))) % len(channel.noise)]
        loudness = float(np.square(background, dtype=np.float64).mean()) + 1e-12
        heard = heard + background * np.sqrt(power / loudness * 10 ** (-channel.snr / 10))
    return np.asarray(np.clip(heard * 10 ** (channel.gain / 20), -1, 1), dtype=np.float32)


def hum(rng: np.random.Generator, samples: int) -> Wave:
    """A steady coloured noise that swings a little: engines, fans, tyres."""
    hertz = np.fft.rfftfreq(samples, 1 / RATE)
    slope = rng.uniform(-2.0, 0.2)
    spectrum = np.fft.rfft(rng.standard_normal(samples)) * np.maximum(hertz / 200, 0.1) ** (slope / 2)
    swing = 1 + 0.5 * rng.random() * np.sin(2 * np.pi * rng.uniform(0.05, 4) * np.arange(samples) / RATE)
    noise = np.fft.irfft(spectrum, samples) * swing
    return np.asarray(0.1 * noise / (noise.std() + 1e-12), dtype=np.float32)
