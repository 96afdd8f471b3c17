"""What is computed once for each frame of sound: mel power, and whatever else its front end needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.audio import mel
from emoedge.audio.pitch import yin
from emoedge.messages import SAMPLE_RATE
from emoedge.windows import windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from emoedge.audio.parameters import SpeechParameters

BATCH = 64
"""Frames analysed at once; bounds the work buffers."""

DECISIVE = ("window", "hop", "nfft", "taper", "highpass", "preemphasis", "mels", "fmin", "fmax", "filters")
"""Parameters that a row of mel power depends on."""


class FrameAnalysis:
    """Turns frames of samples into rows of values, float32, shape (n, width).

    A row holds the `mels` mel powers first, then what the front end needs beside them: with `energy` the
    frame's power; for `mfcc_pitch_centroid` f0 (Hz, 0 unvoiced) and the spectral centroid (Hz); for
    `summary_162` twelve chroma, the zero-crossing rate and the mean square. Frame k covers the samples
    k · hop … k · hop + window of the stream.
    """

    def __init__(self, name: str, parameters: SpeechParameters) -> None:
        p = self._parameters = parameters
        self._length, self._step = p.frame_length, p.frame_step
        self._pitch, self._summary, self._energy = (
            name == "mfcc_pitch_centroid", name == "summary_162", p.energy,
        )  # fmt: skip
        self._taper = mel.taper(p.taper, p.frame_length)
        self._bank = np.ascontiguousarray(mel.filter_bank(p))
        self._hertz = np.fft.rfftfreq(p.nfft, 1 / SAMPLE_RATE)
        self._chroma = mel.chroma_bank(p.nfft) if self._summary else None
        self._padded = np.zeros((BATCH, p.nfft))
        self.width = p.mels + p.energy + 2 * self._pitch + 14 * self._summary

    def rows_like(self, other: FrameAnalysis) -> bool:
        """Whether both make the same rows of the same sound."""
        if not self.width == other.width == self._parameters.mels:  # more than mel power stands in them
            return False
        return all(getattr(self._parameters, key) == getattr(other._parameters, key) for key in DECISIVE)

    def values(self, samples: NDArray[Any], before: float = 0.0) -> NDArray[np.float32]:
        """Rows for all whole frames in `samples` (m,), past the high-pass; `before` preceded the first."""
        count = max(0, 1 + (len(samples) - self._length) // self._step)
        rows = np.empty((count, self.width), dtype=np.float32)
        for start in range(0, count, BATCH):
            stop = min(start + BATCH, count)
            first, last = start * self._step, (stop - 1) * self._step + self._length
            block = np.ascontiguousarray(samples[first:last], dtype=np.float64)
            rows[start:stop] = self._analyse(block, samples[first - 1] if first else before, stop - start)
        return rows

    def _analyse(self, block: NDArray[np.float64], before: float, count: int) -> NDArray[np.float64]:
        p = self._parameters
        sharpened = block
        if p.preemphasis:
            sharpened = block.copy()
            sharpened[1:] -= p.preemphasis * block[:-1]
            sharpened[0] -= p.preemphasis * before
        padded = self._padded[:count]
        np.multiply(self._cut(sharpened), self._taper, out=padded[:, : self._length])
        spectrum = np.fft.rfft(padded, axis=1)
        power = spectrum.real**2
        power += spectrum.imag**2
        mels = power @ self._bank
        if self.width == p.mels:
            return np.asarray(mels)
        return np.concatenate([mels, *self._extras(self._cut(block), power)], axis=1)

    def _cut(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        return windows(block, self._length, self._step)

    def _extras(
        self, frames: NDArray[np.float64], power: NDArray[np.float64]
    ) -> Iterator[NDArray[np.float64]]:
        p = self._parameters
        if self._energy:
            yield power.sum(axis=1, keepdims=True) / p.nfft
        if self._pitch:
            f0 = yin(frames, lowest=p.f0_min, highest=p.f0_max, threshold=p.f0_threshold)
            magnitude = np.sqrt(power)
            yield f0[:, None]
            yield _quotient((magnitude @ self._hertz)[:, None], magnitude.sum(axis=1, keepdims=True))
        if self._chroma is not None:
            chroma = np.sqrt(power) @ self._chroma
            yield _quotient(chroma, chroma.max(axis=1, keepdims=True))
            negative = frames < 0
            yield (negative[:, 1:] != negative[:, :-1]).mean(axis=1, keepdims=True)
            yield np.square(frames).mean(axis=1, keepdims=True)


def _quotient(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Their quotient, 0 where the denominator is."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
