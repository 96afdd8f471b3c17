"""From the frame values of one window to a model's input: level, floor, log or root, session, DCT, standardisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.audio import mel
from emoedge.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emoedge.audio.parameters import SpeechParameters
    from emoedge.audio.session import SessionStatistics

EPSILON = float(np.finfo(np.float64).eps)
"""What exact zeros become where no floor is set, as in python_speech_features."""


def compressed(
    power: NDArray[Any], level: NDArray[np.float64] | float, parameters: SpeechParameters
) -> NDArray[np.float64]:
    """Logarithm, or root, of `power` / `level`, not below the floor; a level of 0 (silence) gives the floor."""
    quotient = np.asarray(power, dtype=np.float64) / np.where(np.asarray(level) > 0, level, 1.0)
    if parameters.floor is None:
        quotient[quotient == 0] = EPSILON
    else:
        np.maximum(quotient, 10 ** (parameters.floor / 10), out=quotient)
    if parameters.log == "root":
        return np.asarray((quotient**parameters.root - 1) / parameters.root)
    return np.asarray(np.log(quotient) if parameters.log == "ln" else 10 * np.log10(quotient))


class FeatureTransform:
    """One front end's way from a window of frame values to features; pure.

    Output shapes, with n frames: `mfcc_sequence` (n, coefficients); `mfcc_mean` (coefficients,), over time;
    `mfcc_flat` (n · coefficients,); `log_mel` (n, mels); `log_mel_band_mean` (n,), over bands;
    `mfcc_pitch_centroid` (n, coefficients + 2); `summary_162` (162,).
    """

    def __init__(self, name: str, parameters: SpeechParameters) -> None:
        p = self._parameters = parameters
        self._name = name
        self._dct = mel.cosine_transform(p.mels, p.coefficients) * mel.lifter(p.lifter, p.coefficients)
        self.shape: tuple[int, ...] = {
            "mfcc_sequence": (p.frame_count, p.coefficients),
            "mfcc_mean": (p.coefficients,),
            "mfcc_flat": (p.frame_count * p.coefficients,),
            "log_mel": (p.frame_count, p.mels),
            "log_mel_band_mean": (p.frame_count,),
            "mfcc_pitch_centroid": (p.frame_count, p.coefficients + 2),
            "summary_162": (14 + p.coefficients + p.mels,),
        }[name]
        self._mean = self._vector("mean", p.mean, self.shape[-1])
        self._std = self._vector("std", p.std, self.shape[-1])
        for key in ("session_mean", "session_std"):
            self._vector(key, getattr(p, key), p.mels)

    def __call__(
        self, values: NDArray[Any], statistics: SessionStatistics | None = None
    ) -> NDArray[np.float32]:
        """Features, float32 of `shape`, of the newest window of `values` (m, width), oldest frame first.

        More frames than a window has: the newest count. Fewer: rows of zeros are put before them, which is
        what digital silence gives. `statistics`: the session's, where `session` is `running`.
        """
        p = self._parameters
        window = np.asarray(values[-p.frame_count :])
        if len(window) < p.frame_count:
            window = np.pad(window, ((p.frame_count - len(window), 0), (0, 0)))
        features = self._features(window, statistics)
        return np.asarray((features - self._mean) / self._std, dtype=np.float32)

    def _features(
        self, window: NDArray[Any], statistics: SessionStatistics | None
    ) -> NDArray[np.float64]:
        p = self._parameters
        power, extras = window[:, : p.mels], window[:, p.mels :]
        level = self._level(power)
        log_mel = compressed(power, level, p)
        if p.session == "running":
            if statistics is None:
                raise ValueError(f"{self._name} with session=running needs the session's statistics")
            log_mel = statistics.normalise(log_mel)
        if self._name == "log_mel":
            return log_mel
        if self._name == "log_mel_band_mean":
            return np.asarray(log_mel.mean(axis=1))
        cepstra = log_mel @ self._dct
        if self._name == "summary_162":
            return self._summary(cepstra, power / level if level > 0 else power, extras, level)
        if p.energy:
            cepstra[:, 0] = compressed(extras[:, 0], self._mean_level(extras[:, 0]), p)
            extras = extras[:, 1:]
        if self._name == "mfcc_mean":
            return np.asarray(cepstra.mean(axis=0))
        if self._name == "mfcc_flat":
            return (cepstra.T if p.order == "coefficient" else cepstra).reshape(-1)
        return np.concatenate([cepstra, extras], axis=1)

    def _summary(
        self,
        cepstra: NDArray[np.float64],
        power: NDArray[Any],
        extras: NDArray[Any],
        level: float,
    ) -> NDArray[np.float64]:
        chroma, crossings, square = extras[:, :12], extras[:, 12:13], extras[:, 13:]
        rms = np.sqrt(square / (level if level > 0 else 1.0))
        frames = np.concatenate([crossings, chroma, cepstra, rms, power], axis=1)
        return np.asarray(frames.mean(axis=0, dtype=np.float64))

    def _level(self, power: NDArray[Any]) -> float:
        if self._parameters.level == "peak":
            return float(power.max())
        return self._mean_level(power)

    def _mean_level(self, power: NDArray[Any]) -> float:
        if self._parameters.level == "none":
            return 1.0
        return float(power.mean(dtype=np.float64) if self._parameters.level == "window" else power.max())

    def _vector(self, key: str, value: float | tuple[float, ...], length: int) -> NDArray[np.float64]:
        if isinstance(value, tuple) and len(value) not in (1, length):
            raise ModelError(
                f"front end {self._name}: {key} holds {len(value)} numbers; expected one, or {length}"
            )
        return np.asarray(value, dtype=np.float64)
