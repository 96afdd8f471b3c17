"""Events on their way to the broker: durable before they are sent, kept in order until acknowledged."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from emoedge.outputs.event_store import EVENT, Caps, CorruptStoreError, EventStore, StoredEvent
from emoedge.outputs.payloads import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from emoedge.ports import Clock

log = logging.getLogger(__name__)

LOOK = 60.0
"""Seconds at most between two looks at whether the file is still there."""

STOP_TIMEOUT = 1.0
"""Seconds for the last commit; an SD card may take most of one."""


class Outbox:
    """Stores events in `folder` from its own thread; in memory where `folder` is None or cannot be written.

    Nothing is written but when an event comes or is acknowledged. The oldest events fall to the caps and
    are counted. No method waits for the disk except `stop`. `discard` as in EventStore.
    """

    def __init__(
        self, clock: Clock, folder: Path | None = None, *, caps: Caps | None = None, discard: str | None = None
    ) -> None:
        self._clock = clock
        self._caps = caps or Caps()
        self._store = None if folder is None else EventStore(folder, discard=discard)
        self._opened = False
        self._problem: str | None = None
        self._incoming: deque[StoredEvent] = deque()
        self._memory: deque[StoredEvent] = deque()
        self._memory_bytes = 0
        self._acknowledged: set[int] = set()
        self._writing: frozenset[int] = frozenset()
        self._next_id = 1
        self._dropped = 0
        self._stopping = False
        self._listener: Callable[[], None] | None = None
        # `_changed` guards the queues and counters and is only held for moments; `_disk` guards the store
        # and may be held for as long as a commit takes. `_disk` is always taken first.
        self._changed = threading.Condition()
        self._disk = threading.Lock()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        """Events not yet acknowledged."""
        with self._changed:
            stored = 0 if self._store is None else len(self._store)
            return max(0, len(self._incoming) + len(self._memory) + stored - len(self._acknowledged))

    @property
    def dropped(self) -> int:
        """Events given up because a cap was reached or their file was damaged."""
        return self._dropped

    @property
    def problem(self) -> str | None:
        """Why events are not safe from a power cut although a folder was given, one line."""
        return self._problem

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever events are ready to be sent."""
        self._listener = listener

    def start(self) -> None:
        """Open the file, in the background."""
        if self._store is None:
            log.warning("outbox: no state directory, events are kept in memory and do not survive a power cut")
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def put(self, payload: Mapping[str, object], topic: str = EVENT) -> None:
        """Take an event for `topic` below the device; never waits for the disk."""
        wall = self._wall()
        row = StoredEvent(0, encode(payload), time.monotonic(), wall, topic)
        with self._changed:
            if len(self._incoming) >= self._caps.events:
                self._incoming.popleft()
                self._dropped += 1
            self._incoming.append(row)
            self._changed.notify()

    def after(self, last_id: int, limit: int) -> Sequence[StoredEvent]:
        """The oldest `limit` events with a greater id that are safe, not acknowledged and not too old, in order."""
        rows: list[StoredEvent] = []
        oldest = self._oldest()
        with self._disk:
            if self._opened and self._store is not None and len(self._store):
                try:
                    rows = self._fetch(self._store, last_id, limit, oldest)
                except CorruptStoreError as error:
                    self._replace(self._store, list(self._memory), error)
                except (sqlite3.Error, OSError) as error:
                    self._fail(error)
            with self._changed:
                self._forget_old(oldest)
                waiting = (row for row in self._memory if row.id > last_id)
                return rows + list(islice(waiting, limit - len(rows)))

    def delete(self, row_id: int) -> None:
        """Forget an event that the broker has taken over."""
        with self._changed:
            for row in self._memory:
                if row.id == row_id:
                    self._memory.remove(row)
                    self._memory_bytes -= len(row.body)
                    if row_id not in self._writing:
                        return
                    break
            if self._opened:
                self._acknowledged.add(row_id)
                self._changed.notify()

    def give_up(self, row_id: int) -> None:
        """Forget an event that cannot be sent, and count it as dropped."""
        with self._changed:
            self._dropped += 1
        self.delete(row_id)

    def stop(self) -> None:
        """Commit what is left and close the file."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT)

    # Everything below runs in the outbox's own thread, or under its lock.

    def _run(self) -> None:
        self._open()
        while True:
            with self._changed:
                called = self._changed.wait_for(lambda: self._incoming or self._fresh_acks or self._stopping, LOOK)
                stopping = self._stopping
            if called or self._gone():
                self._commit()
            if stopping:
                break
        with self._disk:
            if self._store is not None:
                self._store.close()
                self._opened = False

    @property
    def _fresh_acks(self) -> bool:
        # With a file that refuses writes, acknowledged rows wait for the next event instead of spinning.
        return bool(self._acknowledged) and self._problem is None

    def _open(self) -> None:
        with self._disk:
            if self._store is None:
                return
            try:
                self._open_or_replace(self._store)
            except (sqlite3.Error, OSError, CorruptStoreError) as error:
                self._store.close()
                self._fail(error)
        if self._listener is not None:
            self._listener()

    def _open_or_replace(self, store: EventStore) -> None:
        try:
            store.open(self._next_id)
        except CorruptStoreError as error:
            self._set_aside(store, error)
            store.open(self._next_id)
        self._next_id = max(self._next_id, store.last_id + 1)
        self._opened = True
        if len(store):
            log.info("outbox: %d events of an earlier run are still to be delivered", len(store))

    def _commit(self) -> None:
        """Move what came in to the disk, or to memory; then it may be sent."""
        with self._disk:
            if gone := self._store is not None and self._opened and self._store.gone:
                self._rescue(self._store)
            with self._changed:
                fresh, self._incoming = self._incoming, deque()
                acknowledged = list(self._acknowledged)
                for row in fresh:
                    self._memory.append(replace(row, id=self._next_id))
                    self._memory_bytes += len(row.body)
                    self._next_id += 1
                rows = list(self._memory)
                self._writing = frozenset(row.id for row in rows)
            if self._store is not None and (rows or acknowledged or gone):
                self._write(self._store, rows, acknowledged)
            with self._changed:
                self._writing = frozenset()
                while len(self._memory) > self._caps.events or self._memory_bytes > self._caps.bytes:
                    self._memory_bytes -= len(self._memory.popleft().body)
                    self._dropped += 1
                self._forget_old(self._oldest())
        if fresh and self._listener is not None:
            self._listener()

    def _gone(self) -> bool:
        with self._disk:
            return self._store is not None and self._opened and self._store.gone

    def _rescue(self, store: EventStore) -> None:
        """Take to memory what waits in a file that somebody has deleted; a new one is written next."""
        held, rows, why = len(store), [], ""
        try:
            rows = store.leave()
        except (sqlite3.Error, OSError, CorruptStoreError) as error:
            why = f" and cannot be read ({error})"
        with self._changed:
            self._opened = False  # not before: what is acknowledged meanwhile would come back
            lost = max(0, held - len(self._acknowledged.union(row.id for row in rows)))
            self._dropped += lost
            waiting = [row for row in rows if row.id not in self._acknowledged]
            self._acknowledged.clear()
            self._memory = deque(sorted((*waiting, *self._memory), key=lambda row: row.id))
            self._memory_bytes = sum(len(row.body) for row in self._memory)
        became = f"{lost} events lost" if why else f"the {len(waiting)} events that wait in it go to a new one"
        log.warning("outbox: %s was removed while in use%s; %s", store.path, why, became)

    def _write(self, store: EventStore, rows: Sequence[StoredEvent], acknowledged: Sequence[int]) -> None:
        try:
            if not self._opened:
                self._open_or_replace(store)
            dropped = store.apply(rows, acknowledged, self._caps, self._wall())
        except CorruptStoreError as error:
            self._replace(store, rows, error)
            return
        except (sqlite3.Error, OSError) as error:
            self._fail(error)
            return
        self._written(rows, acknowledged, dropped)

    def _replace(self, store: EventStore, rows: Sequence[StoredEvent], error: Exception) -> None:
        """A file found damaged while in use: set it aside, count its events as lost, begin a new one."""
        self._opened = False  # what fails here is tried again with the next event
        try:
            self._set_aside(store, error)
            self._open_or_replace(store)
            dropped = store.apply(rows, (), self._caps, self._wall())
        except (sqlite3.Error, OSError, CorruptStoreError) as second:
            self._fail(second)
            return
        self._written(rows, (), dropped)

    def _set_aside(self, store: EventStore, error: Exception) -> None:
        held = len(store)
        became = store.set_aside()
        with self._changed:
            # Those of events that are being written belong to the next file.
            gone = self._acknowledged - self._writing
            self._acknowledged -= gone
            lost = max(0, held - len(gone))
            self._dropped += lost
        number = f"{lost} events" if held else "its events"
        log.warning("outbox: %s is damaged (%s); %s, %s lost", store.path, error, became, number)

    def _written(self, rows: Sequence[StoredEvent], acknowledged: Sequence[int], dropped: int) -> None:
        with self._changed:
            self._acknowledged.difference_update(acknowledged)
            safe = {row.id for row in rows}
            self._memory = deque(row for row in self._memory if row.id not in safe)
            self._memory_bytes = sum(len(row.body) for row in self._memory)
            self._dropped += dropped
        if self._problem is not None:
            log.info("outbox: %s can be written again", None if self._store is None else self._store.path)
            self._problem = None

    def _fetch(self, store: EventStore, last_id: int, limit: int, oldest: float) -> list[StoredEvent]:
        """As `after`, of the file alone; what is too old there goes as if it had been acknowledged."""
        rows: list[StoredEvent] = []
        while len(rows) < limit:
            batch = store.after(last_id, limit)
            if not batch:
                break
            waiting = [row for row in batch if row.id not in self._acknowledged]
            stale = {row.id for row in waiting if row.wall is not None and row.wall < oldest}
            if stale:
                with self._changed:
                    self._acknowledged |= stale
                    self._dropped += len(stale)
                    self._changed.notify()
            rows += [row for row in waiting if row.id not in stale]
            last_id = batch[-1].id
        return rows[:limit]

    def _forget_old(self, oldest: float) -> None:
        fresh = deque(row for row in self._memory if row.wall is None or row.wall >= oldest)
        self._dropped += len(self._memory) - len(fresh)
        self._memory, self._memory_bytes = fresh, sum(len(row.body) for row in fresh)

    def _oldest(self) -> float:
        """Unix seconds: what was stored before is too old; nothing is while the clock is not known to be right."""
        wall = self._wall()
        return float("-inf") if wall is None else wall - self._caps.age

    def _wall(self) -> float | None:
        return self._clock.wall().timestamp() if self._clock.synced() else None

    def _fail(self, error: Exception) -> None:
        """Run on in memory; the next event tries the disk again."""
        text = f"{error}" or type(error).__name__
        if text != self._problem:
            where = None if self._store is None else self._store.path
            log.warning("outbox: %s cannot be written (%s); events are kept in memory", where, text)
        self._problem = text
