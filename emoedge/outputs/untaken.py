"""Tells which topics the broker does not take from us: a device that Home Assistant never shows is one of the signs."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emoedge.outputs.message import Message

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds from the first refusal to the line that names them all: a birth is two dozen messages."""

CURE = "see its access control list, and the size of messages that it allows"
"""What to look at where a broker refuses a message."""

NAMED = 4
"""Topics in one line; more are counted."""


class Untaken:
    """A chore of the dispatch. Each topic is named once, and again only after the broker has taken it."""

    def __init__(self) -> None:
        self._refused: dict[str, None] = {}
        self._told: set[str] = set()
        self._at = float("inf")

    def note(self, message: Message, *, accepted: bool) -> None:
        """Note how the broker answered a message that is no event."""
        if accepted:
            self._told.discard(message.topic)
            self._refused.pop(message.topic, None)
        elif message.body and message.topic not in self._told:  # an empty one takes back what was never taken
            self._refused[message.topic] = None
            self._at = min(self._at, time.monotonic() + PAUSE)

    def due(self, now: float) -> float:
        """Seconds until `tick` has something to do."""
        return max(0.0, self._at - now)

    def tick(self, now: float) -> None:
        """Say what was refused."""
        if now < self._at:
            return
        self._at = float("inf")
        topics = list(self._refused)
        self._refused.clear()
        self._told.update(topics)
        if topics:
            more = f" and {len(topics) - NAMED} more" if len(topics) > NAMED else ""
            named = ", ".join(topics[:NAMED])
            log.warning("mqtt: the broker does not take %s%s; %s", named, more, CURE)
