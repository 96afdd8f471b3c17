"""People in front of the device, from when they come to when they are gone; told apart, never recognised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from emoedge.emotions import CANONICAL, INDEX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from emoedge.messages import Belief

UNKNOWN = "unknown"

LABELS: tuple[str, ...] = (*CANONICAL, UNKNOWN)
"""The order of the shares of a visit."""

SHORTEST = 1.0
"""Seconds; who was seen for less is nobody: most of it are things that look like a face for a moment."""

LONGEST = 900.0
"""Seconds after which a visit is counted although it goes on: the longest window. So nobody is in one twice, as long as
what is left of a visit when they go is not counted either."""

STEP = 1.0
"""Seconds; a longer time between two looks counts as this much, since nobody knows what happened in it."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One person, from coming to going."""

    shares: NDArray[np.float64]
    """Shape (8,): share of the time that each of LABELS was believed; sums to 1."""
    valence: float | None
    """-1..1, mean over the time; None where nothing could be judged."""
    arousal: float | None
    """-1..1, likewise."""


@dataclass(slots=True)
class _Person:
    since: float
    counted: bool = False
    """Whether this goes on what was counted already: it is of another window only if it lasts as long again."""
    gone_at: float = 0.0
    """When it was first missed."""
    times: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(LABELS)))
    judged: float = 0.0
    plane: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))

    def add(self, belief: Belief, seconds: float) -> None:
        self.times[INDEX.get(belief.label, len(CANONICAL))] += seconds
        if belief.scores is not None:
            self.judged += seconds
            self.plane += (belief.valence * seconds, belief.arousal * seconds)

    def visit(self) -> Visit | None:
        """What there is to count; None where it was too short."""
        seen = float(self.times.sum())
        if seen < SHORTEST:
            return None
        valence, arousal = (None, None) if self.judged <= 0 else (float(mean) for mean in self.plane / self.judged)
        return Visit(self.times / seen, valence, arousal)


class Visitors:
    """Turns followed faces into visits.

    A face that appears within `gap` seconds of another's leaving is taken for the same person: it may have
    turned away. So there may be more people than are counted, but one who looks away now and then is not many.
    """

    def __init__(self, gap: float) -> None:
        self._gap = gap
        self._present: dict[str, _Person] = {}
        self._missed: list[_Person] = []
        self._at: float | None = None

    def look(self, at: float, beliefs: Sequence[Belief]) -> list[Visit]:
        """Take what is believed of everybody seen at `at` (monotonic seconds); the visits that are over."""
        seconds = 0.0 if self._at is None else min(max(at - self._at, 0.0), STEP)
        self._at = at
        for subject in self._present.keys() - {belief.subject for belief in beliefs}:
            person = self._present.pop(subject)
            person.gone_at = at
            self._missed.append(person)
        over = [person for person in self._missed if at - person.gone_at >= self._gap and not person.counted]
        self._missed = [person for person in self._missed if at - person.gone_at < self._gap]
        for belief in beliefs:
            known = self._present.get(belief.subject)
            if known is not None:
                known.add(belief, seconds)
            else:
                # The one longest missed, which leaves the others to those who come later: the fewest people.
                self._present[belief.subject] = self._missed.pop(0) if self._missed else _Person(at)
        for subject, person in self._present.items():
            if at - person.since >= LONGEST:
                over.append(person)
                self._present[subject] = _Person(at, counted=True)
        return [visit for visit in (person.visit() for person in over) if visit is not None]
