"""When the present state is told: on change, at most twice a second, and as a heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emoedge.messages import Belief, State

SHORTEST = 0.52
"""Seconds between two payloads of `emotion`: a little over half, or a jitter puts three into one second."""

HEARTBEAT = 9.5
"""Seconds after which an unchanged state is told again; the contract says ten."""

STALE = 15.0
"""Seconds without a new state after which the heartbeat stops: a hung pipeline must not look alive."""

CONFIDENCE_STEP = 0.05
"""A smaller move of the confidence is no change."""


class StatePacer:
    """Keeps the newest state and knows when it is due; `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._state: State | None = None
        self._told: State | None = None
        self._offered_at = 0.0
        self._told_at = float("-inf")

    def offer(self, state: State, now: float) -> None:
        """Take the present state; an older one that was not told yet is forgotten."""
        self._state = state
        self._offered_at = now

    def repeat(self) -> None:
        """Tell the present state again as soon as the pace allows: a new connection knows nothing."""
        self._told = None

    @property
    def pending(self) -> bool:
        """Whether the newest state says something that was not told yet."""
        return self._state is not None and (self._told is None or _changed(self._told, self._state))

    def take(self, now: float) -> State | None:
        """The state to tell now, or None."""
        if self._state is None or self.due(now) > 0:
            return None
        self._told, self._told_at = self._state, now
        return self._state

    def due(self, now: float) -> float:
        """Seconds until `take` gives a state, as things stand; infinite when there is none."""
        if self.pending:
            return max(0.0, self._told_at + SHORTEST - now)
        if self._state is None:
            return float("inf")
        beat = self._told_at + HEARTBEAT
        return max(0.0, beat - now) if max(beat, now) - self._offered_at <= STALE else float("inf")


def _changed(old: State, new: State) -> bool:
    if (old.mode, old.people, old.reason, old.speaking) != (new.mode, new.people, new.reason, new.speaking):
        return True
    if len(old.others) != len(new.others) or _differs(old.subject, new.subject):
        return True
    return any(_differs(a, b) for a, b in zip(old.others, new.others, strict=True))


def _differs(old: Belief | None, new: Belief | None) -> bool:
    if old is None or new is None:
        return old is not new
    if (old.subject, old.label, old.reason) != (new.subject, new.label, new.reason):
        return True
    return abs(old.confidence - new.confidence) >= CONFIDENCE_STEP
