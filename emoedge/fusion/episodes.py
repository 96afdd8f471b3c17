"""From a belief that wavers to an episode with a start and an end: hysteresis and dwell time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emoedge.emotions import INDEX
from emoedge.messages import Belief, Event, EventType

if TYPE_CHECKING:
    from collections.abc import Callable

    from emoedge.config.fusion import FusionConfig


@dataclass(slots=True)
class _Span:
    """Confidence in one label over a stretch of time."""

    label: str
    onset: float
    """Seconds, when the belief first rose above `enter`."""
    confidence: float
    """The present one, which holds until the next is known."""
    until: float = field(init=False)
    peak: float = field(init=False)
    weighted: float = 0.0
    """Confidence integrated over time."""

    def __post_init__(self) -> None:
        self.until, self.peak = self.onset, self.confidence

    def extend(self, at: float, confidence: float) -> None:
        """To `at`, where the confidence in the label becomes another."""
        self.weighted += self.confidence * max(0.0, at - self.until)
        self.until, self.confidence = at, confidence
        self.peak = max(self.peak, confidence)

    @property
    def mean(self) -> float:
        """Mean confidence over its time."""
        return self.weighted / (self.until - self.onset) if self.until > self.onset else self.peak


@dataclass(slots=True)
class _Candidate:
    """A label that is above `enter`, but has not been for `dwell` seconds."""

    span: _Span
    before: float
    """Mean confidence of the running episode until then."""


@dataclass(slots=True)
class _Episode:
    """An emotion that has started and not yet ended."""

    id: str
    span: _Span
    told_at: float
    """Seconds, of the last start or update."""
    below: tuple[float, float] | None = None
    """Since when it has been below `leave`, and its mean confidence until then."""


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
        self._candidate: _Candidate | None = None

    @property
    def label(self) -> str | None:
        """Label of the running episode."""
        return None if self._episode is None else self._episode.span.label

    def step(self, belief: Belief) -> list[Event]:
        """Take the belief at its time; times must not go back."""
        events: list[Event] = []
        at = belief.at
        episode = self._episode
        if episode is not None:
            confidence = _confidence(belief, episode.span.label)
            episode.span.extend(at, confidence)
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
        span = self._episode.span
        span.extend(belief.at, _confidence(belief, span.label))
        return [self._end(belief, belief.at, span.mean, cause)]

    def _leave(self, episode: _Episode, belief: Belief, confidence: float) -> list[Event]:
        if confidence >= self._config.leave:
            episode.below = None
            return []
        if episode.below is None:
            episode.below = belief.at, episode.span.mean
        since, mean = episode.below
        if belief.at - since < self._config.dwell:
            return []
        return [self._end(belief, since, mean, "faded")]

    def _enter(self, belief: Belief) -> list[Event]:
        rising = belief.label != "unknown" and belief.confidence >= self._config.enter and belief.label != self.label
        if not rising:
            self._candidate = None
            return []
        candidate = self._candidate
        if candidate is None or candidate.span.label != belief.label:
            before = 0.0 if self._episode is None else self._episode.span.mean
            candidate = _Candidate(_Span(belief.label, belief.at, belief.confidence), before)
        span = candidate.span
        span.extend(belief.at, belief.confidence)
        if belief.at - span.onset < self._config.dwell:
            self._candidate = candidate
            return []
        self._candidate = None
        events = [] if self._episode is None else [self._end(belief, span.onset, candidate.before, "changed")]
        self._episode = _Episode(id=self._next_id(), span=span, told_at=belief.at)
        events.append(self._event(EventType.EMOTION_START, belief.at, belief, self._episode))
        return events

    def _end(self, belief: Belief, offset: float, mean: float, cause: str) -> Event:
        assert self._episode is not None
        episode, self._episode = self._episode, None
        details = {
            "label": episode.span.label, "confidence": _confidence(belief, episode.span.label),
            "duration": max(0.0, offset - episode.span.onset), "peak": episode.span.peak, "mean": mean, "cause": cause,
        }  # fmt: skip
        return Event(EventType.EMOTION_END, belief.at, self._subject, episode.id, belief, details)

    def _event(self, kind: EventType, at: float, belief: Belief, episode: _Episode) -> Event:
        span = episode.span
        details: dict[str, object] = {
            "label": span.label, "confidence": _confidence(belief, span.label),
            "duration": at - span.onset, "peak": span.peak,
        }  # fmt: skip
        return Event(kind, at, self._subject, episode.id, belief, details)


def _confidence(belief: Belief, label: str) -> float:
    return 0.0 if belief.scores is None else float(belief.scores.values[INDEX[label]])
