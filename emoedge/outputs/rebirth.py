"""Tells everything anew when Home Assistant has started: after a random delay, not all devices at once."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SHORTEST_DELAY = 0.5
LONGEST_DELAY = 10.0
"""Seconds; within them a fleet spreads its births."""


class Rebirth:
    """A chore of the dispatch that is due once after each `online` of Home Assistant."""

    def __init__(
        self, topic: str, tell: Callable[[], None], *, delay: tuple[float, float] = (SHORTEST_DELAY, LONGEST_DELAY)
    ) -> None:
        self.topic = topic
        self._tell = tell
        self._delay = delay
        self._at = float("inf")

    def handle(self, topic: str, body: bytes, *, retained: bool) -> bool:
        """Note an `online`; a retained one is no news, as every connect tells everything anyway."""
        if topic != self.topic:
            return False
        if body == b"online" and not retained and self._at == float("inf"):
            self._at = time.monotonic() + random.uniform(*self._delay)  # noqa: S311 - spreads load, keeps no secret
        return True

    def due(self, now: float) -> float:
        """Seconds until `tick` has something to do."""
        return max(0.0, self._at - now)

    def tick(self, now: float) -> None:
        """Tell everything, once."""
        if now >= self._at:
            self._at = float("inf")
            self._tell()
