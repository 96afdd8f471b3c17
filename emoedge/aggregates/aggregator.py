"""Counts visits in windows of the wall clock, and tells figures over them where enough people are in them.

Each person counts once, as much as any other, in the window in which they are gone. So windows of one length
have nobody in common, a longer window holds just the people of the shorter ones in it, and what can be learnt
by subtracting one from another is what `Veil` looks at.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from emoedge.aggregates.minutes import MINUTE, WallMinutes
from emoedge.aggregates.veil import Veil
from emoedge.aggregates.visit import LABELS, STEP, Visit, Visitors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emoedge.config.aggregates import AggregatesConfig
    from emoedge.messages import Belief


@dataclass(frozen=True, slots=True)
class Figures:
    """What is told of the people of a window."""

    people: int
    shares: Mapping[str, float]
    """By emotion and `unknown`: mean over people of the share of their time; sums to 1."""
    valence: float | None
    """-1..1, mean over people; None where fewer than k could be judged."""
    arousal: float | None
    """-1..1, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One window that is over."""

    minutes: int
    """Length."""
    start: float
    """Unix seconds, by the wall clock that it was cut by."""
    covered: float
    """0..1, share of it in which the camera looked."""
    k: int
    figures: Figures | None
    """None where they are suppressed."""


@dataclass(slots=True)
class _Window:
    minutes: int
    index: int
    """Windows of this length since 1970."""
    visits: dict[int, Visit]
    looked: float = 0.0
    """Seconds."""


class Aggregator:
    """Told of everybody several times a second; times are monotonic, the wall clock only cuts the windows.

    Where the wall clock is set, the windows that run are dropped and new ones begin; the people stay. Windows
    that run when the daemon ends are dropped. Nothing is stored.
    """

    def __init__(self, config: AggregatesConfig) -> None:
        self._k = config.k
        self._lengths = sorted(config.windows)
        self._visitors = Visitors(config.gap)
        self._minutes = WallMinutes()
        self._windows: list[_Window] = []
        self._numbers = count(1)
        self._people, self._judged = Veil(config.k), Veil(config.k)
        self._at: float | None = None

    def look(self, at: float, wall: float, beliefs: Sequence[Belief], *, watching: bool) -> list[Aggregate]:
        """Take the present; the windows that are over, shorter ones first.

        `at`: monotonic seconds. `wall`: Unix seconds. `beliefs`: of every face that is followed. `watching`:
        whether the camera gives pictures.
        """
        minute, was_set = self._minutes.read(at, wall)
        told = []
        if was_set:
            self._windows = [_Window(length, minute // length, {}) for length in self._lengths]
            self._forget()
        for window in self._windows:
            if minute // window.minutes != window.index:
                told.append(self._close(window))
                window.index, window.visits, window.looked = minute // window.minutes, {}, 0.0
                if window is self._windows[-1]:
                    self._forget()
        seconds = 0.0 if self._at is None else min(max(at - self._at, 0.0), STEP)
        self._at = at
        for visit in self._visitors.look(at, beliefs):
            number = next(self._numbers)
            for window in self._windows:
                window.visits[number] = visit
        for window in self._windows:
            window.looked += seconds if watching else 0.0
        return told

    def _forget(self) -> None:
        self._people.forget()
        self._judged.forget()

    def _close(self, window: _Window) -> Aggregate:
        length = window.minutes * MINUTE
        return Aggregate(
            minutes=window.minutes, start=window.index * length, covered=min(window.looked / length, 1.0), k=self._k,
            figures=self._figures(window.visits),
        )  # fmt: skip

    def _figures(self, visits: Mapping[int, Visit]) -> Figures | None:
        if not self._people.passes(visits.keys()):
            return None
        shares = np.mean([visit.shares for visit in visits.values()], axis=0)
        judged = {number: (v.valence, v.arousal) for number, v in visits.items() if v.valence is not None}
        valence = arousal = None
        if self._judged.passes(judged.keys()):
            valence, arousal = np.mean(np.array(list(judged.values()), dtype=np.float64), axis=0).tolist()
        return Figures(len(visits), dict(zip(LABELS, shares.tolist(), strict=True)), valence, arousal)
