"""Sound files of a data set, decoded straight out of its tar or its folder."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Self

import numpy as np
import soundfile

from emoedge.errors import MediaError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

RATE = 16000
"""Hz; what every clip is decoded to."""


def resample(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Mono float32 at `rate` Hz brought to 16 kHz: a brick-wall low-pass in the spectrum of the whole clip."""
    if rate == RATE or len(samples) == 0:
        return samples
    length = round(len(samples) * RATE / rate)
    spectrum = np.fft.rfft(samples.astype(np.float64))
    bins = length // 2 + 1
    resized = np.zeros(bins, dtype=np.complex128)
    kept = min(bins, len(spectrum))
    resized[:kept] = spectrum[:kept]
    return (np.fft.irfft(resized, n=length) * (length / len(samples))).astype(np.float32)


class Archive:
    """`<root>/<name>.tar`, or the extracted files below `<root>`, whichever there is; a context manager.

    A tar is read in place: nothing is written to the disk.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name
        self._tar: tarfile.TarFile | None = None
        self._members: dict[str, tarfile.TarInfo] = {}

    def __enter__(self) -> Self:
        path = self.root / f"{self.name}.tar"
        if path.is_file():
            try:
                self._tar = tarfile.open(path)
                self._members = {member.name.removeprefix("./"): member for member in self._tar if member.isfile()}
            except (OSError, tarfile.TarError) as error:
                raise MediaError(f"{path}: cannot be read as a tar ({error}); fetch it again") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tar is not None:
            self._tar.close()
        self._tar = None
        self._members = {}

    def read(self, file: str) -> NDArray[np.float32]:
        """Samples of `file` (as `labels.csv` names it): float32, mono, 16 kHz, -1..1.

        Raises MediaError where it is missing or no sound.
        """
        return self._decode(file, self._bytes(file))

    def _bytes(self, file: str) -> bytes:
        if self._tar is not None and file in self._members:
            stream = self._tar.extractfile(self._members[file])
            if stream is not None:
                return stream.read()
        try:
            return (self.root / file).read_bytes()
        except OSError as error:
            where = f"{self.name}.tar or below {self.root}"
            raise MediaError(f"{file}: neither in {where}; check `labels.csv` against the files") from error

    def _decode(self, file: str, data: bytes) -> NDArray[np.float32]:
        try:
            samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            # libsndfile's own words: soundfile's name a buffer, not the file.
            why = getattr(error, "error_string", str(error)).rstrip(".") if data else "it is empty"
            raise MediaError(
                f"{file}: not a sound file that soundfile reads ({why}); fetch it again or delete it"
            ) from error
        mono = np.nan_to_num(samples.mean(axis=1), nan=0.0, posinf=1.0, neginf=-1.0)
        return resample(mono.astype(np.float32), int(rate))
