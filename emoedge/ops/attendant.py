"""What the daemon owes whoever supervises it: READY, a status line, a fed watchdog, and the health file."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from emoedge.ops import health_file
from emoedge.ops.sdnotify import Notifier
from emoedge.ops.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emoedge.ops.health import HealthReport
    from emoedge.ops.watchdog import Pulse
    from emoedge.ports import Clock

log = logging.getLogger(__name__)

STATUS_INTERVAL = 2.0
"""Seconds at least between two status lines, and until a frame rate means something."""


class Attendant:
    """Told of every round of the loop, from the loop's own thread: a loop that hangs feeds nobody.

    `environment`: where systemd left NOTIFY_SOCKET, WATCHDOG_USEC and RUNTIME_DIRECTORY.
    """

    def __init__(self, clock: Clock, environment: Mapping[str, str] = os.environ) -> None:
        self._clock = clock
        self._notifier = Notifier(environment)
        self._watchdog = Watchdog(self._notifier.watchdog)
        self._file = health_file.health_file(environment)
        self._ready = False
        self._stated = float("-inf")
        self._stuck: tuple[str, ...] = ()
        self._last_problem: str | None = None
        self._unwritten: str | None = None

    def round(self, report: HealthReport, pulses: Sequence[Pulse], mode: str) -> None:
        """Note that the loop turns; READY with the first one, whether the broker answers or not."""
        now = self._clock.monotonic()
        if report.problems:
            self._last_problem = report.problems[0]
        if not self._ready:
            self._ready = True
            self._notifier.ready()
        stuck = self._watchdog.stuck(pulses, now)
        if stuck != self._stuck:
            self._stuck = stuck
            for line in stuck:
                log.error("%s; the watchdog is not fed", line)
        if not stuck and self._watchdog.due(now):
            self._notifier.feed()
        if now - self._stated >= STATUS_INTERVAL:
            self._stated = now
            self._notifier.status(self.line(report, mode))

    def line(self, report: HealthReport, mode: str) -> str:
        """The status line: mode, rate, and what is or was last wrong."""
        parts = [mode, f"{report.fps:.1f} frames/s"] if report.uptime >= STATUS_INTERVAL else [mode]
        if report.problems:
            parts.append("; ".join(report.problems))
        elif self._last_problem is not None:
            parts.append(f"last problem, now over: {self._last_problem}")
        return ", ".join(parts)

    def write(self, report: HealthReport, mode: str) -> None:
        """Renew the health file; a full disk is told once, stops nothing, and is tried again the next time."""
        if self._file is None:
            return
        stamped = report.as_dict() | {
            "mode": mode, "pid": os.getpid(), "at": self._clock.monotonic(), "ts": self._clock.wall().isoformat(),
        }  # fmt: skip
        try:
            health_file.write(self._file, stamped)
        except OSError as error:
            text = error.strerror or str(error)
            if text != self._unwritten:
                log.warning("%s: cannot be written: %s", self._file, text)
            self._unwritten = text
        else:
            self._unwritten = None

    def restarting(self) -> None:
        """Say that the same process begins anew: no word of an end, after which it would be given seconds to live."""
        self._notifier.status("restarting")
        if self._watchdog.timed:
            self._notifier.feed()

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._notifier.stopping()
