"""Reads WAV files: 8, 16, 24 and 32 bits, 32- and 64-bit floating point, any rate, any number of channels.

The format is RIFF WAVE with WAVE_FORMAT_PCM, IEEE_FLOAT or EXTENSIBLE (Microsoft, Multimedia Registry), and what
arecord makes of S24_LE: 24 bits in the lower three of four bytes.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from emoedge.errors import MediaError
from emoedge.sources.address import typed

if TYPE_CHECKING:
    from numpy.typing import NDArray

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
MOST_CHANNELS = 256
_WIDTHS = {PCM: (1, 2, 3, 4), FLOAT: (4, 8)}


class WaveFile:
    """An open WAV file. A file that was cut off is read as far as it goes.

    `rate`: Hz. `channels`. `full_scale`: largest value that its format can hold, 0..1; a sample there is clipped.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._file: BinaryIO = Path(path).open("rb")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise MediaError(f"{path}: {error.strerror or error}") from error
        try:
            self._code, self.channels, self.rate, self._width, self._place = self._format()
            self._left = self._data()
        except (MediaError, OSError):
            self._file.close()
            raise
        self.full_scale = 1.0 - (2.0 ** (1 - 8 * self._width) if self._code == PCM else 2.0**-15)

    def read(self, frames: int) -> NDArray[np.float32]:
        """Up to `frames` samples of every channel, float32 (n, channels) in -1..1; n is 0 at the end."""
        size = self._place * self.channels
        data = self._bytes(min(frames * size, self._left))
        self._left -= len(data)
        data = data[: len(data) // size * size]
        return self._decode(data).reshape(-1, self.channels)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _bytes(self, count: int) -> bytes:
        try:
            return self._file.read(count)
        except OSError as error:  # a stick that was pulled, a share that went away, a bad sector
            raise MediaError(f"{self._path}: cannot be read: {error.strerror or error}; is its drive sound?") from error

    def _bad(self, cause: str) -> MediaError:
        command = f"ffmpeg -i {typed(self._path)} -c:a pcm_s16le fixed.wav"
        return MediaError(f"{self._path}: {cause}; `{command}` converts it")

    def _format(self) -> tuple[int, int, int, int, int]:
        """Format code, channels, rate, bytes of a sample and bytes that it takes, leaving the file behind the chunk."""
        head = self._bytes(12)
        if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
            raise self._bad("not a WAV file")
        chunk = self._bytes(self._seek(b"fmt "))
        if len(chunk) < 16:
            raise self._bad("a WAV file whose format is cut off")
        code, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", chunk)
        if code == EXTENSIBLE and len(chunk) >= 26:
            (code,) = struct.unpack_from("<H", chunk, 24)
        if bits % 8 or bits // 8 not in _WIDTHS.get(code, ()):
            raise self._bad(f"WAV of format {code} with {bits} bits a sample; known are PCM of 8 to 32 bits and float")
        if not 1 <= channels <= MOST_CHANNELS:
            raise self._bad(f"WAV with {channels} channels")
        width = bits // 8
        if block != width * channels and (code, width, block) != (PCM, 3, 4 * channels):
            raise self._bad(f"WAV of {channels} x {bits} bits in {block} bytes; known is {width * channels}")
        return code, channels, rate, width, block // channels

    def _data(self) -> int:
        """Bytes of samples, at whose begin the file then stands."""
        size = self._seek(b"data")
        here = self._file.tell()
        there = self._file.seek(0, 2) - here
        self._file.seek(here)
        # A recorder that could not seek back leaves 0 or all ones as the size: the samples go to the end then.
        return there if size in {0, 0xFFFFFFFF} else min(size, there)

    def _seek(self, name: bytes) -> int:
        """Go behind the head of the next chunk of that name; its size in bytes."""
        while True:
            head = self._bytes(8)
            if len(head) < 8:
                raise self._bad(f"a WAV file without a `{name.decode().strip()}` chunk")
            size = int.from_bytes(head[4:], "little")
            if head[:4] == name:
                return min(size, 64) if name == b"fmt " else size
            self._file.seek(size + size % 2, 1)

    def _decode(self, data: bytes) -> NDArray[np.float32]:
        if self._code == FLOAT:
            with np.errstate(over="ignore"):  # becomes infinite, which the intake counts
                return np.frombuffer(data, dtype=f"<f{self._width}").astype(np.float32)
        if self._width == 1:
            return (np.frombuffer(data, dtype=np.uint8).astype(np.float32) - 128) / 128
        if self._width == 3:
            padded = np.zeros((len(data) // self._place, 4), dtype=np.uint8)
            padded[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, self._place)[:, :3]
            return (padded.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
        whole = np.frombuffer(data, dtype=f"<i{self._width}")
        return (whole / 2.0 ** (8 * self._width - 1)).astype(np.float32)
