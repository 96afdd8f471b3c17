"""Whether somebody speaks: hysteresis and hang-over on the voice net's frame probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emoedge.audio.voice_net import PARAMETERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emoedge.config.speech import SpeechConfig

FRAME = PARAMETERS.hop
"""Seconds of one frame."""


class VoiceGate:
    """Opens when the mean probability of the last `speech.gate_onset` seconds reaches `speech.gate_open`.

    Shuts when that mean has stayed below `speech.gate_close` for `speech.gate_hang_over` seconds. A pure
    state machine: frames in, states out.
    """

    def __init__(self, config: SpeechConfig) -> None:
        self._opens = config.gate_open
        self._closes = min(config.gate_close, config.gate_open)
        self._recent = np.zeros(max(1, round(config.gate_onset / FRAME)))
        self._share = np.full(len(self._recent), 1 / len(self._recent))
        self._patience = round(config.gate_hang_over / FRAME)
        self._open = False
        self._quiet = 0

    @property
    def open(self) -> bool:
        """Whether somebody speaks now."""
        return self._open

    def reset(self) -> None:
        """Shut, and forget what was heard."""
        self._recent[:] = 0.0
        self._open = False
        self._quiet = 0

    def update(self, probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Take the next frames' voice probabilities (n,); returns the state after each of them (n,)."""
        line = np.concatenate([self._recent, probabilities])
        means = np.convolve(line[1:], self._share, "valid") if len(probabilities) else line[:0]
        self._recent = line[len(probabilities) :]
        states = np.empty(len(means), dtype=bool)
        for i, mean in enumerate(means.tolist()):
            if mean >= self._opens:
                self._open = True
            self._quiet = self._quiet + 1 if mean < self._closes else 0
            if self._quiet > self._patience:
                self._open = False
            states[i] = self._open
        return states
