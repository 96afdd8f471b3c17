"""The members that every payload carries: schema version, time, run and sequence number."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emoedge.ports import Clock

SCHEMA_VERSION = 1
"""`v`; members are only ever added under the same version."""


def new_boot_id() -> str:
    """Eight hexadecimal digits that name one run of the daemon."""
    return secrets.token_hex(4)


def iso_ms(moment: datetime) -> str:
    """UTC in ISO 8601 with milliseconds, e.g. `2026-03-01T12:00:00.123Z`."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


class Stamp:
    """Makes the envelope of payloads; safe to call from several threads.

    `boot_id` names this run. `seq` counts from 1 for each kind of payload, so that a subscriber of one
    topic sees a gap where something was lost.
    """

    def __init__(self, clock: Clock, boot_id: str) -> None:
        self._clock = clock
        self._boot_id = boot_id
        self._seq: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def boot_id(self) -> str:
        """Name of this run."""
        return self._boot_id

    def envelope(self, kind: str, at: float | None = None) -> dict[str, object]:
        """`v`, `ts`, `clock`, `boot_id`, `seq` of the next payload of `kind`.

        `at`: monotonic seconds of what it tells; None is now.
        """
        moment = self._clock.wall()
        if at is not None:
            moment -= timedelta(seconds=self._clock.monotonic() - at)
        with self._lock:
            self._seq[kind] += 1
            seq = self._seq[kind]
        return {
            "v": SCHEMA_VERSION,
            "ts": iso_ms(moment),
            "clock": "synced" if self._clock.synced() else "unsynced",
            "boot_id": self._boot_id,
            "seq": seq,
        }
