"""Clocks: the system's, and one that is moved by hand for replays and tests."""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

TIMESYNC_MARKER = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd touches it at the first synchronisation after boot."""

PROCESS_STATUS = Path("/proc/self/status")

STA_UNSYNC = 0x0040
"""Bit of `timex.status`, see adjtimex(2)."""

# The kernel's struct timex is 208 bytes on 64-bit; `modes` (0: only read) is the first int, `status` lies
# behind four longs (offset, freq, maxerror, esterror).
_TIMEX_BYTES = 512
_STATUS_OFFSET = 5 * ctypes.sizeof(ctypes.c_long)


def kernel_synced() -> bool:
    """Whether the kernel counts its clock as disciplined (NTP, chrony, PTP); False if unknown."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(timex)
    except (OSError, AttributeError):
        return False
    if state < 0:
        return False
    return not ctypes.c_int.from_buffer(timex, _STATUS_OFFSET).value & STA_UNSYNC


def syscalls_filtered() -> bool:
    """Whether a seccomp filter lies on this process; True if unknown."""
    try:
        lines = PROCESS_STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return True
    return not any(line.split() == ["Seccomp:", "0"] for line in lines)


class SystemClock:
    """The clocks of the machine."""

    def __init__(self) -> None:
        # A filter that does not list adjtimex kills the caller, so behind one only the marker is asked.
        self._ask_kernel = not syscalls_filtered()

    def monotonic(self) -> float:
        """Seconds, never jumps back."""
        return time.monotonic()

    def wall(self) -> datetime:
        """UTC, may jump."""
        return datetime.now(UTC)

    def synced(self) -> bool:
        """Whether the wall clock is known to be right; unknown counts as no."""
        return TIMESYNC_MARKER.exists() or (self._ask_kernel and kernel_synced())


class ManualClock:
    """A clock that stands still until it is told to move; its wall time moves along.

    `start`: monotonic seconds. `wall`: UTC that belongs to 0 s.
    """

    def __init__(
        self,
        start: float = 0.0,
        *,
        wall: datetime = datetime(2000, 1, 1, tzinfo=UTC),
        synced: bool = True,
    ) -> None:
        self._now = start
        self._origin = wall
        self._synced = synced

    def advance(self, seconds: float) -> None:
        """Move forward; ValueError where `seconds` is negative."""
        self.set(self._now + seconds)

    def set(self, at: float) -> None:
        """Move to `at` monotonic seconds; ValueError where that lies in the past."""
        if at < self._now:
            raise ValueError(f"a monotonic clock cannot go back from {self._now} s to {at} s")
        self._now = at

    def set_wall(self, seconds: float, *, synced: bool) -> None:
        """Set the wall clock forward, or back where `seconds` is negative; monotonic time does not notice."""
        self._origin += timedelta(seconds=seconds)
        self._synced = synced

    def monotonic(self) -> float:
        """Seconds, never jumps back."""
        return self._now

    def wall(self) -> datetime:
        """UTC that belongs to the present monotonic time."""
        return self._origin + timedelta(seconds=self._now)

    def synced(self) -> bool:
        """Return what the constructor or `set_wall` was told."""
        return self._synced
