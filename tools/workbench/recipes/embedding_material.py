"""What the net of the speech front end learns from: frames of clips, and what another network makes of them.

Each pass plays every clip, or its share of other speech, at another speed, through another microphone in another room.
What the other network, the teacher, makes of it before that goes with both.
"""

from __future__ import annotations

import hashlib
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from importlib import resources
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, Self

import numpy as np

from emoedge.audio.front_end import mel_power
from emoedge.audio.voice_net import WEIGHTS
from workbench import speech_package, training
from workbench.recipes.other_speech import OtherSpeech
from workbench.recipes.speech_augmentation import RATE, draw_channel, hum, through
from workbench.recipes.speech_front_end import BASE
from workbench.recipes.speech_waves import WaveCache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from workbench.data.speech import SpeechFolder
    from workbench.recipes.speech_waves import Waves

    Hearing = Callable[[NDArray[np.float32]], NDArray[np.float32]]

BLOCK = 1
"""Number, from 0, of the teacher's block whose values are imitated: later ones tell words from each other better than
voices."""
VALUES = 288
"""Numbers of a teacher's frame."""
FIRST, STEP = 447, 384
"""Samples: the middle of the teacher's first frame, and from one to the next."""
SPEEDS = 0.78, 1.28
"""Between which a clip's speed is drawn, and the height of the voice with it; the first pass plays them as they are."""
LEVEL = 0.05
"""Root mean square at which the teacher hears a clip."""
NOISY = 0.7
"""Share of backgrounds that are recorded ones, where there are any."""


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """All clips as one pass heard them, one after the other; the arrays lie on disk."""

    plain: NDArray[np.float32]
    """(n, width): frame values of the front end."""
    heard: NDArray[np.float32]
    """(n, width): the same, through a microphone."""
    taught: NDArray[np.float16]
    """(m, VALUES): the teacher's frames."""
    frames: NDArray[np.int64]
    """(clips + 1,): rows of clip i in `plain` and `heard` are frames[i] … frames[i + 1]."""
    lessons: NDArray[np.int64]
    """(clips + 1,): the same in `taught`."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """From the files that `_Passes.make` wrote."""
        with np.load(path, allow_pickle=False) as held:
            frames, lessons = held["frames"], held["lessons"]
        plain, heard = (
            np.memmap(path.with_suffix(kind), np.float32, "r").reshape(frames[-1], -1) for kind in (".plain", ".heard")
        )
        taught = np.memmap(path.with_suffix(".taught"), np.float16, "r").reshape(lessons[-1], VALUES)
        return cls(plain, heard, taught, frames, lessons)

    def lesson(self, clip: int, start: int, count: int) -> NDArray[np.float32]:
        """What the teacher makes of `count` of the clip's frames from `start` on, (count, VALUES): between its own."""
        first, last = self.lessons[clip], self.lessons[clip + 1] - 1
        centre = RATE * BASE_HOP * np.arange(start, start + count) + RATE * BASE_WINDOW / 2
        at = np.clip(first + (centre - FIRST) / STEP, first, last)
        below = np.floor(at).astype(np.int64)
        above = np.minimum(below + 1, last)
        share = (at - below)[:, None].astype(np.float32)
        known = np.asarray(self.taught[below[0] : above[-1] + 1], dtype=np.float32)
        return np.asarray(known[below - below[0]] * (1 - share) + known[above - below[0]] * share)


BASE_HOP, BASE_WINDOW = (float(str(BASE.parameters[key])) for key in ("hop", "window"))


