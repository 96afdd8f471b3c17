"""Every clip and noise as 16-bit samples in one file, decoded once: what training augments and evaluates."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Self

import numpy as np

from workbench.data.noise import TABLE, decode_noises
from workbench.data.speech import decode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from workbench.data.speech import Clip, SpeechFolder

FULL = 32767


@dataclass(frozen=True, slots=True, eq=False)
class Waves:
    """Recordings, one after the other; read from disk as they are needed."""

    samples: NDArray[np.int16]
    offsets: NDArray[np.int64]
    """(recordings + 1,): samples of recording i are offsets[i] … offsets[i + 1]."""
    key: str
    """The same for the same recordings."""

    @property
    def count(self) -> int:
        """How many recordings of speech there are."""
        return len(self.offsets) - 1

    def wave(self, row: int) -> NDArray[np.float32]:
        """Samples of recording `row`, 16 kHz mono, -1..1."""
        part = self.samples[self.offsets[row] : self.offsets[row + 1]]
        return np.asarray(part, dtype=np.float32) / np.float32(FULL)


@dataclass(frozen=True, slots=True, eq=False)
class WaveCache(Waves):
    """Clips, then noises."""

    clips: tuple[Clip, ...]

    @property
    def count(self) -> int:
        """How many clips there are."""
        return len(self.clips)

    @property
    def noises(self) -> int:
        """How many noises there are."""
        return len(self.offsets) - 1 - len(self.clips)

    def noise(self, row: int) -> NDArray[np.float32]:
        """Samples of noise `row`."""
        return self.wave(len(self.clips) + row)

    @classmethod
    def load(cls, folder: SpeechFolder, directory: Path) -> Self:
        """Open the cache that fits, or make it: about a minute for six hours of speech, 115 MB an hour.

        Noise is taken from `noise.csv` beside the clips; without one the cache has none.
        """
        names = "\n".join(str(clip.home / clip.file) for clip in folder.clips) + str(folder.root.resolve())
        key = hashlib.sha256(names.encode()).hexdigest()[:16]
        path = directory / f"waves-{key}.raw"
        if not table(path).exists():
            print(f"decoding {len(folder.clips)} clips", file=sys.stderr)
            waves = (samples for _, samples in decode(folder.root, folder.clips))
            noises = (samples for _, samples in decode_noises(folder.root)) if (folder.root / TABLE).exists() else ()
            write(path, chain(waves, noises))
        return cls(*read(path), key, folder.clips)


def write(path: Path, recordings: Iterable[NDArray[np.float32]]) -> None:
    """Keep recordings (16 kHz mono, -1..1) in `path`, and where each of them lies in `table(path)`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = table(path).with_suffix(".part")
    with path.open("wb") as file, part.open("wb") as rows:
        np.save(rows, np.cumsum([0, *(_written(samples, file) for samples in recordings)]))
    part.replace(table(path))


def read(path: Path) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Samples and offsets of what `write` kept."""
    return np.memmap(path, dtype=np.int16, mode="r"), np.load(table(path), allow_pickle=False)


def table(path: Path) -> Path:
    """Where the offsets of the recordings in `path` are kept; it is there when all of them are."""
    return path.with_suffix(".npy")


def _written(samples: NDArray[np.float32], file: BinaryIO) -> int:
    whole = np.clip(np.round(samples * FULL), -FULL, FULL).astype(np.int16)
    whole.tofile(file)
    return len(whole)
