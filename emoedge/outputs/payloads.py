"""Turns events and states into the JSON objects of the wire; pure functions, dicts in fixed order."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.outputs.stamp import iso_ms

if TYPE_CHECKING:
    from emoedge.aggregates.aggregator import Aggregate
    from emoedge.messages import Belief, Contribution, Event, State

EMOTION_LIMIT = 1024
"""Bytes; the payload of `emotion` is never longer."""

MAX_SUBJECTS = 4
"""Further people named in `emotion`."""

MAX_TEXT = 64
"""Characters of a subject's name."""

DIGITS = 3


def encode(payload: Mapping[str, object]) -> bytes:
    """Compact UTF-8 JSON; ValueError where a number is not finite."""
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", errors="replace")


def plain(value: object) -> Any:
    """The value in JSON's own types: enums by value, numbers rounded, what is not finite is null."""
    if isinstance(value, Enum):
        value = value.value
    elif isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return round(value, DIGITS) + 0.0 if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return str(value)


def emotion(envelope: Mapping[str, object], state: State) -> dict[str, object]:
    """Payload of the topic `emotion`: at most EMOTION_LIMIT bytes when encoded."""
    payload: dict[str, object] = {**envelope, "mode": plain(state.mode), "people": state.people}
    payload |= _opinion(state.subject) | {
        "subject": _name(state.subject),
        "speaking": state.speaking,
        "subjects": [
            {"subject": _name(other), "label": other.label, "confidence": plain(other.confidence)}
            for other in state.others[:MAX_SUBJECTS]
        ],
    }
    if state.subject is None:
        payload["reason"] = plain(state.reason)
    subjects = payload["subjects"]
    assert isinstance(subjects, list)
    while subjects and len(encode(payload)) > EMOTION_LIMIT:
        subjects.pop()
    return payload


def event(envelope: Mapping[str, object], item: Event) -> dict[str, object]:
    """Payload of the topic `event`.

    The event's own details stand beside the belief and win over it (`emotion_end` names the episode's
    label, which is not the present one, and the confidence in that); the envelope wins over both. `event_id` is
    made of the run and the sequence number, so that a duplicate and a gap can be told.
    """
    boot_id = envelope["boot_id"]
    payload: dict[str, object] = {
        **envelope,
        "event_id": f"{boot_id}-{envelope['seq']}",
        "event_type": plain(item.type),
        "subject": None if item.subject is None else item.subject[:MAX_TEXT],
        "episode_id": None if item.episode_id is None else f"{boot_id}-{item.episode_id}",
    }
    if item.belief is not None:
        payload |= _opinion(item.belief) | {
            "modalities": [_contribution(part) for part in item.belief.contributions],
            "agreement": plain(item.belief.agreement),
        }
    fixed = {*envelope, "event_id", "event_type", "subject", "episode_id"}
    payload |= {key: plain(value) for key, value in item.details.items() if key not in fixed}
    return payload


def aggregate(envelope: Mapping[str, object], item: Aggregate) -> dict[str, object]:
    """Payload of `aggregate/<length>`: one window that is over, without figures where they are suppressed."""
    payload: dict[str, object] = {
        **envelope,
        "start": _iso(item.start),
        "end": _iso(item.start + item.minutes * 60),
        "covered": round(item.covered, 2),
        "k": item.k,
        "suppressed": item.figures is None,
    }
    if item.figures is not None:
        shares = {label: round(share, 2) for label, share in item.figures.shares.items()}
        plane = {
            name: None if value is None else round(value, 2) + 0.0
            for name, value in (("valence", item.figures.valence), ("arousal", item.figures.arousal))
        }
        payload |= {"people": item.figures.people, "shares": shares, **plane}
    return payload


def health(envelope: Mapping[str, object], report: Mapping[str, object]) -> dict[str, object]:
    """Payload of the topic `health`; `report` is HealthReport.as_dict() and what outputs add to it."""
    return {**envelope, **_members(report, envelope)}


def info(envelope: Mapping[str, object], about: Mapping[str, object]) -> dict[str, object]:
    """Payload of the topic `info`; `about` is what `outputs.about` tells."""
    return {**envelope, **_members(about, envelope)}


def log(envelope: Mapping[str, object], *, level: str, logger: str, message: str, repeated: int) -> dict[str, object]:
    """Payload of the topic `log`; `repeated` counts the same line held back since it was last sent."""
    return {**envelope, "level": level, "logger": logger, "message": message[:512], "repeated": repeated}


def raw(envelope: Mapping[str, object], *, subject: str | None, scores: Mapping[str, float],
        quality: float, took: float) -> dict[str, object]:  # fmt: skip
    """Payload of `raw/face` and `raw/speech`: one inference; `took` in milliseconds."""
    return {**envelope, "subject": subject, "scores": plain(scores), "quality": plain(quality), "ms": plain(took)}


def control(envelope: Mapping[str, object], value: object) -> dict[str, object]:
    """Payload of `control/<key>`: the value in force."""
    return {**envelope, "value": plain(value)}


def response(
    envelope: Mapping[str, object], *, transaction: str | int | None, data: object = None, error: str | None = None
) -> dict[str, object]:
    """Payload of `response/<command>`; `status` is `ok` unless there is an `error`."""
    return {
        **envelope,
        "status": "ok" if error is None else "error",
        "data": plain(data),
        "error": error,
        "transaction": transaction,
    }


def _iso(wall: float) -> str:
    return iso_ms(datetime.fromtimestamp(wall, UTC))


def _members(given: Mapping[str, object], envelope: Mapping[str, object]) -> dict[str, object]:
    """What is given, in JSON's own types, without what the envelope says."""
    return {str(key): plain(value) for key, value in given.items() if key not in envelope}


def _name(belief: Belief | None) -> str | None:
    return None if belief is None else belief.subject[:MAX_TEXT]


def _opinion(belief: Belief | None) -> dict[str, object]:
    """Label, scores and their place in the plane; null where nothing was observed, which is not neutral."""
    if belief is None:
        return {
            "label": "unknown", "reason": None, "confidence": 0.0, "scores": {}, "valence": None, "arousal": None,
        }  # fmt: skip
    known = belief.scores is not None
    return {
        "label": belief.label,
        "reason": plain(belief.reason),
        "confidence": plain(belief.confidence),
        "scores": {} if belief.scores is None else plain(belief.scores.as_dict(DIGITS)),
        "valence": plain(belief.valence) if known else None,
        "arousal": plain(belief.arousal) if known else None,
    }


def _contribution(part: Contribution) -> dict[str, object]:
    return {
        "modality": plain(part.modality),
        "weight": plain(part.weight),
        "age": plain(part.age),
        "quality": plain(part.quality),
        "label": part.label,
        **({} if part.attribution is None else {"attribution": part.attribution}),
    }
