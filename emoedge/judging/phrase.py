"""A recorded phrase: heard as one stream through the daemon's own ear, its windows combined."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.audio.front_end import build
from emoedge.audio.hearing import Hearing
from emoedge.emotions import Reason, Scores
from emoedge.errors import MediaError, SourceError
from emoedge.judging.judgement import JudgedWindow, Judgement, Opinion
from emoedge.messages import SAMPLE_RATE, AudioBlock, Modality
from emoedge.sources.intake import FULL_SCALE_16, Intake, Tally
from emoedge.sources.resample import HIGHEST, LOWEST
from emoedge.sources.wave_file import MOST_CHANNELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from emoedge.config import Config
    from emoedge.inference.model import Model
    from emoedge.messages import SpeechObservation

SHARE = 0.9
"""A window counts that holds at least this share of the most voice that any window holds."""

SMALLEST = 1e-6
"""Probability below which a label counts as this in the mean of logarithms."""

BLOCK = 0.02
"""Seconds of sound heard at once."""


class Listener:
    """Judges recordings with one speech model; each is a stream of its own, cold at its start."""

    def __init__(self, config: Config, model: Model) -> None:
        self._config = config
        self._model = model
        own = config.fusion.speech_abstain
        self._abstain_below = model.info.abstain_below if own is None else own
        self._window = build(model.info.front_end).window_samples / SAMPLE_RATE

    def judge(self, blocks: Iterable[AudioBlock]) -> Judgement:
        """All that is said in `blocks`, 16 kHz, oldest first, times from 0.

        The probabilities are the normalised geometric mean over the windows that count; the quality is their mean.
        """
        hearing = Hearing(self._config.speech, build(self._model.info.front_end), self._model)
        heard: list[SpeechObservation] = []
        turns: list[tuple[float, bool]] = [(0.0, False)]
        at = 0.0
        for block in blocks:
            result = hearing.hear(block)
            heard += result.observations
            at = block.at
            if result.speaking is not turns[-1][1]:
                turns.append((at, result.speaking))
        heard += hearing.finish(at).observations
        turns.append((at, False))
        return self._combined(heard, turns)

    def _combined(self, heard: Sequence[SpeechObservation], turns: Sequence[tuple[float, bool]]) -> Judgement:
        margin, below = self._config.fusion.margin, self._abstain_below
        voice = [_voice(turns, o.at - self._window, o.at) for o in heard]
        most = max((v for v, o in zip(voice, heard, strict=True) if o.scores is not None), default=0.0)
        counted = [o.scores is not None and v >= SHARE * most for v, o in zip(voice, heard, strict=True)]
        windows = tuple(
            JudgedWindow(
                max(0.0, o.at - self._window), o.at, Opinion.of(o.scores, o.quality, o.reason, margin, below), counts
            )
            for o, counts in zip(heard, counted, strict=True)
        )
        judges = [o for o, counts in zip(heard, counted, strict=True) if counts]
        if not judges:
            reasons = Counter(o.reason for o in heard if o.reason is not None)
            reason = reasons.most_common(1)[0][0] if reasons else Reason.NO_VOICE
            return Judgement(Modality.SPEECH, Opinion.of(None, 0.0, reason, margin), windows=windows)
        quality = float(np.mean([o.quality for o in judges]))
        scores = _mean([o.scores for o in judges if o.scores is not None])
        return Judgement(Modality.SPEECH, Opinion.of(scores, quality, None, margin, below), windows=windows)


def blocks_of(samples: NDArray[Any], rate: int, config: Config) -> Iterator[AudioBlock]:
    """Blocks of 16 kHz of a recording in memory.

    `samples`: (n,) or (n, channels); floating point in -1..1, or integers at full scale. `rate`: Hz.
    Raises MediaError where they are none of these, or lack the channel that is to be heard.
    """
    lines, full_scale = _lines(samples)
    if not isinstance(rate, (int, np.integer)) or not LOWEST <= rate <= HIGHEST:
        raise MediaError(f"rate is {rate!r}, expected whole Hz from {LOWEST} to {HIGHEST}")
    named = replace(config.microphone, source="the sound")
    try:
        intake = Intake(named, Tally(), rate=int(rate), channels=lines.shape[1], full_scale=full_scale)
    except SourceError as error:
        raise MediaError(str(error)) from error
    return _blocks(intake, lines, max(1, round(rate * BLOCK)))


def _blocks(intake: Intake, lines: NDArray[np.float32], size: int) -> Iterator[AudioBlock]:
    told = 0
    for start in range(0, len(lines) + 1, size):
        block = intake.block(lines[start : start + size], 0.0)
        told += len(block.samples)
        yield AudioBlock(block.samples, told / SAMPLE_RATE, block.clipped)
    rest = intake.rest(0.0)
    yield AudioBlock(rest.samples, (told + len(rest.samples)) / SAMPLE_RATE)


def _lines(samples: NDArray[Any]) -> tuple[NDArray[np.float32], float]:
    """Samples as float32 (n, channels), and the largest value that their type can hold."""
    values = np.asarray(samples)
    if values.ndim not in {1, 2} or 0 in values.shape or values.dtype.kind not in "fiu":
        raise MediaError(
            f"expected samples of shape (n,) or (n, channels), numbers, n > 0; got {values.dtype} of {values.shape}"
        )
    if values.ndim == 2 and values.shape[1] > MOST_CHANNELS:
        raise MediaError(f"expected samples of shape (n, channels), got {values.shape}: channels first? transpose them")
    full_scale = FULL_SCALE_16
    if values.dtype.kind in "iu":
        limits = np.iinfo(values.dtype)
        middle = 0.0 if values.dtype.kind == "i" else (float(limits.max) + 1) / 2
        beyond = float(limits.max) + 1 - middle
        values = (values.astype(np.float64) - middle) / beyond
        full_scale = 1 - 1 / beyond
    lines = np.asarray(values, dtype=np.float32)
    return (lines[:, None] if lines.ndim == 1 else lines), full_scale


def _voice(turns: Sequence[tuple[float, bool]], start: float, end: float) -> float:
    """Seconds between `start` and `end` in which somebody spoke; `turns` are times and the state from then on."""
    return sum(
        max(0.0, min(until, end) - max(since, start)) for (since, speaking), (until, _) in pairwise(turns) if speaking
    )


def _mean(scores: Sequence[Scores]) -> Scores:
    known = scores[0].known
    logs = np.mean([np.log(np.maximum(each.values, SMALLEST)) for each in scores], axis=0)
    powers = np.where(known, np.exp(logs - logs.max()), 0.0)
    own = [each.affect for each in scores if each.affect is not None]
    affect = (float(np.mean([v for v, _ in own])), float(np.mean([a for _, a in own]))) if own else None
    return Scores(powers / powers.sum(), known, affect)
