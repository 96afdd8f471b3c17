"""Passes warnings and errors of the daemon on to the topic `log`: once each, at most one a second."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoedge.outputs import payloads
from emoedge.outputs.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from emoedge.outputs.board import Board
    from emoedge.outputs.stamp import Stamp

SHORTEST = 1.0
"""Seconds between two lines."""

REPEAT = 60.0
"""Seconds until the same line is passed on again, then with the number of times it was held back."""

MAX_LINES = 32
"""Different lines that wait or are remembered; the oldest go first."""


@dataclass(slots=True)
class _Line:
    level: str
    at: float
    """When it was said last."""
    waiting: bool = True
    held_back: int = 0
    sent_at: float = float("-inf")


class LogDigest:
    """Folds lines; pure, `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], _Line] = {}
        self._sent_at = float("-inf")

    def offer(self, level: str, logger: str, message: str, now: float) -> None:
        """Take a line that is said now."""
        line = self._lines.get((logger, message))
        if line is None:
            if len(self._lines) >= MAX_LINES:
                del self._lines[next(iter(self._lines))]
            self._lines[logger, message] = _Line(level, now)
            return
        line.at = now
        line.held_back += 1
        line.waiting = True

    def due(self, now: float) -> float:
        """Seconds until `take` gives a line; infinite when none waits."""
        waits = [line.sent_at + REPEAT for line in self._lines.values() if line.waiting]
        return max(0.0, min(waits) - now, self._sent_at + SHORTEST - now) if waits else float("inf")

    def take(self, now: float) -> tuple[str, str, str, int, float] | None:
        """Level, logger, message, how often it was held back, and when it was said last; None when nothing is due."""
        if self._sent_at + SHORTEST > now:
            return None
        for (logger, message), line in self._lines.items():
            if line.waiting and line.sent_at + REPEAT <= now:
                repeated, line.held_back = line.held_back, 0
                line.waiting, line.sent_at, self._sent_at = False, now, now
                return line.level, logger, message, repeated, line.at
        return None


class LogTopic(logging.Handler):
    """Handler for the logger `emoedge`; a chore of the dispatch."""

    def __init__(self, topic: str, stamp: Stamp, board: Board, wake: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._topic = topic
        self._stamp = stamp
        self._board = board
        self._wake = wake
        self._digest = LogDigest()
        self._guard = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line of the daemon's log."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # a defect in a log call must not reach its caller from here
            message = str(record.msg)
        if record.exc_info and record.exc_info[0] is not None:
            message = f"{message} ({record.exc_info[0].__name__})"
        with self._guard:
            self._digest.offer(record.levelname.lower(), record.name, message, time.monotonic())
        self._wake()

    def due(self, now: float) -> float:
        """Seconds until `tick` has something to do."""
        with self._guard:
            return self._digest.due(now)

    def tick(self, now: float) -> None:
        """Publish the line that is due."""
        with self._guard:
            line = self._digest.take(now)
        if line is not None:
            level, logger, message, repeated, at = line
            payload = payloads.log(
                self._stamp.envelope("log", at), level=level, logger=logger, message=message, repeated=repeated
            )
            self._board.note(Message(self._topic, payloads.encode(payload)))
