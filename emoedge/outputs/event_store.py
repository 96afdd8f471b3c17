"""Events on disk: one SQLite table in the state directory, durable once `apply` has returned."""

from __future__ import annotations

import contextlib
import logging
import secrets
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

FILE = "outbox.sqlite"

LOCK_TIMEOUT = 0.5
"""Seconds to wait for another process to let go of the file."""

LARGEST_WAL = 1 << 20
"""Bytes that the write-ahead log is cut to after a checkpoint."""

EVENT = "event"
"""Topic below the device of what has no other."""

SCHEMA = f"""CREATE TABLE IF NOT EXISTS events
(id INTEGER PRIMARY KEY, body BLOB NOT NULL, wall REAL, at REAL NOT NULL, run TEXT NOT NULL,
topic TEXT NOT NULL DEFAULT '{EVENT}')"""

EARLIER = ""
"""Run of an event of an earlier one that has moved to a new file."""

WITH_TOPIC = f"ALTER TABLE events ADD COLUMN topic TEXT NOT NULL DEFAULT '{EVENT}'"
"""Makes SCHEMA of the table of the first versions, which knew no other topic."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event that the broker has not acknowledged."""

    id: int
    """Grows with every event."""
    body: bytes
    """The payload, encoded."""
    stored_at: float | None
    """Monotonic seconds; None where an earlier run stored it."""
    wall: float | None = None
    """Unix seconds, None where the clock was not known to be right: such an event has no age."""
    topic: str = EVENT
    """Where it goes, below the device."""


@dataclass(frozen=True, slots=True)
class Caps:
    """What an outbox may hold at most."""

    events: int = 10_000
    bytes: int = 8 << 20
    age: float = 7 * 86_400.0
    """Seconds."""


class CorruptStoreError(Exception):
    """The file is no database or a damaged one."""


