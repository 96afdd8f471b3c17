"""What rooms, microphones and other voices do to mel power: changes made on cached frames, not on samples.

All functions take and give mel power, float32, shape (frames, bands), full scale 1, and a seeded generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Power = NDArray[np.float32]

GRAIN = 16384


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """One microphone in one room, the same for a whole session."""

    gain: NDArray[np.float32]
    """(bands,) factor of each band: equaliser, tilt and gain."""
    echo: NDArray[np.float32]
    """(frames,) power response of the room, 1 at delay 0."""
    noise: Power | None
    """Background, (frames, bands), unit mean power; None for a quiet room."""
    noise_ratio: float
    """Noise power over speech power."""
    floor: float
    """Power of the sensor's own noise in a band, over the speech's mean band power."""


def draw_channel(rng: np.random.Generator, bands: int, hop: float, noise: Power | None) -> Channel:
    """A random microphone and room; `noise` is the background that it may have, `hop` is in seconds."""
    position = np.linspace(-1, 1, bands)
    decibels = rng.uniform(-10, 10) + rng.normal(0, 3) * position
    for cycles in range(1, 4):
        decibels = decibels + rng.normal(0, 2.0) / cycles * np.cos(np.pi * cycles * (position + rng.uniform(0, 2)))
    if rng.random() < 0.1:  # a narrow line: nothing below 300 Hz or above 3.4 kHz passes well
        decibels = decibels - 25 * ((position < rng.uniform(-0.95, -0.75)) | (position > rng.uniform(0.4, 0.7)))
    echo = np.ones(1, dtype=np.float32)
    if rng.random() < 0.5:
        seconds = rng.uniform(0.1, 0.6)
        delays = np.arange(1, int(seconds / hop) + 2)
        tail = 10 ** (-6 * delays * hop / seconds)
        echo = np.concatenate([[1.0], rng.uniform(0.05, 0.8) * tail / tail.sum()]).astype(np.float32)
    snr = rng.uniform(3, 30)
    return Channel(
        gain=(10 ** (decibels / 10)).astype(np.float32),
        echo=echo,
        noise=noise if rng.random() < 0.55 else None,
        noise_ratio=float(10 ** (-snr / 10)),
        floor=float(10 ** (-rng.uniform(20, 90) / 10)),
    )


def smear(power: Power, echo: NDArray[np.float32]) -> Power:
    """Power with its own past added, as a room does."""
    if len(echo) < 2 or len(power) == 0:
        return power
    kernel = np.ascontiguousarray(echo[::-1, None])
    smeared: Power = cv2.filter2D(
        power, -1, kernel, anchor=(0, len(echo) - 1), borderType=cv2.BORDER_CONSTANT
    )  # fmt: skip
    return np.maximum(smeared, np.float32(0))


def through(power: Power, channel: Channel, rng: np.random.Generator) -> Power:
    """A whole session as this microphone hears it."""
    heard = smear(power, channel.echo)
    level = float(heard.mean()) + 1e-12
    if channel.noise is not None:
        start = int(rng.integers(len(channel.noise)))
        index = (start + np.arange(len(heard))) % len(channel.noise)
        heard = heard + channel.noise[index] * np.float32(level * channel.noise_ratio)
    heard = heard * channel.gain
    own = grain(heard.shape[1])[(int(rng.integers(GRAIN)) + np.arange(len(heard))) % GRAIN]
    return np.asarray(heard + own * np.float32(level * channel.floor))


@cache
def grain(bands: int) -> Power:
    """How the power of white noise scatters from frame to frame, unit mean; long enough not to be learned."""
    return np.random.default_rng(0).gamma(4.0, 0.25, size=(GRAIN, bands)).astype(np.float32)


def voice(power: Power, rng: np.random.Generator, *, warp: float) -> Power:
    """One clip spoken faster or slower, by a longer or shorter vocal tract (`warp` scales frequency)."""
    frames, bands = power.shape
    if frames < 2:
        return power
    speed = rng.uniform(0.85, 1.18)
    length = max(2, round(frames / speed))
    # A mel axis is logarithmic above 1 kHz: scaling frequency is nearly a shift there and fades below.
    position = np.arange(bands, dtype=np.float32)
    source = position + np.float32(np.log(warp) * 12) * np.minimum(1, position / (0.4 * bands))
    map_x = np.broadcast_to(source[None, :], (length, bands)).astype(np.float32)
    map_y = np.broadcast_to(
        np.linspace(0, frames - 1, length, dtype=np.float32)[:, None], (length, bands)
    ).astype(np.float32)
    warped: Power = cv2.remap(power, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped * np.float32(10 ** (rng.normal(0, 2) / 10))


def hum(rng: np.random.Generator, bands: int, frames: int) -> Power:
    """A steady coloured noise of unit mean power: engines, fans, tyres."""
    slope = rng.uniform(-1.2, 0.1)
    spectrum = np.exp(slope * np.arange(bands) * 0.25 + rng.normal(0, 0.4, bands))
    swing = 1 + 0.5 * rng.random() * np.sin(np.arange(frames) * rng.uniform(0.01, 0.6))
    start = int(rng.integers(GRAIN - frames))
    power = spectrum[None, :] * swing[:, None] * grain(bands)[start : start + frames]
    return np.asarray(power / power.mean(), dtype=np.float32)


def misjudged(features: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Windows (n, frames, coefficients) as a wrong idea of what this microphone usually hears makes them.

    The session's mean and deviation are estimates, and in a corpus never heard they are off in another way.
    """
    count, _, coefficients = features.shape
    scale = np.exp(rng.normal(0, 0.25, size=(count, 1, 1)))
    offset = rng.normal(0, 0.3, size=(count, 1, coefficients))
    return np.asarray(features * scale + offset, dtype=np.float32)
