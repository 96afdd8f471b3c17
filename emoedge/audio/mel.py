"""Constant matrices of the speech features: window functions, mel filter banks, DCT, lifter, chroma.

Three conventions for a mel filter bank, by the parameter `filters`:

- `psf`: python_speech_features. HTK mel scale (2595 log10(1 + f/700)), corners rounded down to FFT bins,
  triangles of height 1, power |X|²/nfft.
- `htk`: the same scale and height with corners where they fall, not rounded; power |X|²/nfft.
- `slaney`: librosa's default. Slaney's scale (linear to 1 kHz, logarithmic above), triangles of equal area,
  power |X|².
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.messages import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emoedge.audio.parameters import SpeechParameters


def taper(name: str, length: int) -> NDArray[np.float64]:
    """Window function of `length` samples; Hann and Hamming in their periodic form."""
    if name == "rect":
        return np.ones(length)
    cosine = np.cos(2 * np.pi * np.arange(length) / length)
    base = 0.5 if name == "hann" else 0.54
    return np.asarray(base - (1 - base) * cosine)


def filter_bank(parameters: SpeechParameters) -> NDArray[np.float64]:
    """Matrix (nfft // 2 + 1, mels) that turns |X|² into mel power, the convention's scaling included."""
    p = parameters
    bins = np.arange(p.nfft // 2 + 1)
    if p.filters == "slaney":
        corners = _slaney_hertz(np.linspace(_slaney_mel(p.fmin), _slaney_mel(p.fmax), p.mels + 2))
        bank = _triangles(bins * SAMPLE_RATE / p.nfft, corners)
        return bank * (2.0 / (corners[2:] - corners[:-2]))
    corners = _htk_hertz(np.linspace(_htk_mel(p.fmin), _htk_mel(p.fmax), p.mels + 2))
    if p.filters == "psf":
        return _triangles(bins, np.floor((p.nfft + 1) * corners / SAMPLE_RATE)) / p.nfft
    return _triangles(bins * SAMPLE_RATE / p.nfft, corners) / p.nfft


def centres(parameters: SpeechParameters) -> NDArray[np.float64]:
    """Hertz in the middle of each mel band, (mels,), on the scale of `filters`."""
    p = parameters
    scale, back = (_slaney_mel, _slaney_hertz) if p.filters == "slaney" else (_htk_mel, _htk_hertz)
    return back(np.linspace(scale(p.fmin), scale(p.fmax), p.mels + 2))[1:-1]


def cosine_transform(bands: int, coefficients: int) -> NDArray[np.float64]:
    """Orthonormal DCT-II as a matrix (bands, coefficients)."""
    angle = np.pi / bands * (np.arange(bands)[:, None] + 0.5) * np.arange(coefficients)
    matrix = np.cos(angle) * np.sqrt(2.0 / bands)
    matrix[:, 0] /= np.sqrt(2.0)
    return np.asarray(matrix)


def lifter(length: float, coefficients: int) -> NDArray[np.float64]:
    """Sinusoidal lifter 1 + L/2 sin(pi n / L), shape (coefficients,); ones for L = 0."""
    if length <= 0:
        return np.ones(coefficients)
    weights: NDArray[np.float64] = 1 + length / 2 * np.sin(np.pi * np.arange(coefficients) / length)
    return weights


def chroma_bank(nfft: int) -> NDArray[np.float64]:
    """Matrix (nfft // 2 + 1, 12) that folds a magnitude spectrum into pitch classes, C first.

    A bin spreads over the pitch classes as a Gaussian as wide as the bin is on the octave's circle (at least
    one semitone); the column of each bin has unit length; octaves are weighted by a Gaussian of two octaves
    around the fifth over A0. Equal temperament on A4 = 440 Hz (D. Ellis, "Chroma feature analysis", 2007).
    """
    semitone = np.empty(nfft)
    semitone[1:] = 12 * np.log2(np.arange(1, nfft) * SAMPLE_RATE / nfft / (440.0 / 16))
    semitone[0] = semitone[1] - 18  # the bin at 0 Hz has no pitch: far below, where the octave weight is nil
    width = np.append(np.maximum(np.diff(semitone), 1.0), 1.0)
    distance = semitone[:, None] - np.arange(12)
    distance = np.remainder(distance + 6 + 120, 12) - 6
    bank = np.exp(-0.5 * (2 * distance / width[:, None]) ** 2)
    bank /= np.linalg.norm(bank, axis=1, keepdims=True)
    bank *= np.exp(-0.5 * ((semitone / 12 - 5) / 2) ** 2)[:, None]
    return np.ascontiguousarray(np.roll(bank, -3, axis=1)[: nfft // 2 + 1])


def _triangles(bins: NDArray[Any], corners: NDArray[np.float64]) -> NDArray[np.float64]:
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    at = bins[:, None].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = np.where(at < centre, (at - low) / (centre - low), np.inf)
        falling = np.where(at >= centre, (high - at) / (high - centre), np.inf)
    inside = np.minimum(rising, falling)
    bank: NDArray[np.float64] = np.where((at >= low) & (at < high), np.maximum(inside, 0.0), 0.0)
    return np.nan_to_num(bank, posinf=0.0)


def _htk_mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


def _htk_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(700 * (10 ** (mel / 2595) - 1))


_BREAK_HERTZ, _BREAK_MEL, _STEP = 1000.0, 15.0, np.log(6.4) / 27


def _slaney_mel(hertz: float) -> float:
    if hertz < _BREAK_HERTZ:
        return hertz * 3 / 200
    return float(_BREAK_MEL + np.log(hertz / _BREAK_HERTZ) / _STEP)


def _slaney_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _BREAK_HERTZ * np.exp(_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * 200 / 3, above)
