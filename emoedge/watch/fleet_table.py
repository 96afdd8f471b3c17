"""What a fleet has said so far: messages in, rows out; no clock, no connection."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from emoedge.outputs.lines import clock_time, line_of, printable
from emoedge.outputs.topics import DEVICE_ID
from emoedge.watch.row import Condition, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

SILENT_AFTER = 15.0
"""Seconds; the state is told at least every ten, and a message may be half a heartbeat late."""

DISCREET_SILENT_AFTER = 75.0
"""Seconds; a device that tells aggregates alone has no state, only `health` every 30 s."""

CAPACITY = 20_000
"""Devices; a broker that invents more must not fill our memory."""

LARGEST = 65_536
"""Bytes of a payload that is looked at."""

LONGEST = 80
"""Characters of a text that is shown."""

CAMERA = "sensor/camera/status"

WORDS = ("status", CAMERA, "sensor/mic/status")
"""Topics whose payload is one word."""


RANK = {condition: rank for rank, condition in enumerate(Condition)}


@dataclass(slots=True)
class _Device:
    first_heard: float
    words: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    """Members of Row that do not change with time; read once, since a picture of them is drawn every moment."""
    emotion_at: float | None = None
    health_at: float | None = None
    camera_age: float | None = None
    degraded: bool = False
    silence_told: bool = False


class FleetTable:
    """State of all devices below `base`; `now` is monotonic seconds, never decreasing."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._devices: dict[str, _Device] = {}

    def take(self, topic: str, payload: bytes, *, retained: bool, now: float, wall: datetime) -> tuple[str, str] | None:
        """Take a message; the device and a line worth reading, where it brought news.

        `wall`: the present time with a zone, against which the times of retained payloads are held. Never
        raises, whatever a payload holds.
        """
        device, _, name = topic.removeprefix(f"{self._base}/").partition("/")
        if not (topic.startswith(f"{self._base}/") and DEVICE_ID.fullmatch(device)) or len(payload) > LARGEST:
            return None
        if name == "status" and not payload:  # what was retained is taken back: the device is no more
            self._devices.pop(device, None)
            return None
        known = self._devices.get(device)
        if known is None:
            if name not in {*WORDS, "emotion", "event", "health"} or len(self._devices) >= CAPACITY or not payload:
                return None
            known = self._devices[device] = _Device(now)
        if not payload:
            if name == "emotion":
                _take_back(known)
            return None
        line = self._note(known, name, payload, retained=retained, now=now, wall=wall)
        return None if line is None else (device, line)

    def _note(self, known: _Device, name: str, payload: bytes, *, retained: bool, now: float,
              wall: datetime) -> str | None:  # fmt: skip
        if name in WORDS:
            word = payload.decode("utf-8", "replace")[:LONGEST]
            if known.words.get(name) == word:
                return None
            known.words[name] = word
            text = line_of(name, word.encode())
            return None if text is None else f"{clock_time(wall.isoformat(), wall.tzinfo)}{text[12:]}"
        if name == "event":
            return _event_line(payload, wall)
        if name not in {"emotion", "health"}:
            return None
        told = _object(payload)
        at = _told_at(told, retained=retained, now=now, wall=wall)
        if name == "health":
            known.facts |= _health_facts(told)
            known.health_at, known.camera_age, known.degraded = at, _camera_age(told), told.get("status") == "degraded"
            if known.emotion_at is not None or retained:
                return None
        else:
            known.facts |= _emotion_facts(told)
            known.emotion_at = at
        was_silent, known.silence_told = known.silence_told, False
        return f"{clock_time(wall.isoformat(), wall.tzinfo)}  is heard again" if was_silent else None

    def silences(self, now: float, wall: datetime) -> list[tuple[str, str]]:
        """Devices that fell silent since this was last asked, each with a line worth reading."""
        told = []
        for name, device in self._devices.items():
            if not device.silence_told and _condition(device, now) is Condition.SILENT:
                device.silence_told = True
                limit = DISCREET_SILENT_AFTER if _discreet(device) else SILENT_AFTER
                text = f"said nothing for {limit:.0f} s although it is online"
                told.append((name, f"{clock_time(wall.isoformat(), wall.tzinfo)}  {text}"))
        return told

    def rows(self, now: float) -> list[Row]:
        """All devices, those that detect nothing first, then by name."""
        rows = [
            Row(
                device=name, condition=_condition(device, now), age=_age(device.emotion_at, now),
                frame_age=_frame_age(device, now), **device.facts,
            )
            for name, device in self._devices.items()
        ]  # fmt: skip
        return sorted(rows, key=lambda row: (RANK[row.condition], row.device))

    def __len__(self) -> int:
        """Devices heard of."""
        return len(self._devices)


