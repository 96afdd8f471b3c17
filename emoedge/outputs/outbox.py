"""Events on their way to the broker: kept in order until each is acknowledged."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from emoedge.outputs.payloads import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_EVENTS = 10_000
MAX_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event that the broker has not acknowledged."""

    id: int
    """Grows with every event."""
    body: bytes
    """The payload, encoded."""
    stored_at: float | None
    """Monotonic seconds; None where an earlier run stored it."""


class Outbox:
    """Keeps events in memory, capped by count and bytes; the oldest go first and are counted."""

    def __init__(self, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._rows: deque[StoredEvent] = deque()
        self._bytes = 0
        self._next_id = 1
        self._dropped = 0
        self._lock = threading.Lock()
        self._listener: Callable[[], None] | None = None

    def __len__(self) -> int:
        """Events not yet acknowledged."""
        return len(self._rows)

    @property
    def dropped(self) -> int:
        """Events given up because a cap was reached."""
        return self._dropped

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever an event is ready to be sent."""
        self._listener = listener

    def put(self, payload: Mapping[str, object]) -> None:
        """Take an event; never waits."""
        body = encode(payload)
        with self._lock:
            self._rows.append(StoredEvent(self._next_id, body, time.monotonic()))
            self._next_id += 1
            self._bytes += len(body)
            while len(self._rows) > self._max_events or self._bytes > self._max_bytes:
                self._bytes -= len(self._rows.popleft().body)
                self._dropped += 1
        if self._listener is not None:
            self._listener()

    def after(self, last_id: int, limit: int) -> Sequence[StoredEvent]:
        """The oldest `limit` events with a greater id, in order."""
        with self._lock:
            return list(islice((row for row in self._rows if row.id > last_id), limit))

    def delete(self, row_id: int) -> None:
        """Forget an event that the broker has taken over."""
        with self._lock:
            for row in self._rows:
                if row.id == row_id:
                    self._rows.remove(row)
                    self._bytes -= len(row.body)
                    return
                if row.id > row_id:
                    return
