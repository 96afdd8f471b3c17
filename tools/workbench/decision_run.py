"""Plays a stream through the whole pipeline on the virtual clock and counts the episodes that it tells."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emoedge.messages import EventType, Frame, SensorStatus
from emoedge.sources.replay import merge

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Sequence

    from emoedge.messages import AudioBlock, Event
    from emoedge.pipeline import Pipeline
    from workbench.decision_streams import Shown

LATE = 1.5
"""Seconds after an expression's end in which what began within it may still be told."""

CALM = "neutral"


@dataclass(slots=True)
class Episode:
    """An episode that was told."""

    label: str
    subject: str
    start: float
    end: float


@dataclass(slots=True)
class Played:
    """What a stream brought."""

    seconds: float
    took: float
    episodes: list[Episode] = field(default_factory=list)
    people: int = 0
    voices: int = 0
    classified: dict[str, int] = field(default_factory=dict)

    @property
    def feeling(self) -> list[Episode]:
        """Episodes that are not neutral."""
        return [each for each in self.episodes if each.label != CALM]


def play(
    pipeline: Pipeline, frames: Iterable[Frame], blocks: Iterable[AudioBlock], hours: float, stop: threading.Event
) -> Played:
    """Play `hours`, or less where `stop` is set; the streams may be endless."""
    end, now, began = hours * 3600.0, 0.0, time.monotonic()
    played = Played(0.0, 0.0)
    running: dict[str, Episode] = {}
    for name in ("camera", "mic"):
        pipeline.sensor(name, SensorStatus.ONLINE, 0.0)
    for item in merge(frames, blocks):
        if item.at >= end or stop.is_set():
            break
        now = item.at
        events = pipeline.frame(item) if isinstance(item, Frame) else pipeline.audio(item)
        _note(events, played, running)
    _note(pipeline.finish(now), played, running)
    played.seconds, played.took = now, time.monotonic() - began
    for sense, part in (("face", pipeline.vision), ("speech", pipeline.hearing)):
        if part is not None:
            played.classified[sense] = part.counters["classified"]
    return played


def _note(events: Sequence[Event], played: Played, running: dict[str, Episode]) -> None:
    for event in events:
        key = event.episode_id or ""
        if event.type is EventType.EMOTION_START:
            onset = event.at - float(str(event.details["duration"]))
            running[key] = Episode(str(event.details["label"]), event.subject or "", onset, event.at)
            played.episodes.append(running[key])
        elif event.type is EventType.EMOTION_END and key in running:
            running.pop(key).end = event.at
        elif event.type is EventType.PERSON_APPEARED:
            played.people += 1
        elif event.type is EventType.VOICE_START:
            played.voices += 1


def false_alarms(played: Played, people: int) -> dict[str, Any]:
    """Non-neutral episodes an hour where nothing was shown. `people`: how many sat there."""
    hours = played.seconds / 3600
    count = len(played.feeling)
    return {
        "hours": round(hours, 2), "episodes": count, "per_hour": round(count / hours, 3) if hours > 0 else 0.0,
        "labels": dict(Counter(each.label for each in played.feeling)),
        "people": people, "seen": played.people, "voices": played.voices, "classified": played.classified,
        "took_s": round(played.took, 1),
    }  # fmt: skip


def told(played: Played, shown: Sequence[Shown]) -> dict[str, Any]:
    """Of what was shown to the end: the share missed (no non-neutral episode at all), and named otherwise."""
    whole = [each for each in shown if each.end + LATE <= played.seconds]
    fits = {each.start: _within(played.feeling, each) for each in whole}
    named = {start: Counter(episode.label for episode in episodes) for start, episodes in fits.items()}
    rows = {}
    groups = [("all", whole), ("seen", [s for s in whole if not s.spoken]), ("heard", [s for s in whole if s.spoken])]
    labels = sorted({each.label for each in whole})
    for name, some in [*groups, *((label, [s for s in whole if s.label == label]) for label in labels)]:
        missed = sum(not named[each.start] for each in some)
        right = sum(each.label in named[each.start] for each in some)
        rows[name] = {
            "shown": len(some), "missed": _share(missed, len(some)),
            "named_otherwise": _share(len(some) - missed - right, len(some)),
        }  # fmt: skip
    claimed = {id(episode) for episodes in fits.values() for episode in episodes}
    rest = [episode for episode in played.feeling if id(episode) not in claimed]
    delays = sorted(max(0.0, min(e.start for e in fits[s.start]) - s.start) for s in whole if fits[s.start])
    hours = played.seconds / 3600
    return {
        "hours": round(hours, 2), **rows, "between_per_hour": round(len(rest) / hours, 2) if hours > 0 else 0.0,
        "delay_s": round(delays[len(delays) // 2], 2) if delays else None,
        "people": played.people, "classified": played.classified, "took_s": round(played.took, 1),
    }  # fmt: skip


def _within(episodes: Sequence[Episode], shown: Shown) -> list[Episode]:
    return [each for each in episodes if shown.start <= each.start <= shown.end + LATE]


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
