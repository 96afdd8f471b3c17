"""Windows of speech as what the front end knows of them before its constants are fitted.

Training windows are made of augmented sessions, a block at a time, and kept on disk: a block depends on the clips, the
front end with its net, the voice gate's net, the seed and its number alone, so that a run that was stopped goes on, and
a run that leaves a corpus out uses the same blocks. Frame values of the sessions, which take longest, are kept as well:
they are the same whatever net the front end has (1.4 GB).
"""

from __future__ import annotations

import hashlib
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from importlib import resources
from itertools import groupby
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from emoedge.audio.front_end import build, mel_power
from emoedge.audio.summary import FunctionalsFrontEnd
from emoedge.audio.voice_net import WEIGHTS
from emoedge.emotions import INDEX
from workbench import training
from workbench.clip_stream import ClipStream
from workbench.recipes.speech_augmentation import RATE
from workbench.recipes.speech_front_end import BASE, SECONDS
from workbench.recipes.speech_sessions import SessionSampler
from workbench.recipes.speech_waves import WaveCache

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from emoedge.inference.spec import FrontEndSpec
    from workbench.data.speech import SpeechFolder

SESSIONS = 40
"""Sessions in a block."""
CLIPS = 24
"""Clips of a session."""
FRAME, STEP = (round(float(str(BASE.parameters[key])) * RATE) for key in ("window", "hop"))
"""Samples of a frame, and from one to the next."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """n windows; what `workbench.recipes.speech_front_end.features` needs, and whose they are."""

    raw: NDArray[np.float32]
    """(n, functionals), NaN where they cannot be told."""
    heard: NDArray[np.float32]
    """(n, functionals): the session's mean at this time, the prior left out."""
    weight: NDArray[np.float32]
    """(n,): frames that it counts for."""
    labels: NDArray[np.int64]
    """(n,): index into LABELS, or of the clip's canonical emotion where clips are played as they are."""
    owner: NDArray[np.int64]
    """(n,): number of the corpus in alphabetical order, or the clip's row where clips are played as they are."""

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """All of them, one after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def only(self, rows: NDArray[Any]) -> Windows:
        """Those of these rows."""
        return Windows(*(getattr(self, field.name)[rows] for field in fields(self)))


class _Ear:
    """The front end, with all that it knows of a window in place of the features."""

    def __init__(self, spec: FrontEndSpec) -> None:
        front_end = build(spec)
        if not isinstance(front_end, FunctionalsFrontEnd):  # for the type's sake
            raise TypeError(front_end.name)
        self.front_end = front_end
        self.reset = front_end.reset
        self.push = front_end.push
        self.push_power = front_end.push_power

    def features(self) -> NDArray[np.float32]:
        statistics = self.front_end.statistics
        known = np.concatenate([self.front_end.raw(), statistics.own_mean, np.array([statistics.weight])])
        return np.asarray(known, dtype=np.float32)


def _split(known: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    size = (known.shape[1] - 1) // 2
    return known[:, :size], known[:, size:-1], known[:, -1]


def plain(cache: WaveCache, directory: Path, spec: FrontEndSpec = BASE) -> Windows:
    """All clips as they are, a stream a speaker, by the windows of `spec` that judge them; kept on disk.

    Clips of a speaker come in the order of their digests, as `tools/evaluate.py` plays them. A clip's owner is its row
    in the cache, its label the canonical emotion.
    """
    path = directory / f"plain-{_key(cache, spec)}.npz"
    if not path.exists():
        print(f"playing {len(cache.clips)} clips", file=sys.stderr)
        _write(_played(cache, spec), path)
    return _read(path)


def _played(cache: WaveCache, spec: FrontEndSpec) -> Windows:
    clips = cache.clips
    order = sorted(range(len(clips)), key=lambda row: (clips[row].dataset, clips[row].speaker, clips[row].digest))
    ear = _Ear(spec)
    parts = []
    for _, session in groupby(order, key=lambda row: (clips[row].dataset, clips[row].speaker)):
        stream = ClipStream(ear, ear.push, rate=RATE, seconds=SECONDS)
        for row in session:
            known = stream.play(cache.wave(row))
            emotion = np.full(len(known), INDEX[clips[row].emotion])
            parts.append(Windows(*_split(known), emotion, np.full(len(known), row)))
    return Windows.joined(parts)


def _key(cache: WaveCache, spec: FrontEndSpec) -> str:
    net = resources.files("emoedge.audio").joinpath(WEIGHTS).read_bytes()  # tells which frames are active
    return hashlib.sha256(f"{cache.key} {spec} ".encode() + net + spec.weights).hexdigest()[:16]


def _write(windows: Windows, path: Path) -> None:
    training.write_arrays(path, {field.name: getattr(windows, field.name) for field in fields(Windows)})


def _read(path: Path) -> Windows:
    with np.load(path, allow_pickle=False) as held:
        return Windows(*(held[field.name] for field in fields(Windows)))


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """A session as frames."""

    rows: NDArray[np.float32]
    """(n, width): frame values."""
    ends: NDArray[np.int64]
    """Frame after the last one of each window, ascending."""
    labels: NDArray[np.int64]
    owner: int
    """Number of the corpus."""


_SESSIONS = ("rows", "ends", "labels", "owners", "lengths")


def _write_sessions(sessions: Sequence[_Heard], path: Path) -> None:
    parts = (
        np.concatenate([session.rows for session in sessions]), np.stack([session.ends for session in sessions]),
        np.stack([session.labels for session in sessions]), np.array([session.owner for session in sessions]),
        np.array([len(session.rows) for session in sessions]),
    )  # fmt: skip
    training.write_arrays(path, dict(zip(_SESSIONS, parts, strict=True)))


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Makes blocks of training windows, in whatever process."""

    folder: SpeechFolder
    directory: Path
    rows: tuple[int, ...]
    spec: FrontEndSpec
    seed: int

    def path(self, number: int) -> Path:
        return self.directory / f"windows-{self._key(self.spec)}-{self.seed}-{number:03d}.npz"

    def _key(self, spec: FrontEndSpec) -> str:
        return _key(WaveCache.load(self.folder, self.directory), spec)

    def make(self, number: int) -> None:
        ear = _Ear(self.spec)
        parts = []
        for session in self._sessions(number):
            ear.reset()
            known, at = [], 0
            for end in session.ends:
                ear.push_power(session.rows[at:end])
                at = int(end)
                known.append(ear.features())
            parts.append(Windows(*_split(np.stack(known)), session.labels, np.full(len(known), session.owner)))
        _write(Windows.joined(parts), self.path(number))

    def _sessions(self, number: int) -> Iterator[_Heard]:
        """Sessions of a block, from disk where they are there."""
        path = self.directory / f"sessions-{self._key(BASE)}-{self.seed}-{number:03d}.npz"
        if not path.exists():
            _write_sessions(list(self._drawn(number)), path)
        with np.load(path, allow_pickle=False) as held:
            rows, ends, labels, owners, lengths = (held[name] for name in _SESSIONS)
        for i, last in enumerate(np.cumsum(lengths)):
            yield _Heard(rows[last - lengths[i] : last], ends[i], labels[i], int(owners[i]))

    def _drawn(self, number: int) -> Iterator[_Heard]:
        cache = WaveCache.load(self.folder, self.directory)
        sampler = SessionSampler(cache, self.rows, window=round(SECONDS * RATE), clips=CLIPS)
        corpora = sorted({clip.dataset for clip in cache.clips})
        rng = np.random.default_rng((self.seed, number))
        for _ in range(SESSIONS):
            session = sampler.session(rng)
            ends = np.maximum(1 + (session.ends - FRAME) // STEP, 0)  # whole frames up to there
            yield _Heard(mel_power(session.samples, BASE), ends, session.labels, corpora.index(session.corpus))


def augmented(
    folder: SpeechFolder,
    directory: Path,
    rows: Sequence[int],
    *,
    spec: FrontEndSpec = BASE,
    seed: int,
    blocks: int,
    threads: int,
) -> Windows:
    """`blocks` blocks of training windows of `spec`, of the clips `rows`; what is on disk is not made anew."""
    made = _Blocks(folder, directory, tuple(rows), spec, seed)
    missing = [number for number in range(blocks) if not made.path(number).exists()]
    began = time.monotonic()
    if threads > 1 and len(missing) > 1:
        with ProcessPoolExecutor(threads, mp_context=get_context("spawn")) as pool:
            for done, _ in enumerate(pool.map(made.make, missing), start=1):
                _told(done, len(missing), began)
    else:
        for done, number in enumerate(missing, start=1):
            made.make(number)
            _told(done, len(missing), began)
    return Windows.joined([_read(made.path(number)) for number in range(blocks)])


def _told(done: int, jobs: int, began: float) -> None:
    left = (time.monotonic() - began) / done * (jobs - done)
    print(f"windows: block {done}/{jobs}, {left:.0f} s left", file=sys.stderr, flush=True)
