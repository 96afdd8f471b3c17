"""Whether every loop of the daemon makes progress, or has said why it does not; pure, time is an argument."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHARE = 0.25
"""Part of the watchdog's time after which it is fed again: sd_watchdog_enabled(3) advises half or less."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """One loop at one time."""

    name: str
    working: bool
    """False where the loop has declared that it has nothing to work on: reconnecting, paused, switched off."""
    age: float | None
    """Seconds since it last turned; None: never. Infinite where its thread has ended."""
    limit: float
    """Seconds: a longer standstill of a working loop is a defect."""


class Watchdog:
    """Decides when systemd's watchdog is fed. `timeout`: seconds that systemd waits, None where it does not."""

    def __init__(self, timeout: float | None) -> None:
        self._interval = None if timeout is None else timeout * SHARE
        self._fed = -math.inf
        self._working_since: dict[str, float] = {}

    @property
    def timed(self) -> bool:
        """Whether anybody waits to be fed."""
        return self._interval is not None

    def stuck(self, pulses: Iterable[Pulse], now: float) -> tuple[str, ...]:
        """Loops that stand still, one line each. A loop that has just begun to work is given its limit."""
        found = []
        for pulse in pulses:
            ended = pulse.age is not None and math.isinf(pulse.age)
            if not pulse.working and not ended:
                self._working_since.pop(pulse.name, None)
                continue
            since = self._working_since.setdefault(pulse.name, now)
            age = now - since if pulse.age is None else min(pulse.age, now - since)
            if ended:
                found.append(f"{pulse.name}: its thread has ended")
            elif age > pulse.limit:
                found.append(f"{pulse.name}: no progress for more than {pulse.limit:g} s")
        return tuple(found)

    def due(self, now: float) -> bool:
        """Whether to feed now; to be asked only while nothing is stuck."""
        if self._interval is None or now - self._fed < self._interval:
            return False
        self._fed = now
        return True