@dataclass(frozen=True, slots=True)
class _Passes:
    """Makes passes, in whatever process."""

    voices: Callable[[], Waves]
    backgrounds: Callable[[], WaveCache]
    directory: Path
    package: Path
    seed: int
    key: str
    count: int
    divided: bool
    """Whether each recording is heard in one of the passes only."""

    def path(self, number: int) -> Path:
        return self.directory / f"lessons-{self.key}-{self.seed}-{number}.npz"

    def make(self, number: int) -> None:
        voices, backgrounds = self.voices(), self.backgrounds()
        rng = np.random.default_rng((self.seed, 7, number))
        teacher, path = hearing(self.package), self.path(number)
        frames, lessons = [0], [0]
        with (
            path.with_suffix(".plain").open("wb") as plain,
            path.with_suffix(".heard").open("wb") as heard,
            path.with_suffix(".taught").open("wb") as taught,
        ):
            for row in range(voices.count):
                if self.divided and row % self.count != number:
                    frames.append(frames[-1])
                    lessons.append(lessons[-1])
                    continue
                if (parent := parent_process()) is not None and not parent.is_alive():
                    raise RuntimeError("whoever wanted this pass is gone, and may be back and make it anew")
                samples = at_speed(voices.wave(row), rng.uniform(*np.log(SPEEDS)) if number else 0.0)
                lesson = teacher(samples)
                recorded = backgrounds.noises and rng.random() < NOISY
                background = (
                    backgrounds.noise(int(rng.integers(backgrounds.noises))) if recorded else hum(rng, 10 * RATE)
                )
                values = mel_power(samples, BASE)
                values.tofile(plain)
                mel_power(through(samples, draw_channel(rng, background), rng), BASE).tofile(heard)
                lesson.astype(np.float16).tofile(taught)
                frames.append(frames[-1] + len(values))
                lessons.append(lessons[-1] + len(lesson))
        training.write_arrays(path, {"frames": np.array(frames), "lessons": np.array(lessons)})


def hearing(package: Path) -> Hearing:
    """The teacher: samples (n,) of 16 kHz to frames (m, VALUES); raises ValueError where it cannot be had."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ValueError("the teacher of this net needs onnxruntime, which is not installed") from error

    block = speech_package.BLOCK.format(BLOCK)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = speech_package.showing(speech_package.encoder(package), [block])
    session = onnxruntime.InferenceSession(model, options)

    def hear(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        given = samples[None], np.ones((1, len(samples)), dtype=np.int64)
        told = session.run([block], dict(zip(("input_values", "attention_mask"), given, strict=True)))
        return np.asarray(told[0][0], dtype=np.float32)

    return hear


def at_speed(samples: NDArray[np.float32], log_speed: float) -> NDArray[np.float32]:
    """A clip at LEVEL, played so many nepers slower: `scipy.signal.resample_poly`, by a ratio of small numbers."""
    from scipy.signal import resample_poly

    ratio = Fraction(float(np.exp(log_speed))).limit_denominator(24)
    played = resample_poly(samples, ratio.numerator, ratio.denominator) if ratio != 1 else samples
    loudness = max(float(np.sqrt(np.square(played, dtype=np.float64).mean())), 1e-6)
    return np.asarray(played / loudness * LEVEL, dtype=np.float32)


def passes(
    folder: SpeechFolder, directory: Path, package: Path, *, seed: int, count: int, threads: int
) -> list[Pass]:
    """So many passes over all clips; those that are on disk are not made anew. `package` keeps the teacher.

    Raises ValueError where the teacher cannot be had.
    """
    clips = partial(WaveCache.load, folder, directory)
    key = _key(clips())
    return _read(_Passes(clips, clips, directory, package, seed, key, count, divided=False), threads)


def other_passes(
    folder: SpeechFolder, directory: Path, package: Path, *, seed: int, count: int, threads: int
) -> list[Pass]:
    """The same over other speech, which is kept in `package` too; each recording is in one pass, empty in the others.

    Raises ValueError where the teacher or the speech cannot be had.
    """
    clips, voices = partial(WaveCache.load, folder, directory), partial(OtherSpeech.load, package)
    key = _key(voices(), clips().key, count)
    return _read(_Passes(voices, clips, directory, package, seed, key, count, divided=True), threads)


def _read(made: _Passes, threads: int) -> list[Pass]:
    missing = [number for number in range(made.count) if not made.path(number).exists()]
    if missing:
        hearing(made.package)  # fetched once, before several want it
        began = time.monotonic()
        told = f"lessons: {len(missing)} passes over {made.voices().count} recordings"
        print(told, file=sys.stderr, flush=True)
        if threads > 1 and len(missing) > 1:
            with ProcessPoolExecutor(threads, mp_context=get_context("spawn")) as pool:
                list(pool.map(made.make, missing))
        else:
            for number in missing:
                made.make(number)
        print(f"lessons: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return [Pass.read(made.path(number)) for number in range(made.count)]


def _key(voices: Waves, *more: object) -> str:
    net = resources.files("emoedge.audio").joinpath(WEIGHTS).read_bytes()  # tells which frames are active
    told = f"{voices.key} {BASE} {speech_package.SHA256} {BLOCK} {SPEEDS} {LEVEL} {' '.join(map(str, more))}"
    return hashlib.sha256(told.encode() + net).hexdigest()[:16]
