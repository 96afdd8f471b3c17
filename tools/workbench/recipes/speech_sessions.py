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

QUIET = 10**-3.5
"""Share of the loudest frame's power below which the ends of a clip are silence (-35 dB)."""

PLAIN = 0.7
"""How often neutral comes for each time that another emotion does: what is not understood gets its name anyway."""

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


def trimmed(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """A clip without the silence before its first and after its last word.

    How long a corpus waits before and after a phrase is its signature: a network that hears it need not listen.
    """
    loudness = power.mean(axis=1)
    spoken = np.flatnonzero(loudness > QUIET * loudness.max(initial=0.0))
    return power[spoken[0] : spoken[-1] + 1] if len(spoken) else power


class SessionSampler:
    """Draws sessions: corpora by the square root of clips times speakers, classes evenly within each."""

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
        self._corpora = sorted(self._pools)
        weights = np.sqrt([_clips(self._pools[name]) * len(self._pools[name]) for name in self._corpora])
        self._corpus_weights = weights / weights.sum()
        self._known = {
            name: np.isin(np.arange(len(LABELS)), [label for own in voices.values() for label in own])
            for name, voices in self._pools.items()
        }

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
            spoken = trimmed(self.cache.power(row))
            clip = voice(spoken, rng, warp=warp * float(np.exp(rng.normal(0, 0.03))))
            before, after = (rng.uniform(0.1, 1.0, size=2) / self.hop).astype(int)
            # As a window slides over a phrase: it may reach into the pauses, or hold a part of the phrase only.
            late = after if rng.random() < 0.5 else -max(0.25 * len(clip), len(clip) - self.window)
            end = at + before + len(clip) + int(rng.uniform(0, late) if late > 0 else rng.uniform(late, 0))
            ends.append(max(end, at + 1))
            bands = clip.shape[1]
            pieces += [np.zeros((before, bands), dtype=np.float32), clip, np.zeros((after, bands), dtype=np.float32)]
            at += before + len(clip) + after
        channel = draw_channel(rng, bands, self.hop, self._noise(bands))
        power = through(np.concatenate(pieces), channel, rng)
        labels = [LABELS.index(self.cache.clips[row].fine) for row in rows]
        return Session(power, np.array(ends), np.array(labels), self._known[corpus])

    def _rows(self, voices: dict[str, dict[int, list[int]]]) -> list[int]:
        rng = self.rng
        names = sorted(voices)
        sizes = np.array([_clips({name: voices[name]}) for name in names], dtype=np.float64)
        own = voices[names[rng.choice(len(names), p=sizes / sizes.sum())]]
        classes = sorted(own)
        # Neutral and calm share one place where a corpus has both: they are read out as one.
        place = PLAIN / len({NEUTRAL, CALM} & set(classes) or {NEUTRAL})
        weights = np.array([place if label in (NEUTRAL, CALM) else 1.0 for label in classes])
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


def _clips(voices: dict[str, dict[int, list[int]]]) -> int:
    return sum(len(rows) for own in voices.values() for rows in own.values())
