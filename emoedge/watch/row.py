"""One device as the fleet table shows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Condition(StrEnum):
    """How a device fares, in one word; worst first, which is the order of the table."""

    OFFLINE = "OFFLINE"
    """It said so, or the broker did for it."""
    SILENT = "SILENT"
    """It is said to be online, but its state has not come for longer than it may take."""
    BLIND = "BLIND"
    """It runs, and neither sees nor hears."""
    DEGRADED = "degraded"
    """Its `health` names a problem."""
    PAUSED = "paused"
    ONLINE = "online"


ALARMING = (Condition.OFFLINE, Condition.SILENT, Condition.BLIND)
"""Conditions in which a device detects nothing although it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is known of one device at one time; None where it never said."""

    device: str
    condition: Condition
    mode: str | None = None
    people: int | None = None
    label: str | None = None
    """Emotion, or `unknown`."""
    reason: str | None = None
    """Why it is unknown."""
    confidence: float | None = None
    """0..1."""
    age: float | None = None
    """Seconds since its state was last told."""
    frame_age: float | None = None
    """Seconds since the camera last gave a picture, as far as it is known."""
    drops: int | None = None
    """All that it gave up since it was started."""
    temperature: float | None = None
    """Degrees Celsius."""
    problem: str | None = None
    """The first one it names."""
