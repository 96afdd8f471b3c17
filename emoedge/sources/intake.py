"""From what a device or file delivers to what the house hears: one channel, gain, 16 kHz, counted flaws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emoedge.errors import SourceError
from emoedge.messages import AudioBlock
from emoedge.sources.mix_down import MixDown
from emoedge.sources.resample import StreamingResampler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emoedge.config.microphone import MicrophoneConfig

FULL_SCALE_16 = 1.0 - 2.0**-15
"""Largest value of 16 bits."""

_SANE = 1e6
"""Floating-point files may hold anything; sums of this still fit."""


@dataclass(slots=True)
class Tally:
    """Flaws so far."""

    clipped: int = 0
    """Blocks with a sample at full scale."""
    invalid: int = 0
    """Samples that were not a number."""
    lost: int = 0
    """Samples of 16 kHz that the device could not deliver."""


class Intake:
    """One stream from its begin. `rate`: Hz. `full_scale`: the largest value the format can hold.

    Raises SourceError where `config.channel` is not among `channels`.
    """

    def __init__(
        self, config: MicrophoneConfig, tally: Tally, *, rate: int, channels: int, full_scale: float = FULL_SCALE_16
    ) -> None:
        if config.channel is not None and config.channel > channels:
            raise SourceError(
                f"{config.source}: no channel {config.channel} there; set microphone.channel to at most {channels}"
            )
        self._channel = config.channel
        self._gain = 10 ** (config.gain / 20)
        self._tally = tally
        self._full_scale = full_scale
        self._mix_down = MixDown(rate=rate, channels=1 if config.channel else channels, name=config.source)
        self._resampler = StreamingResampler(rate)

    def block(self, samples: NDArray[np.float32], at: float, lost: int = 0) -> AudioBlock:
        """Take samples (n, channels) whose end is at `at` seconds; `lost` samples of 16 kHz are missing before."""
        if lost:
            self._tally.lost += lost
            self._resampler.reset()
        used = samples if self._channel is None else samples[:, self._channel - 1 : self._channel]
        sound = np.isfinite(used)
        if not sound.all():
            self._tally.invalid += int(used.size - sound.sum())
            used = np.where(sound, used, np.float32(0))
        used = np.clip(used, -_SANE, _SANE)
        mono = self._mix_down.push(used) * self._gain
        clipped = (np.abs(used) >= self._full_scale) | (np.abs(mono) > 1)[:, np.newaxis]
        # Of the channel that is clipped most: one without a microphone dilutes nothing.
        share = float(clipped.mean(axis=0).max()) if clipped.any() else 0.0
        self._tally.clipped += share > 0
        mono = np.clip(mono, -1, 1).astype(np.float32)
        return AudioBlock(np.clip(self._resampler.push(mono), -1, 1), at, share, lost)

    def rest(self, at: float) -> AudioBlock:
        """Take the samples that the resampler still owes at the end of a recording."""
        return AudioBlock(np.clip(self._resampler.flush(), -1, 1), at)
