"""The sink that writes each event as one JSON line to a file or stdout: the payloads of the topic `event`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from emoedge.outputs import payloads
from emoedge.outputs.stamp import Stamp

if TYPE_CHECKING:
    from emoedge.messages import Event, State
    from emoedge.ports import Clock

log = logging.getLogger(__name__)

STDOUT = "-"


class JsonlSink:
    """Implements the port `Sink`. Deterministic: the same events, clock and `boot_id` give the same bytes.

    `path`: file that lines are appended to, `-` for stdout. A file that cannot be written is reported
    once; its events are counted in `dropped`. `truncate` starts the file anew.
    """

    def __init__(self, path: str, clock: Clock, *, boot_id: str, truncate: bool = False) -> None:
        self._path = path
        self._truncate = truncate
        self._stamp = Stamp(clock, boot_id)
        self._file: BinaryIO | None = None
        self._failed = False
        self.dropped = 0
        """Events that could not be written."""

    def start(self) -> None:
        """Open the file."""
        if self._path == STDOUT:
            self._file = sys.stdout.buffer
            return
        try:
            self._file = Path(self._path).open("wb" if self._truncate else "ab")  # noqa: SIM115 - closed by stop()
        except OSError as error:
            self._fail(error)

    def event(self, event: Event) -> None:
        """Write one line, at once: a reader at the other end of a pipe sees it when it happens."""
        line = payloads.encode(payloads.event(self._stamp.envelope("event", event.at), event)) + b"\n"
        if self._file is None:
            self.dropped += 1
            return
        try:
            self._file.write(line)
            self._file.flush()
        except (OSError, ValueError) as error:  # ValueError: stdout was closed under us
            self.dropped += 1
            self._fail(error)
        else:
            self._failed = False

    def state(self, state: State) -> None:
        """Nothing: lines are for transitions."""

    def stop(self) -> None:
        """Close the file; stdout stays open."""
        file, self._file = self._file, None
        if file is None or file is sys.stdout.buffer:
            return
        try:
            file.close()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not self._failed:
            log.warning("jsonl %s: events are not written: %s", self._path, error)
        self._failed = True
