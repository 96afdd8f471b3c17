"""Payloads as they are shown to people: one readable line each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import tzinfo

BAR = 10
"""Characters of a full bar."""

STATUS_TEXTS = {
    "status": "device",
    "sensor/camera/status": "camera",
    "sensor/mic/status": "microphone",
}
"""Topics below the device whose payload is plain text, and what that text is about."""


def line_of(name: str, payload: bytes, zone: tzinfo | None = None) -> str | None:
    """What a message says, in a line; None where it is of no interest to a reader.

    `name`: topic below the device (`event`, `sensor/camera/status`). `zone`: time zone of the times shown,
    None is the local one. Never raises: what cannot be read is said to be so.
    """
    if name in STATUS_TEXTS:
        return f"{'':12}  {STATUS_TEXTS[name]}: {printable(payload.decode('utf-8', 'replace'))}"
    if name != "event":
        return None
    try:
        event = json.loads(payload)
    except ValueError:
        event = None
    if not isinstance(event, Mapping):
        return f"{'':12}  unreadable event of {len(payload)} bytes"
    return event_line(event, zone)


def event_line(event: Mapping[str, Any], zone: tzinfo | None = None) -> str:
    """Time, type verbatim, subject, and what this type of event tells."""
    kind = printable(event.get("event_type", "?"))
    subject = printable(event.get("subject") or "-")
    told = "  ".join(part for part in _told(kind, event) if part)
    return f"{clock_time(event.get('ts'), zone):12}  {kind:15}  {subject:8}  {told}".rstrip()


def clock_time(ts: object, zone: tzinfo | None = None) -> str:
    """`12:00:00.123` of an ISO 8601 time; empty where it is none."""
    try:
        moment = datetime.fromisoformat(str(ts)).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return ""
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def bar(share: object) -> str:
    """`[#######...] 0.70` of a number between 0 and 1; empty where it is none."""
    if not isinstance(share, (int, float)) or isinstance(share, bool) or not 0 <= share <= 1:
        return ""
    filled = round(share * BAR)
    return f"[{'#' * filled}{'.' * (BAR - filled)}] {share:.2f}"


def printable(value: object) -> str:
    """Text of a value without control characters, which could steer the reader's terminal."""
    return "".join(c if c.isprintable() else "?" for c in str(value))


def _told(kind: str, event: Mapping[str, Any]) -> list[str]:
    if kind in {"emotion_start", "emotion_update"}:
        return [
            f"{printable(event.get('label', '?')):8}", bar(event.get("confidence")), _plane(event),
            _modalities(event), _late(event),
        ]  # fmt: skip
    if kind == "emotion_end":
        return [
            f"{printable(event.get('label', '?')):8}", bar(event.get("peak")), _seconds(event, "lasted"),
            _cause(event), _late(event),
        ]  # fmt: skip
    if kind in {"person_appeared", "person_left"}:
        return [_people(event), _seconds(event, "stayed"), _cause(event), _late(event)]
    if kind in {"voice_start", "voice_end"}:
        return [_attribution(event), _seconds(event, "spoke"), _cause(event), _late(event)]
    if kind == "mode_changed":
        return [f"{printable(event.get('previous') or 'nothing')} -> {printable(event.get('mode', '?'))}"]
    return [
        printable(event[key]) for key in ("sensor", "status", "problem") if event.get(key) is not None
    ] + [_late(event)]  # fmt: skip


def _plane(event: Mapping[str, Any]) -> str:
    parts = [
        f"{name} {event[name]:+.2f}" for name in ("valence", "arousal") if isinstance(event.get(name), (int, float))
    ]
    return " ".join(parts)


def _modalities(event: Mapping[str, Any]) -> str:
    parts = event.get("modalities")
    if not isinstance(parts, list):
        return ""
    names = [printable(part.get("modality", "?")) for part in parts if isinstance(part, Mapping)]
    return f"from {' + '.join(names)}" if names else ""


def _seconds(event: Mapping[str, Any], verb: str) -> str:
    duration = event.get("duration")
    return f"{verb} {duration:.1f} s" if isinstance(duration, (int, float)) else ""


def _people(event: Mapping[str, Any]) -> str:
    people = event.get("people")
    if not isinstance(people, int):
        return ""
    return f"{people} {'person' if people == 1 else 'people'} here"


def _cause(event: Mapping[str, Any]) -> str:
    return f"({printable(event['cause'])})" if event.get("cause") else ""


def _attribution(event: Mapping[str, Any]) -> str:
    return {
        "only_face": "the only person in view", "largest_face": "the nearest of several", "no_face": "nobody in view",
    }.get(str(event.get("attribution")), "")  # fmt: skip


def _late(event: Mapping[str, Any]) -> str:
    return "(late)" if event.get("late") else ""
