"""Training batches made of sessions: one voice, one microphone, one room, several clips in a row.

The front end's memory of a microphone sees in training what it sees in use: it begins cold, warms up on the
clips that came before, and is never told anything about a clip that comes later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.recipes.speech_augmentation import draw_channel, hum, through, voice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.recipes.speech_power import PowerCache

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "calm")
"""What the network tells apart; `calm` is read out as neutral."""

NEUTRAL, CALM = LABELS.index("neutral"), LABELS.index("calm")

MOODY = 0.4
"""Share of sessions in which some emotions are much more frequent than others: people are not shuffled decks."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """Frames of one microphone, and the windows that are classified."""

    power: NDArray[np.float32]
    """(frames, bands)."""
    ends: NDArray[np.int64]
    """Frame after the last one of each window, ascending."""
    labels: NDArray[np.int64]
    """Index into LABELS of each window."""
    known: NDArray[np.bool_]
    """(labels,): which labels this corpus has at all; the others are not ruled out by it."""


class SessionSampler:
    """Draws sessions: corpora by the square root of their size, classes evenly within each."""

    def __init__(
        self, cache: PowerCache, rows: Sequence[int], *, window: int, hop: float, clips: int, rng: np.random.Generator
    ) -> None:
        """`rows` of the cache may be drawn; `window` is in frames, `hop` in seconds, `clips` a session's length."""
        self.cache = cache
        self.window = window
        self.hop = hop
        self.clips = clips
        self.rng = rng
        self._pools: dict[str, dict[str, dict[int, list[int]]]] = {}
        for row in rows:
            clip = cache.clips[row]
            voices = self._pools.setdefault(clip.dataset, {})
            voices.setdefault(clip.speaker, {}).setdefault(LABELS.index(clip.fine), []).append(row)
        sizes = {
            name: sum(len(rows) for voice_rows in voices.values() for rows in voice_rows.values())
            for name, voices in self._pools.items()
        }
        self._corpora = sorted(sizes)
        self._known = {
            name: np.isin(np.arange(len(LABELS)), [label for own in voices.values() for label in own])
            for name, voices in self._pools.items()
        }
        weights = np.sqrt([sizes[name] for name in self._corpora])
        self._corpus_weights = weights / weights.sum()

    def session(self) -> Session:
        """One session of `clips` clips."""
        rng = self.rng
        corpus = self._corpora[rng.choice(len(self._corpora), p=self._corpus_weights)]
        voices = self._pools[corpus]
        rows = self._rows(voices)
        warp = float(np.exp(rng.normal(0, 0.08)))
        pieces: list[NDArray[np.float32]] = []
        ends: list[int] = []
        at = 0
        for row in rows:
            pause = int(rng.uniform(0.2, 1.6) / self.hop)
            clip = voice(self.cache.power(row), rng, warp=warp * float(np.exp(rng.normal(0, 0.03))))
            pieces += [np.zeros((pause, clip.shape[1]), dtype=np.float32), clip]
            at += pause + len(clip)
            # As a window slides over a phrase: it may reach back into the pause, or miss the phrase's end.
            ends.append(at - int(rng.uniform(0, max(0.25 * len(clip), len(clip) - self.window))))
        bands = pieces[0].shape[1]
        channel = draw_channel(rng, bands, self.hop, self._noise(bands))
        power = through(np.concatenate(pieces), channel, rng)
        labels = [LABELS.index(self.cache.clips[row].fine) for row in rows]
        return Session(power, np.array(ends), np.array(labels), self._known[corpus])

    def _rows(self, voices: dict[str, dict[int, list[int]]]) -> list[int]:
        rng = self.rng
        names = sorted(voices)
        sizes = np.array([sum(len(rows) for rows in voices[name].values()) for name in names], dtype=np.float64)
        own = voices[names[rng.choice(len(names), p=sizes / sizes.sum())]]
        classes = sorted(own)
        # Neutral and calm share one place where a corpus has both: they are read out as one.
        halved = {NEUTRAL, CALM} if {NEUTRAL, CALM} <= set(classes) else set()
        weights = np.array([0.5 if label in halved else 1.0 for label in classes])
        if rng.random() < MOODY:
            weights = rng.dirichlet(0.5 * weights) + 0.02
        drawn = rng.choice(classes, size=self.clips, p=weights / weights.sum())
        return [int(rng.choice(own[int(label)])) for label in drawn]

    def _noise(self, bands: int) -> NDArray[np.float32]:
        if self.cache.noises and self.rng.random() < 0.7:
            power = self.cache.noise(int(self.rng.integers(self.cache.noises)))
            if self.rng.random() < 0.3:
                power = power + self.cache.noise(int(self.rng.integers(self.cache.noises)))[: len(power)].mean(axis=0)
            return np.asarray(power / (power.mean() + 1e-12), dtype=np.float32)
        return hum(self.rng, bands, 512)
