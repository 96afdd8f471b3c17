"""Training batches made of sessions: one voice, one microphone, one room, several clips in a row.

The front end's memory of a microphone sees in training what it sees in use: it begins cold, warms up on the
clips that came before, and is never told anything about a clip that comes later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.recipes.speech_augmentation import RATE, draw_channel, hum, through, voice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.recipes.speech_waves import WaveCache

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "calm")
"""What the network tells apart; `calm` is read out as neutral."""

NEUTRAL, CALM = LABELS.index("neutral"), LABELS.index("calm")

QUIET = 10**-3.5
"""Share of the loudest moment's power below which the ends of a clip are silence (-35 dB) ..."""
GRAIN = 320
"""... measured over this many samples."""

MOODY = 0.4
"""Share of sessions in which some emotions are much more frequent than others: people are not shuffled decks."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """Samples of one microphone, and the windows that are classified."""

    samples: NDArray[np.float32]
    ends: NDArray[np.int64]
    """Sample after the last one of each window, ascending."""
    labels: NDArray[np.int64]
    """Index into LABELS of each window."""
    corpus: str


def trimmed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """A clip without the silence before its first and after its last word."""
    starts = np.arange(0, len(samples), GRAIN)
    loudness = np.add.reduceat(np.square(samples, dtype=np.float64), starts) if len(samples) else np.zeros(0)
    spoken = np.flatnonzero(loudness > QUIET * loudness.max(initial=0.0))
    return samples[spoken[0] * GRAIN : (spoken[-1] + 1) * GRAIN] if len(spoken) else samples


class SessionSampler:
    """Draws sessions: corpora by the square root of clips times speakers, classes evenly within each."""

    def __init__(self, cache: WaveCache, rows: Sequence[int], *, window: int, clips: int) -> None:
        """`rows` of the cache may be drawn; `window` is in samples, `clips` a session's length."""
        self.cache = cache
        self.window = window
        self.clips = clips
        self._pools: dict[str, dict[str, dict[int, list[int]]]] = {}
        for row in rows:
            clip = cache.clips[row]
            voices = self._pools.setdefault(clip.dataset, {})
            voices.setdefault(clip.speaker, {}).setdefault(LABELS.index(clip.fine), []).append(row)
        self._corpora = sorted(self._pools)
        weights = np.array([self.weights[name] for name in self._corpora])
        self._corpus_weights = weights / weights.sum()

    @property
    def weights(self) -> dict[str, float]:
        """How often each corpus is drawn, relatively: the square root of clips times speakers."""
        return {name: float(np.sqrt(_clips(own) * len(own))) for name, own in self._pools.items()}

    def session(self, rng: np.random.Generator) -> Session:
        """One session of `clips` clips, two windows each."""
        corpus = self._corpora[rng.choice(len(self._corpora), p=self._corpus_weights)]
        rows = self._rows(self._pools[corpus], rng)
        speed = float(np.exp(rng.normal(0, 0.07)))
        pieces: list[NDArray[np.float32]] = []
        ends: list[int] = []
        at = 0
        for row in rows:
            clip = voice(trimmed(self.cache.wave(row)), rng, speed=speed * float(np.exp(rng.normal(0, 0.02))))
            before, after = (rng.uniform(0.1, 1.0, size=2) * RATE).astype(int)
            # As a window slides over a phrase: it may reach into the pauses, or hold a part of the phrase only.
            early = max(0.25 * len(clip), len(clip) - self.window)
            late = [rng.uniform(0, after), -rng.uniform(0, early)]
            ends += sorted(at + before + len(clip) + int(shift) for shift in late)
            silences = [np.zeros(length, dtype=np.float32) for length in (before, after)]
            pieces += [silences[0], clip, silences[1]]
            at += before + len(clip) + after
        heard = through(np.concatenate(pieces), draw_channel(rng, self._noise(rng)), rng)
        labels = [LABELS.index(self.cache.clips[row].fine) for row in rows]
        return Session(heard, np.maximum(ends, 1), np.repeat(labels, 2), corpus)

    def _rows(self, voices: dict[str, dict[int, list[int]]], rng: np.random.Generator) -> list[int]:
        names = sorted(voices)
        sizes = np.array([_clips({name: voices[name]}) for name in names], dtype=np.float64)
        own = voices[names[rng.choice(len(names), p=sizes / sizes.sum())]]
        classes = sorted(own)
        # Neutral and calm share one place where a corpus has both: they are read out as one.
        place = 1 / len({NEUTRAL, CALM} & set(classes) or {NEUTRAL})
        weights = np.array([place if label in (NEUTRAL, CALM) else 1.0 for label in classes])
        if rng.random() < MOODY:
            weights = rng.dirichlet(0.5 * weights) + 0.02
        drawn = rng.choice(classes, size=self.clips, p=weights / weights.sum())
        return [int(rng.choice(own[int(label)])) for label in drawn]

    def _noise(self, rng: np.random.Generator) -> NDArray[np.float32]:
        if self.cache.noises and rng.random() < 0.7:
            return self.cache.noise(int(rng.integers(self.cache.noises)))
        return hum(rng, 10 * RATE)


def _clips(voices: dict[str, dict[int, list[int]]]) -> int:
    return sum(len(rows) for own in voices.values() for rows in own.values())
