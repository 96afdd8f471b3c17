"""Functionals of a window: how its active frames are on average, how far they spread, how fast they change.

A vector of fixed length whatever was said, in the tradition of the Geneva parameters (Eyben et al. 2016,
doi:10.1109/TAFFC.2015.2457417). So few numbers leave little room to learn a corpus by heart.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Lines = NDArray[np.floating[Any]]
    Numbers = NDArray[np.integer[Any]]

LEAST = 5
"""Active frames that a window must have to be told anything about, and voiced ones for its pitch."""

STEEPEST = 3.0
"""Octaves a second between which the slope of the pitch is kept."""

LOW, HIGH = 0.1, 0.9
"""Shares of the frames that two percentiles leave below."""

SYLLABLES = (0.5, 1.5, 3.0, 5.0, 8.0, 15.0)
"""Hertz between which the swinging of the loudness is told; most syllables are in the midst."""

SMALLEST = 1e-12


def size(coefficients: int) -> int:
    """How many functionals there are of frames with so many cepstra."""
    return 7 * coefficients + 37


class Functionals:
    """Describes windows of frames of one kind."""

    def __init__(self, centres: NDArray[np.float64], *, hop: float, voicing: float) -> None:
        """`centres` of the mel bands, Hz; `hop` between frames, s; `voicing`: periodicity of voiced frames.

        Raises ValueError where the Hammarberg index would have no band on one side.
        """
        self._low, self._high = centres < 1000, (centres >= 1000) & (centres < 5000)  # the alpha ratio's bands
        self._below, self._above = centres < 2000, (centres >= 2000) & (centres < 5000)  # the Hammarberg index's
        if not (self._below.any() and self._above.any()):
            raise ValueError("no mel band is centred below 2000 Hz, or none from there to 5000 Hz; it compares the two")
        self._hop = hop
        self._voicing = voicing

    def __call__(
        self,
        cepstra: Lines,
        power: Lines,
        pitch: Lines,
        periodicity: Lines,
        at: Numbers,
        loudness: Lines,
    ) -> NDArray[np.float64]:
        """Of n active frames: cepstra (n, coefficients), mel power (n, mels), pitch (n,) Hz, periodicity (n,) 0..1.

        `at` (n,) are their numbers in the window, `loudness` (frames,) is the mean mel power of all its frames. In
        this order: mean, deviation, 10th and 90th percentile and change of each cepstrum, of the alpha ratio, the
        Hammarberg index and the loudness (dB, under the loudest frame) and of the periodicity; mean and deviation of
        each cepstrum of voiced frames; mean, deviation, percentiles, change and slope (octaves a second) of their
        pitch (octaves); the share of voiced frames, voiced stretches a second and their length (s); the share of
        active frames from the first to the last; mean and deviation of the spectral flux; how much of the loudness
        swings between SYLLABLES (log shares). Change is the mean absolute difference between neighbours. NaN is what
        cannot be told: everything of fewer than LEAST frames, voices of fewer than LEAST voiced ones.
        """
        if len(at) < LEAST:
            return np.full(size(cepstra.shape[1]), np.nan)
        timbre = [_ratio(power[:, self._high].sum(axis=1), power[:, self._low].sum(axis=1)),
                  _ratio(power[:, self._below].max(axis=1), power[:, self._above].max(axis=1)),
                  _ratio(loudness[at], loudness.max())]  # fmt: skip
        lines = np.column_stack([cepstra, *timbre, periodicity])
        voiced = periodicity >= self._voicing
        flux = np.abs(np.diff(cepstra, axis=0)).mean(axis=1)
        return np.concatenate([
            *_parts(lines, at),
            *self._voice(cepstra[voiced], pitch[voiced], at[voiced]),
            self._rhythm(at, voiced),
            [len(at) / (at[-1] - at[0] + 1), flux.mean(), flux.std()],
            self._swing(loudness),
        ])  # fmt: skip

    def _voice(self, cepstra: Lines, pitch: Lines, at: Numbers) -> tuple[Lines, ...]:
        if len(at) < LEAST:
            return (np.full(2 * cepstra.shape[1] + 6, np.nan),)
        octaves = np.log2(np.maximum(pitch, 1.0))
        when = (at - at.mean()) * self._hop
        slope = np.clip(when @ (octaves - octaves.mean()) / (when @ when), -STEEPEST, STEEPEST)
        return cepstra.mean(axis=0), cepstra.std(axis=0), *_parts(octaves[:, None], at), np.array([slope])

    def _rhythm(self, at: Numbers, voiced: NDArray[np.bool_]) -> Lines:
        stretches = int((np.diff(at[voiced]) > 1).sum()) + 1 if voiced.any() else 0
        return np.array([
            voiced.mean(),
            stretches / (len(at) * self._hop),
            voiced.sum() * self._hop / max(stretches, 1),
        ])  # fmt: skip

    def _swing(self, loudness: Lines) -> Lines:
        decibels = np.maximum(_ratio(loudness, loudness.max()), -30.0)
        spectrum = np.square(np.abs(np.fft.rfft((decibels - decibels.mean()) * np.hanning(len(decibels)))))
        hertz = np.fft.rfftfreq(len(decibels), self._hop)
        edges = np.searchsorted(hertz, SYLLABLES)
        shares = np.array([spectrum[a:b].sum() for a, b in pairwise(edges)])
        return np.asarray(np.log(shares / (shares.sum() + SMALLEST) + 1e-3))


def _ratio(above: Lines, below: Lines | float) -> Lines:
    """Decibels of a quotient of powers, neither of them quite nothing."""
    return np.asarray(10 * np.log10((above + SMALLEST) / (np.asarray(below) + SMALLEST)))


def _parts(lines: Lines, at: Numbers) -> tuple[Lines, ...]:
    """Mean, deviation, two percentiles and change of each column; only frames that follow each other tell a change."""
    mean = lines.mean(axis=0)
    ordered = np.sort(lines, axis=0)
    last = len(lines) - 1
    neighbours = np.flatnonzero(np.diff(at) == 1)
    change = np.zeros_like(mean)
    if len(neighbours):
        change = np.abs(lines[neighbours + 1] - lines[neighbours]).mean(axis=0)
    return mean, lines.std(axis=0), ordered[round(LOW * last)], ordered[round(HIGH * last)], change
