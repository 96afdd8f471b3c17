"""How good the sound of a window is: signal-to-noise ratio, clipping, and how much voice is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emoedge.audio.voice_net import PARAMETERS
from emoedge.emotions import Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emoedge.config.speech import SpeechConfig

FLOOR_SECONDS = 10.0
"""The noise floor is looked for in this much past sound: long enough to hold a pause."""

QUIET_SHARE = 0.1
"""The noise floor is the power that this share of the past frames stays below."""

SPEECH_BANDS = slice(3, None)
"""Mel bands from about 200 Hz on: below, a car's rumble would hide every voice from this measure."""

VOICED = 0.5
"""Voice probability from which a frame counts as voice."""

FAINTEST = 1e-10
"""Mean mel power below any microphone's own noise; bounds the ratio where a file holds digital silence."""

HIGHEST_SNR = 60.0
"""Decibels; more cannot be told from more."""


class SpeechQuality:
    """Follows the frames of a stream and judges its newest window."""

    def __init__(self, config: SpeechConfig, window_seconds: float) -> None:
        self._config = config
        self._window = max(1, round(window_seconds / PARAMETERS.hop))
        length = max(self._window, round(FLOOR_SECONDS / PARAMETERS.hop))
        self._power = np.full(length, np.nan)
        self._voiced = np.zeros(length, dtype=bool)
        self._clipped = np.zeros(length)

    def reset(self) -> None:
        """Forget the stream."""
        self._power[:] = np.nan
        self._voiced[:] = False
        self._clipped[:] = 0.0

    def update(
        self, power: NDArray[np.float32], probabilities: NDArray[np.float32], clipped: float
    ) -> None:
        """Take the next frames: mel power (n, 40), voice probabilities (n,), share of clipped samples."""
        count = len(power)
        if count == 0:
            return
        rows = (
            (self._power, power[:, SPEECH_BANDS].mean(axis=1, dtype=np.float64)),
            (self._voiced, probabilities >= VOICED),
            (self._clipped, clipped),
        )
        for line, new in rows:
            line[:-count] = line[count:]
            line[-count:] = new

    @property
    def voiced_seconds(self) -> float:
        """Seconds of voice in the newest window."""
        return float(self._voiced[-self._window :].sum() * PARAMETERS.hop)

    @property
    def snr(self) -> float:
        """Decibels that the window's voice stands over the noise floor; 0 where there is no voice."""
        heard = self._power[~np.isnan(self._power)]
        voice = self._power[-self._window :][self._voiced[-self._window :]]
        if len(voice) == 0:
            return 0.0
        floor = max(float(np.partition(heard, int(QUIET_SHARE * len(heard)))[int(QUIET_SHARE * len(heard))]), FAINTEST)
        over = max(float(voice.mean()) - floor, FAINTEST)
        return float(np.clip(10 * np.log10(over / floor), 0.0, HIGHEST_SNR))

    @property
    def clipped(self) -> float:
        """Share of clipped samples in the window, 0..1."""
        return float(self._clipped[-self._window :].mean())

    def judge(self) -> tuple[float, Reason | None]:
        """Quality 0..1 of the newest window, and why it is not worth classifying, if it is not.

        Quality rises linearly from `speech.min_snr` to `speech.good_snr`, and falls linearly to nothing at
        `speech.max_clipped`.
        """
        config = self._config
        if self.voiced_seconds < config.min_voice:
            return 0.0, Reason.NO_VOICE
        if self.clipped > config.max_clipped:
            return 0.0, Reason.CLIPPED
        snr = self.snr
        if snr < config.min_snr:
            return 0.0, Reason.LOW_SNR
        clean = 1.0 - self.clipped / config.max_clipped if config.max_clipped > 0 else 1.0
        span = config.good_snr - config.min_snr
        loud = (snr - config.min_snr) / span if span > 0 else 1.0
        return float(np.clip(loud, 0.0, 1.0) * clean), None
