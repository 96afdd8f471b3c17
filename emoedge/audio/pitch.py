"""Pitch of frames, vectorised over them.

By YIN (de Cheveigné & Kawahara 2002, doi:10.1121/1.1458024), and by autocorrelation, which is faster and says
how periodic a frame is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.messages import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

INAUDIBLE = 1e-9
"""Mean square of a frame below which it is unvoiced, whatever its shape (-90 dBFS)."""

NEAR = 0.1
"""A dip this close to the deepest one is as good; the shorter period wins."""

TIMBRE = 2400.0
"""Hertz above which a spectrum tells of the timbre more than of the pitch ..."""
TIMBRE_SHARE = 0.2
"""... and is counted by this much."""

OCTAVE_PRICE = 0.02
"""What a period costs in autocorrelation for each octave below the highest pitch."""

SILENT = 1e-12
"""Sum of a tapered frame's squares below which nothing is periodic."""


def yin(
    frames: NDArray[np.float64], *, lowest: float, highest: float, threshold: float
) -> NDArray[np.float64]:
    """Fundamental frequency of each frame, Hz, 0 where unvoiced.

    `frames`: (n, samples) at SAMPLE_RATE; at least one and a half periods of `lowest` (Hz) long, else the
    lowest pitch that can be told rises to what fits. A frame is unvoiced where the normalised difference never
    falls below `threshold`. Else the first dip wins that comes near the deepest one: YIN's fixed threshold
    would take a harmonic's shallow dip for the period in noisy frames.
    """
    n, samples = frames.shape
    longest = min(int(np.ceil(SAMPLE_RATE / lowest)), samples * 2 // 3)
    shortest = max(2, int(SAMPLE_RATE / highest))
    if n == 0 or longest <= shortest + 1:
        return np.zeros(n)
    normalised = _normalised_difference(frames, longest + 1)
    candidates = normalised[:, shortest : longest + 1]
    deepest = candidates.min(axis=1)
    below = candidates < np.minimum(threshold, deepest + NEAR)[:, None]
    first = below.argmax(axis=1)
    # From where it first comes near walk down to the bottom of that dip.
    falling = np.diff(candidates, axis=1) < 0
    stops = ~falling & (np.arange(falling.shape[1]) >= first[:, None])
    stopped = stops.any(axis=1)
    lag = np.where(stopped, stops.argmax(axis=1), candidates.shape[1] - 1) + shortest
    voiced = (deepest < threshold) & (np.square(frames).mean(axis=1) > INAUDIBLE)
    return np.where(voiced, SAMPLE_RATE / _refined(normalised, lag), 0.0)


def _normalised_difference(frames: NDArray[np.float64], longest: int) -> NDArray[np.float64]:
    """Cumulative mean normalised difference, (n, longest + 1), over as many samples as every lag has."""
    n, samples = frames.shape
    size = samples - longest
    length = 1 << int(np.ceil(np.log2(samples + size)))
    spectrum = np.fft.rfft(frames, length, axis=1)
    head = np.fft.rfft(frames[:, :size], length, axis=1)
    correlation = np.fft.irfft(spectrum * head.conj(), length, axis=1)[:, : longest + 1]
    total = np.concatenate([np.zeros((n, 1)), np.cumsum(frames**2, axis=1)], axis=1)
    energy = total[:, size : size + longest + 1] - total[:, : longest + 1]
    difference = np.maximum(energy[:, :1] + energy - 2 * correlation, 0.0)
    running = np.cumsum(difference[:, 1:], axis=1)
    lags = np.arange(1, longest + 1)
    normalised = np.ones((n, longest + 1))
    np.divide(difference[:, 1:] * lags, running, out=normalised[:, 1:], where=running > 0)
    return normalised


def _refined(normalised: NDArray[np.float64], lag: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each lag moved to the vertex of the parabola through its neighbours."""
    rows = np.arange(len(lag))
    at = np.clip(lag, 1, normalised.shape[1] - 2)
    left, middle, right = normalised[rows, at - 1], normalised[rows, at], normalised[rows, at + 1]
    curve = left - 2 * middle + right
    shift = np.zeros(len(lag))
    np.divide(0.5 * (left - right), curve, out=shift, where=curve > 0)
    return np.asarray(at + np.clip(shift, -1.0, 1.0), dtype=np.float64)


class Periodicity:
    """Pitch and periodicity of frames of one length by autocorrelation (Boersma 1993, IFA Proceedings 17)."""

    def __init__(self, samples: int, *, lowest: float, highest: float) -> None:
        """`samples` of a frame; pitch is looked for from `lowest` to `highest` Hz, at most half a frame long."""
        self._shortest = max(2, int(SAMPLE_RATE / highest))
        self._longest = max(self._shortest + 2, min(int(np.ceil(SAMPLE_RATE / lowest)), samples // 2))
        self._length = 1 << int(np.ceil(np.log2(samples + self._longest + 1)))
        self._taper = np.hanning(samples)
        hertz = np.fft.rfftfreq(self._length, 1 / SAMPLE_RATE)
        self._weight = np.where(hertz < TIMBRE, 1.0, TIMBRE_SHARE)
        own = np.fft.irfft(np.square(np.abs(np.fft.rfft(self._taper, self._length))))[: self._longest + 1]
        self._own = own / own[0]
        lags = np.arange(self._shortest, self._longest + 1)
        self._price = OCTAVE_PRICE * np.log2(lags / self._shortest)

    def __call__(self, frames: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of frames (n, samples): the likeliest pitch (n,), Hz, and how periodic they are (n,), 0..1.

        The latter is the autocorrelation at the pitch over that of the taper alone: 1 for a steady tone, about
        0.2 for noise, 0 for silence. Of two periods nearly as good the shorter one wins.
        """
        spectrum = np.fft.rfft(frames * self._taper, self._length, axis=1)
        power = (np.square(spectrum.real) + np.square(spectrum.imag)) * self._weight
        line = np.fft.irfft(power, self._length, axis=1)[:, : self._longest + 1]
        whole = line[:, :1]
        line = np.divide(line, whole, out=np.zeros_like(line), where=whole > SILENT) / self._own
        candidates = line[:, self._shortest :]
        best = (candidates - self._price).argmax(axis=1)
        rows = np.arange(len(frames))
        lag = _refined(-line, best + self._shortest)
        return SAMPLE_RATE / lag, np.clip(candidates[rows, best], 0.0, 1.0)