def _take_back(known: _Device) -> None:
    """A device that tells aggregates alone takes back what an earlier run told of single people."""
    known.emotion_at = None
    known.facts = {key: value for key, value in known.facts.items() if key not in _emotion_facts({})}


def _emotion_facts(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "mode": _text(told.get("mode")), "people": _count(told.get("people")), "label": _text(told.get("label")),
        "reason": _text(told.get("reason")), "confidence": _number(told.get("confidence")),
    }  # fmt: skip


def _health_facts(told: Mapping[str, Any]) -> dict[str, Any]:
    drops, problems = told.get("drops"), told.get("problems")
    return {
        "drops": sum(filter(None, map(_count, drops.values()))) if isinstance(drops, dict) else None,
        "temperature": _number(told.get("temperature_c")),
        "problem": _text(problems[0]) if isinstance(problems, list) and problems else None,
    }


def _camera_age(told: Mapping[str, Any]) -> float | None:
    ages = told.get("ages_s")
    return _number(ages.get("camera")) if isinstance(ages, dict) else None


def _condition(device: _Device, now: float) -> Condition:
    if device.words.get("status") == "offline":
        return Condition.OFFLINE
    if _silence(device, now) > 0:
        return Condition.SILENT
    mode = device.facts.get("mode")
    if mode in {"blind", "paused"}:
        return Condition.BLIND if mode == "blind" else Condition.PAUSED
    return Condition.DEGRADED if device.degraded else Condition.ONLINE


def _discreet(device: _Device) -> bool:
    """Whether it seems to tell nothing of single people: it has a health and no state."""
    return device.emotion_at is None and device.health_at is not None


def _silence(device: _Device, now: float) -> float:
    """Seconds since a device should have spoken; below 0 where it need not yet."""
    if _discreet(device):
        assert device.health_at is not None
        return now - max(device.health_at + DISCREET_SILENT_AFTER, device.first_heard + SILENT_AFTER)
    last = device.first_heard if device.emotion_at is None else device.emotion_at
    return now - last - SILENT_AFTER


def _frame_age(device: _Device, now: float) -> float | None:
    """As `health` said; it goes on growing while the camera is not online."""
    told, passed = device.camera_age, _age(device.health_at, now)
    if told is None or passed is None:
        return None
    alive = device.words.get(CAMERA) == "online" and device.words.get("status") != "offline"
    return told if alive else told + passed


def _told_at(told: Mapping[str, Any], *, retained: bool, now: float, wall: datetime) -> float | None:
    """When a payload was made, on our monotonic clock; None where a retained one does not tell."""
    if not retained:
        return now
    if told.get("clock") != "synced":
        return None
    try:
        age = (wall - datetime.fromisoformat(str(told.get("ts")))).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return now - max(0.0, age)


def _event_line(payload: bytes, wall: datetime) -> str:
    try:
        line = line_of("event", payload, wall.tzinfo)
    except (RecursionError, OverflowError):  # nested a thousand times; a number beyond any float
        line = None
    return line or f"{'':12}  unreadable event of {len(payload)} bytes"


def _object(payload: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else max(0.0, now - at)


def _text(value: object) -> str | None:
    return printable(value)[:LONGEST] if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63 else None
