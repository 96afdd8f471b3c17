"""Mel power of every clip and noise, computed once and kept: what training augments and evaluates."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from emoedge.audio.front_end import mel_power
from workbench.data.noise import TABLE, decode_noises
from workbench.data.speech import decode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from emoedge.inference.spec import FrontEndSpec
    from workbench.data.speech import Clip, SpeechFolder

SILENCE = 1e-12
"""Power that zeros are kept as: decibels in half precision then span -120..50 with steps below 0.07."""


@dataclass(frozen=True, slots=True, eq=False)
class PowerCache:
    """Clips and noises as mel power in decibels, half precision, one after the other."""

    clips: tuple[Clip, ...]
    decibels: NDArray[np.float16]
    offsets: NDArray[np.int64]
    """(clips + 1,): rows of clip i are offsets[i] … offsets[i + 1]."""
    noise_decibels: NDArray[np.float16]
    noise_offsets: NDArray[np.int64]

    def power(self, row: int) -> NDArray[np.float32]:
        """Mel power of clip `row`, (frames, bands)."""
        return _linear(self.decibels[self.offsets[row] : self.offsets[row + 1]])

    @property
    def noises(self) -> int:
        """How many noises there are."""
        return len(self.noise_offsets) - 1

    def noise(self, row: int) -> NDArray[np.float32]:
        """Mel power of noise `row`, (frames, bands)."""
        return _linear(self.noise_decibels[self.noise_offsets[row] : self.noise_offsets[row + 1]])

    @classmethod
    def load(cls, folder: SpeechFolder, spec: FrontEndSpec, directory: Path) -> Self:
        """Read the cache that fits, or make it: about a minute for six hours of speech.

        Noise is taken from `noise.csv` beside the clips; without one the cache has none.
        """
        names = "\n".join(str(clip.home / clip.file) for clip in folder.clips) + str(spec) + str(folder.root.resolve())
        path = directory / f"power-{hashlib.sha256(names.encode()).hexdigest()[:16]}.npz"
        if not path.exists():
            directory.mkdir(parents=True, exist_ok=True)
            print(f"computing mel power of {len(folder.clips)} clips", file=sys.stderr)
            speech, offsets = _gather([mel_power(samples, spec) for _, samples in decode(folder.root, folder.clips)])
            heard = []
            if (folder.root / TABLE).exists():
                heard = [mel_power(samples, spec) for _, samples in decode_noises(folder.root)]
            noise, noise_offsets = _gather(heard)
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                np.savez(file, speech=speech, offsets=offsets, noise=noise, noise_offsets=noise_offsets)
            part.replace(path)
        with np.load(path, allow_pickle=False) as held:
            return cls(folder.clips, held["speech"], held["offsets"], held["noise"], held["noise_offsets"])


def _gather(pieces: Sequence[NDArray[np.float32]]) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    offsets = np.cumsum([0, *(len(piece) for piece in pieces)])
    if not pieces:
        return np.zeros((0, 0), dtype=np.float16), offsets
    decibels = [10 * np.log10(np.maximum(piece, SILENCE)) for piece in pieces]
    return np.concatenate(decibels).astype(np.float16), offsets


def _linear(decibels: NDArray[np.float16]) -> NDArray[np.float32]:
    # Kept zeros come back as zeros: the front end tells digital silence from a quiet room.
    power: NDArray[np.float32] = np.exp(decibels.astype(np.float32) * np.float32(np.log(10) / 10))
    power[decibels <= np.float16(-119.9)] = 0.0
    return power
