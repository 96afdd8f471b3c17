"""Runs a speech model over a speech folder through the code that the daemon runs: one stream per speaker."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.audio.front_end import SpeechFrontEnd, build
from emoedge.emotions import CANONICAL, INDEX
from emoedge.errors import MediaError
from emoedge.messages import SAMPLE_RATE
from workbench.clip_stream import ClipStream
from workbench.data.noise import TABLE as NOISES
from workbench.data.noise import decode_noises
from workbench.data.speech import decode, read_folder
from workbench.metrics import Predictions
from workbench.voice_sounds import BACKGROUNDS, RECORDED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from emoedge.emotions import Scores
    from emoedge.inference.model import Model
    from workbench.data.sources import Sources

SMALLEST = 1e-6
"""Probability below which a label counts as this in the mean of logarithms."""

BATCH = 64


class Background:
    """A loop of noise that each clip gets at the same signal-to-noise ratio."""

    def __init__(self, loop: NDArray[np.float32], snr: float) -> None:
        """`loop`: samples of unit mean square; `snr` in decibels, of the clip's mean square over the noise's."""
        self._loop = loop
        self._factor = 10 ** (-snr / 20)
        self._scale = 0.0
        self._at = 0

    def adapt(self, clip: NDArray[np.float32]) -> None:
        """Scale to the clip that comes next; the pause before it has the same noise."""
        self._scale = float(np.sqrt(np.mean(np.square(clip, dtype=np.float64)))) * self._factor if len(clip) else 0.0

    def under(self, samples: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """The next samples with the noise beneath them."""
        rows = (self._at + np.arange(len(samples))) % len(self._loop)
        self._at += len(samples)
        return np.asarray(samples + self._loop[rows] * self._scale, dtype=np.float32)


def evaluate(
    model: Model,
    data: Sources,
    dataset: str | None = None,
    speakers: Collection[str] | None = None,
    noise_db: float | None = None,
    noise: str = RECORDED,
) -> Predictions:
    """Predictions over the clips of a folder, or of several, in the order of speakers and digests.

    A clip's canonical log-probabilities are the mean over the windows that judge it, see `workbench.clip_stream`,
    and so are its valence and arousal where the model tells them. Rows without a canonical label are not played;
    they stand at the end with truth -1.
    `noise_db`: signal-to-noise ratio at which `noise`, `recorded` or one of `voice_sounds.BACKGROUNDS`, is mixed in.

    Raises MediaError where the folder cannot be read or holds no such rows.
    """
    folder = read_folder(data, dataset, speakers)
    front_end = build(model.info.front_end)
    loop = None if noise_db is None else _recorded(folder.root) if noise == RECORDED else BACKGROUNDS[noise]()
    rows: list[NDArray[np.float64]] = []
    affect: list[tuple[float, float]] = []
    truth: list[int] = []
    for session, clips in folder.sessions():
        background = None
        if loop is not None and noise_db is not None:
            start = int.from_bytes(hashlib.sha256(session.encode()).digest()[:4], "big") % len(loop)
            background = Background(np.roll(loop, -start), noise_db)
        played = _play(front_end, (samples for _, samples in decode(data, clips)), background)
        for windows in played:
            said = [scores for first in range(0, len(windows), BATCH)
                    for scores in model.classify_batch(windows[first : first + BATCH])]  # fmt: skip
            rows.append(_combined(said, _known(model)))
            affect.append((float(np.mean([s.valence for s in said])), float(np.mean([s.arousal for s in said]))))
        truth += [INDEX[clip.emotion] for clip in clips]
    unnamed = sum(folder.dropped.values())
    scores = np.concatenate([np.stack(rows), np.zeros((unnamed, len(CANONICAL)))])
    told = np.array(affect + [(0.0, 0.0)] * unnamed) if model.info.dimensions else None
    return Predictions(scores, _known(model), np.array(truth + [-1] * unnamed, dtype=np.int64), told)


def _play(
    front_end: SpeechFrontEnd, clips: Iterator[NDArray[np.float32]], background: Background | None
) -> Iterator[NDArray[np.float32]]:
    def heard(samples: NDArray[np.floating[Any]]) -> None:
        front_end.push(background.under(samples) if background is not None else samples)

    seconds = front_end.window_samples / SAMPLE_RATE
    stream = ClipStream(front_end, heard, rate=SAMPLE_RATE, seconds=seconds)
    for clip in clips:
        if background is not None:
            background.adapt(clip)
        yield stream.play(clip)


def _combined(said: Sequence[Scores], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    logs = np.mean([np.log(np.maximum(scores.values, SMALLEST)) for scores in said], axis=0)
    powers = np.exp(logs - logs.max()) * known
    return np.asarray(powers / powers.sum())


def _known(model: Model) -> NDArray[np.bool_]:
    known = np.zeros(len(CANONICAL), dtype=bool)
    known[[INDEX[label] for label in model.info.label_map]] = True
    return known


def _recorded(data: Path) -> NDArray[np.float32]:
    if not (data / NOISES).exists():
        others = " and ".join(f"`--noise {name}`" for name in BACKGROUNDS)
        raise MediaError(f"{data}: no recordings of noise to mix in, which {NOISES} would name; {others} need none")
    pieces = []
    for _, samples in decode_noises(data):
        loudness = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
        if loudness > 0:
            pieces.append(samples / loudness)
    if not pieces:
        raise MediaError(f"{data}: every noise recording is silent")
    return np.asarray(np.concatenate(pieces), dtype=np.float32)