class EventStore:
    """The table of one state directory; not thread-safe. Methods raise sqlite3.Error, OSError, CorruptStoreError.

    `discard`: topic whose events, left by an earlier run, are wiped out when the file is opened; no damaged file,
    which may hold some, is kept then.
    """

    def __init__(self, folder: Path, *, discard: str | None = None) -> None:
        self._folder = folder
        self._discard = discard
        self._run = secrets.token_hex(8)
        self._path = folder / FILE
        self._aside = self._path.with_suffix(".corrupt")
        self._wal = self._path.with_name(f"{FILE}-wal")
        self._db: sqlite3.Connection | None = None
        self._identities: tuple[tuple[int, int] | None, ...] = (None, None)
        self._count = self._bytes = 0
        self.last_id = 0
        """Greatest id that the file held when it was opened."""

    def __len__(self) -> int:
        """Events in the file."""
        return self._count

    @property
    def path(self) -> Path:
        """The database file."""
        return self._path

    def open(self, next_id: int = 1) -> None:
        """Open or create the file; events in it with ids below `next_id` are moved behind it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._discard is not None:
            self._aside.unlink(missing_ok=True)
        self._db = sqlite3.connect(
            self._path, timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        # One damaged letter, which SQLite's own check lets pass, must not make every other row unreadable.
        self._db.text_factory = _text
        with self._watching():
            for pragma in (
                "locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", f"journal_size_limit={LARGEST_WAL}",
                "temp_store=MEMORY",
            ):  # fmt: skip
                self._db.execute(f"PRAGMA {pragma}")
            if self._db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise CorruptStoreError("quick_check failed")
            self._db.execute(SCHEMA)
            if "topic" not in [column[1] for column in self._db.execute("PRAGMA table_info(events)")]:
                self._db.execute(WITH_TOPIC)
            # Takes the exclusive lock now: a second daemon on this folder must learn of it here, not at an event.
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("COMMIT")
            self._wipe(self._db)
            self._make_room(self._db, next_id)
            row = self._db.execute("SELECT count(*), coalesce(sum(length(body)), 0), coalesce(max(id), 0) FROM events")
            self._count, self._bytes, self.last_id = row.fetchone()
        self._identities = (_identity(self._path), _identity(self._wal))

    @property
    def gone(self) -> bool:
        """Whether the open file is no more where it was opened: what is written to it ends with the process."""
        if self._db is None:
            return False
        try:
            return _identity(self._path) != self._identities[0]
        except OSError:  # nothing can be said of it
            return False

    def leave(self) -> list[StoredEvent]:
        """Close a file that is gone and return what it holds, which can still be read."""
        try:
            return self.after(0, -1)
        finally:
            self.close()
            self._count = self._bytes = 0
            with contextlib.suppress(OSError):
                # SQLite would take the log that is left for that of the file that comes next.
                if not self._path.exists() or _identity(self._wal) == self._identities[1]:
                    self._wal.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file."""
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def set_aside(self) -> str:
        """Close and rename a damaged file; only the last one is kept, so that it cannot fill the disk.

        Returns what became of it.
        """
        self.close()
        self._path.replace(self._aside)
        self._wal.unlink(missing_ok=True)
        self._path.with_name(f"{FILE}-shm").unlink(missing_ok=True)
        self._count = self._bytes = 0
        if self._discard is None:
            return f"set aside as {self._aside.name}"
        self._aside.unlink()
        return "removed"

    def apply(self, rows: Sequence[StoredEvent], deleted: Iterable[int], caps: Caps, now: float | None) -> int:
        """Insert and delete in one durable transaction; returns how many old events fell to the caps.

        `now`: Unix seconds, None while the clock is not known to be right: then nothing is too old.
        """
        with self._watching() as db:
            count, size = self._count + len(rows), self._bytes + sum(len(row.body) for row in rows)
            db.execute("BEGIN IMMEDIATE")
            try:
                for row_id in deleted:
                    for (length,) in db.execute("DELETE FROM events WHERE id = ? RETURNING length(body)", (row_id,)):
                        count, size = count - 1, size - length
                db.executemany(
                    "INSERT INTO events (id, body, wall, at, run, topic) VALUES (?, ?, ?, ?, ?, ?)",
                    (self._columns(row) for row in rows),
                )
                expendable = list(self._expendable(db, caps, now, count, size))
                for row_id, length in expendable:
                    db.execute("DELETE FROM events WHERE id = ?", (row_id,))
                    count, size = count - 1, size - length
                db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise
            self._count, self._bytes = count, size
            return len(expendable)

    def _columns(self, row: StoredEvent) -> tuple[object, ...]:
        stored = (0.0, EARLIER) if row.stored_at is None else (row.stored_at, self._run)
        return (row.id, row.body, row.wall, *stored, row.topic)

    def _wipe(self, db: sqlite3.Connection) -> None:
        """Overwrite what must not leave the device any more: a deleted row alone can still be read in the file."""
        if self._discard is None:
            return
        db.execute("PRAGMA secure_delete=ON")
        if db.execute("DELETE FROM events WHERE topic = ?", (self._discard,)).rowcount:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @staticmethod
    def _make_room(db: sqlite3.Connection, next_id: int) -> None:
        """A file that could only be opened late must not reuse ids that are on their way already."""
        (first,) = db.execute("SELECT min(id) FROM events").fetchone()
        if first is None or first >= next_id:
            return
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE events SET id = -id")  # in two steps, as each row must be unique at each moment
        db.execute("UPDATE events SET id = -id + ?", (next_id - first,))
        db.execute("COMMIT")

    def after(self, last_id: int, limit: int) -> list[StoredEvent]:
        """The oldest `limit` events with a greater id, in order; all of them where `limit` is negative.

        The body of a damaged one is empty.
        """
        with self._watching() as db:
            rows = db.execute(
                "SELECT id, body, wall, at, run, topic FROM events WHERE id > ? ORDER BY id LIMIT ?", (last_id, limit)
            ).fetchall()
            return [self._event(*row) for row in rows]

    def _event(self, row_id: int, body: object, wall: object, at: object, run: object, topic: object) -> StoredEvent:
        if isinstance(body, bytes) and isinstance(at, float) and isinstance(topic, str) and _is_time(wall):
            return StoredEvent(row_id, body, at if run == self._run else None, wall, topic)
        return StoredEvent(row_id, b"", None)

    @staticmethod
    def _expendable(
        db: sqlite3.Connection, caps: Caps, now: float | None, count: int, size: int
    ) -> Iterator[tuple[int, int]]:
        """Ids and sizes of the oldest events, as long as what is left exceeds a cap."""
        for row_id, length, wall in db.execute("SELECT id, length(body), wall FROM events ORDER BY id"):
            too_old = now is not None and isinstance(wall, float) and wall < now - caps.age
            if not (too_old or count > caps.events or size > caps.bytes):
                return
            yield row_id, length
            count, size = count - 1, size - length

    @contextlib.contextmanager
    def _watching(self) -> Iterator[sqlite3.Connection]:
        """Tell damage from everything else that can go wrong."""
        if self._db is None:
            raise sqlite3.OperationalError("the outbox file is not open")
        try:
            yield self._db
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise CorruptStoreError(str(error)) from error
            raise


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _is_time(wall: object) -> TypeGuard[float | None]:
    return wall is None or isinstance(wall, float)


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode, None where there is nothing."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
