"""From a belief that wavers to an episode with a start and an end: hysteresis and dwell time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoedge.emotions import INDEX
from emoedge.messages import Belief, Event, EventType

if TYPE_CHECKING:
    from collections.abc import Callable

    from emoedge.config.fusion import FusionConfig


@dataclass(slots=True)
class _Episode:
    """An emotion that has started and not yet ended."""

    id: str
    label: str
    onset: float
    """Seconds, when the belief first rose above `enter`."""
    told_at: float
    """Seconds, of the last start or update."""
    last_at: float
    peak: float
    weighted: float = 0.0
    """Confidence integrated over time."""
    span: float = 0.0
    below_since: float | None = None

    def add(self, at: float, confidence: float) -> None:
        """Extend to `at` with the present confidence in the episode's label."""
        step = max(0.0, at - self.last_at)
        self.weighted += confidence * step
        self.span += step
        self.last_at = at
        self.peak = max(self.peak, confidence)

    @property
    def mean(self) -> float:
        """Mean confidence over the episode's time."""
        return self.weighted / self.span if self.span > 0 else self.peak


class EpisodeTracker:
    """Episodes of one subject.

    An episode starts when one label's belief has stayed at or above `enter` for `dwell` seconds, and ends
    when it has stayed below `leave` for as long, when another label's episode starts, or when the subject
    is gone. With `dwell` 0 every crossing counts at once.
    """

    def __init__(self, config: FusionConfig, subject: str, next_id: Callable[[], str]) -> None:
        self._config = config
        self._subject = subject
        self._next_id = next_id
        self._episode: _Episode | None = None
        self._candidate: tuple[str, float] | None = None

    @property
    def label(self) -> str | None:
        """Label of the running episode."""
        return None if self._episode is None else self._episode.label

    def step(self, belief: Belief) -> list[Event]:
        """Take the belief at its time; times must not go back."""
        events: list[Event] = []
        at = belief.at
        episode = self._episode
        if episode is not None:
            confidence = _confidence(belief, episode.label)
            episode.add(at, confidence)
            events += self._leave(episode, belief, confidence)
        events += self._enter(belief)
        episode = self._episode
        if episode is not None and at - episode.told_at >= self._config.update_interval:
            episode.told_at = at
            events.append(self._event(EventType.EMOTION_UPDATE, at, belief, episode))
        return events

    def finish(self, belief: Belief, cause: str) -> list[Event]:
        """End what runs, for a reason outside the belief (`person_left`, `sensor_lost`, `stopped` ...)."""
        self._candidate = None
        if self._episode is None:
            return []
        self._episode.add(belief.at, _confidence(belief, self._episode.label))
        return [self._end(belief, belief.at, cause)]

    def _leave(self, episode: _Episode, belief: Belief, confidence: float) -> list[Event]:
        if confidence >= self._config.leave:
            episode.below_since = None
            return []
        if episode.below_since is None:
            episode.below_since = belief.at
        if belief.at - episode.below_since < self._config.dwell:
            return []
        return [self._end(belief, episode.below_since, "faded")]

    def _enter(self, belief: Belief) -> list[Event]:
        running = None if self._episode is None else self._episode.label
        rising = belief.label != "unknown" and belief.confidence >= self._config.enter and belief.label != running
        if not rising:
            self._candidate = None
            return []
        if self._candidate is None or self._candidate[0] != belief.label:
            self._candidate = (belief.label, belief.at)
        label, since = self._candidate
        if belief.at - since < self._config.dwell:
            return []
        events = [] if self._episode is None else [self._end(belief, since, "changed")]
        self._candidate = None
        self._episode = _Episode(
            id=self._next_id(), label=label, onset=since, told_at=belief.at, last_at=belief.at, peak=belief.confidence
        )
        events.append(self._event(EventType.EMOTION_START, belief.at, belief, self._episode))
        return events

    def _end(self, belief: Belief, offset: float, cause: str) -> Event:
        assert self._episode is not None
        episode, self._episode = self._episode, None
        details = {
            "label": episode.label, "duration": max(0.0, offset - episode.onset), "peak": episode.peak,
            "mean": episode.mean, "cause": cause,
        }  # fmt: skip
        return Event(EventType.EMOTION_END, belief.at, self._subject, episode.id, belief, details)

    def _event(self, kind: EventType, at: float, belief: Belief, episode: _Episode) -> Event:
        details: dict[str, object] = {"label": episode.label, "duration": at - episode.onset, "peak": episode.peak}
        return Event(kind, at, self._subject, episode.id, belief, details)


def _confidence(belief: Belief, label: str) -> float:
    return 0.0 if belief.scores is None else float(belief.scores.values[INDEX[label]])
