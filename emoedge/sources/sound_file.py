"""Opens a sound file: WAV by ourselves, other formats through soundfile where that is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from emoedge.errors import MediaError
from emoedge.sources.address import FOREIGN, typed
from emoedge.sources.resample import HIGHEST, LOWEST
from emoedge.sources.wave_file import WaveFile

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SoundFile(Protocol):
    """Samples in order."""

    rate: int
    """Hz."""
    channels: int
    full_scale: float
    """Largest value that its format can hold, 0..1."""

    def read(self, frames: int) -> NDArray[np.float32]:
        """Up to `frames` samples of every channel, float32 (n, channels) in -1..1; n is 0 at the end."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def open_sound(path: str) -> SoundFile:
    """Open a sound file; raises MediaError with cause and remedy."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise MediaError(f"{path}: {error.strerror or error}; give the path of a sound file") from error
    except ValueError as error:
        raise MediaError(f"{path!a}: not a path: {error}") from error
    if not head:
        raise MediaError(f"{path}: empty file; record it again")
    sound: SoundFile = WaveFile(path) if head[:4] == b"RIFF" and head[8:] == b"WAVE" else _OtherFile(path)
    if not LOWEST <= sound.rate <= HIGHEST:
        sound.close()
        raise MediaError(
            f"{path}: {sound.rate} Hz; expected {LOWEST} to {HIGHEST} Hz; "
            f"`ffmpeg -i {typed(path)} -ar 16000 out.wav` converts"
        )
    return sound


class _OtherFile:
    """FLAC, Ogg and what else libsndfile reads."""

    def __init__(self, path: str) -> None:
        try:
            import soundfile  # noqa: PLC0415 - optional
        except (ImportError, OSError) as error:  # OSError: libsndfile itself is missing
            more = "" if Path(path).suffix.lower() in FOREIGN else ", or `pip install soundfile` reads it"
            raise MediaError(f"{path}: not a WAV file; {_conversion(path)} makes one{more}") from error
        try:
            self._file: Any = soundfile.SoundFile(path)
        except RuntimeError as error:
            raise MediaError(
                f"{path}: not a sound file that can be decoded; {_conversion(path)} makes a WAV file of many"
            ) from error
        self.rate = int(self._file.samplerate)
        self.channels = int(self._file.channels)
        self.full_scale = 1.0 - 2.0**-15

    def read(self, frames: int) -> NDArray[np.float32]:
        """Up to `frames` samples of every channel."""
        try:
            samples = self._file.read(frames, dtype="float32", always_2d=True)
        except RuntimeError as error:
            cause = str(error).removeprefix("Error : ").rstrip(".")
            raise MediaError(f"{self._file.name}: damaged: {cause}") from error
        return np.asarray(samples, dtype=np.float32)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _conversion(path: str) -> str:
    return f"`ffmpeg -i {typed(path)} -c:a pcm_s16le out.wav`"
