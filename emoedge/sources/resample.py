"""Streaming sample-rate conversion to 16 kHz: a polyphase low-pass filter, exact whatever the block sizes."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.messages import SAMPLE_RATE
from emoedge.windows import windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOWEST, HIGHEST = 8000, 192_000
"""Hertz, the rates that microphones offer."""

ATTENUATION = 80.0
"""Decibels of the stop band; what lies beyond folds back this much weaker."""

PASSBAND = 0.94
"""Share of the narrower Nyquist band that passes unharmed; the rest is the filter's transition."""

PHASES = 2048
"""Filters kept at most; rates with more phases than this (16001 Hz) take the nearest, 60 dB exact."""

BATCH = 400
"""Output samples computed at once where their inputs are copied: the copies then stay in a processor's cache, and the
allocator keeps their memory (800 at once took up to ten times as long, 44.1 kHz)."""


class StreamingResampler:
    """Turns mono samples at `rate` into mono samples at 16 kHz.

    A linear-phase Kaiser-windowed sinc (80 dB, flat to 0.94 of the narrower Nyquist frequency), evaluated only
    where an output sample falls. Output sample k is taken at input time k · rate / 16000, the filter's delay
    made up for; it appears once `delay` seconds of input have followed it.
    """

    def __init__(self, rate: int, target: int = SAMPLE_RATE) -> None:
        if not LOWEST <= rate <= HIGHEST:
            raise ValueError(f"sample rate {rate} Hz; expected {LOWEST} to {HIGHEST}")
        common = gcd(rate, target)
        self.rate = rate
        self._up, self._down = target // common, rate // common
        self._taps = self._design(min(rate, target) / rate)
        self._half = self._taps.shape[1] // 2
        self.reset()

    @property
    def delay(self) -> float:
        """Seconds between a sound and its samples."""
        return self._half / self.rate if self._up != self._down else 0.0

    def reset(self) -> None:
        """Start a new stream, preceded by silence."""
        self._tail = np.zeros(self._half, dtype=np.float32)
        self._first = -self._half
        self._next = 0

    def push(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Output samples, float32 (m,), that the input samples (n,) complete."""
        samples = np.asarray(samples, dtype=np.float32)
        if self._up == self._down:
            return samples
        line = np.concatenate([self._tail, samples])
        # Output k needs the input samples from floor(k down / up) - half + 1 to floor(k down / up) + half.
        newest = self._first + len(line) - 1
        last = ((newest - self._half + 1) * self._up - 1) // self._down
        count = max(0, last - self._next + 1)
        result = self._decimated(line, count) if self._up == 1 else self._interpolated(line, count)
        self._next += count
        needed = self._next * self._down // self._up - self._half + 1
        cut = min(max(0, needed - self._first), len(line))
        self._tail = line[cut:].copy()
        self._first += cut
        return result

    def flush(self) -> NDArray[np.float32]:
        """The samples still owed at the end of a recording, as if silence followed; then reset."""
        owed = self._half if self._up != self._down else 0
        result = self.push(np.zeros(owed, dtype=np.float32))
        self.reset()
        return result

    def _decimated(self, line: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        """The next `count` outputs where they lie whole samples apart: one filter does, and nothing is copied."""
        first = self._next * self._down - self._half + 1 - self._first
        rows = windows(line[first:], 2 * self._half, self._down)[:count]
        return np.asarray(np.einsum("kt,t->k", rows, self._taps[0]), dtype=np.float32)

    def _interpolated(self, line: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        rows = windows(line, 2 * self._half)
        result = np.empty(count, dtype=np.float32)
        for start in range(0, count, BATCH):
            stop = min(start + BATCH, count)
            k = np.arange(self._next + start, self._next + stop)
            position = k * self._down
            inputs = rows[position // self._up - self._half + 1 - self._first]
            phase = position % self._up * len(self._taps) // self._up
            np.einsum("kt,kt->k", inputs, self._taps[phase], out=result[start:stop])
        return result

    def _design(self, ratio: float) -> NDArray[np.float32]:
        """Filter taps (phases, 2 · half): row p for outputs that fall p / phases after an input sample."""
        transition = (1 - PASSBAND) * ratio  # of the input's Nyquist frequency
        length = (ATTENUATION - 7.95) / (2.285 * np.pi * transition)  # Kaiser's estimate
        half = int(np.ceil(length / 2)) + 1
        beta = 0.1102 * (ATTENUATION - 8.7)
        cutoff = ratio * (1 + PASSBAND) / 2
        count = min(self._up, PHASES)
        phases = np.arange(count)[:, None] / count
        at = np.arange(-half + 1, half + 1) - phases
        kaiser = np.i0(beta * np.sqrt(np.maximum(0.0, 1 - (at / half) ** 2))) / np.i0(beta)
        taps = cutoff * np.sinc(cutoff * at) * kaiser
        return np.asarray(taps / taps.sum(axis=1, keepdims=True), dtype=np.float32)
