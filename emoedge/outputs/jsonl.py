"""The sink that writes each event as one JSON line to a file or stdout: the payloads of the topic `event`."""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from emoedge.errors import MediaError
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
    once, and tried again with each event; a few that it missed are written then, the others are counted in
    `dropped`. So is what a named pipe cannot take, for nobody reads it or not quickly enough: nothing waits for its
    reader. Where the file is moved or removed, as logrotate does, the next line makes a new one. `whole` is for a
    recording's lines, all or an error: the file is started anew, and MediaError is raised where one cannot be written,
    BrokenPipeError where nobody reads on.
    """

    def __init__(self, path: str, clock: Clock, *, boot_id: str, whole: bool = False) -> None:
        self._path = path
        self._whole = whole
        self._stamp = Stamp(clock, boot_id)
        self._file: BinaryIO | FileIO | None = None
        self._stopped = False
        self._waiting = 0
        """Lines in the file's buffer, which the next one takes along once there is room again."""
        self.problem: str | None = None
        """Why events are not written now, one line."""
        self.dropped = 0
        """Events that could not be written."""

    def start(self) -> None:
        """Open the file."""
        if self._path == STDOUT:
            self._file = sys.stdout.buffer
            return
        try:
            self._file = _opened(self._path, whole=self._whole)
            if _broken_off(self._path):
                self._file.write(b"\n")
        except OSError as error:
            self._fail(error)

    def event(self, event: Event) -> None:
        """Write one line, at once: a reader at the other end of a pipe sees it when it happens."""
        line = payloads.encode(payloads.event(self._stamp.envelope("event", event.at), event)) + b"\n"
        if self._file is not None and self._gone(self._file):
            log.info("jsonl %s: the file was moved or removed; a new one is begun", self._path)
            self._let_go()
        if self._file is None and not self._stopped:
            self.start()
        if self._file is None:
            self.dropped += 1
            return
        self._waiting += 1
        try:
            self._write(self._file, line)
        except (OSError, ValueError) as error:  # ValueError: stdout was closed under us
            if isinstance(error, BrokenPipeError):  # who has left takes nothing later
                self.dropped += self._waiting
                self._waiting = 0
            self._fail(error)
        else:
            self.problem, self._waiting = None, 0

    def _write(self, file: BinaryIO | FileIO, line: bytes) -> None:
        try:
            if file.write(line) is None:
                raise BlockingIOError(errno.EAGAIN, "its reader does not keep up")
        except (OSError, ValueError):  # also where the buffer is full of lines that wait
            self._waiting -= 1
            self.dropped += 1
            raise
        file.flush()

    def state(self, state: State) -> None:
        """Nothing: lines are for transitions."""

    def stop(self) -> None:
        """Close the file; stdout stays open."""
        self._stopped = True
        self._let_go()

    def _gone(self, file: BinaryIO | FileIO) -> bool:
        """Whether the path names this file no more: what were written into it, nobody who reads the path would see."""
        if self._whole or self._path == STDOUT:
            return False
        held = os.fstat(file.fileno())
        try:
            return not os.path.samestat(held, os.stat(self._path))  # noqa: PTH116 - as it was given
        except (FileNotFoundError, NotADirectoryError):
            # Whoever reads a pipe makes it: a file in its place would grow, and be in the way of the next one.
            return not stat.S_ISFIFO(held.st_mode)
        except OSError:  # nothing can be said of it
            return False

    def _let_go(self) -> None:
        file, self._file = self._file, None
        if file is None or file is sys.stdout.buffer:
            return
        try:
            file.close()
        except OSError as error:
            self.dropped += self._waiting
            self._fail(error)
        self._waiting = 0

    def _fail(self, error: Exception) -> None:
        if self._whole:
            if isinstance(error, BrokenPipeError):  # whoever reads has read enough
                raise error
            name = "stdout" if self._path == STDOUT else self._path
            why = getattr(error, "strerror", None) or error
            raise MediaError(f"{name}: not all lines could be written: {why}; is the disk full?") from error
        if self.problem is None:
            log.warning("jsonl %s: events are not written: %s", self._path, error)
        self.problem = f"{self._path}: {getattr(error, 'strerror', None) or error}"


def _opened(path: str, *, whole: bool) -> BinaryIO | FileIO:
    """The file, for appending unless `whole`; a named pipe without waiting for its reader. Raises OSError."""
    if whole or not (os.path.exists(path) and stat.S_ISFIFO(os.stat(path).st_mode)):  # noqa: PTH110, PTH116 - as it was given
        return Path(path).open("wb" if whole else "ab")
    try:
        # Without a buffer: a line goes into the pipe whole or not at all, see pipe(7).
        return FileIO(path, "w", opener=lambda name, _: os.open(name, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        raise OSError(errno.ENXIO, "nobody reads this pipe", path) from None


def _broken_off(path: str) -> bool:
    """Whether the last line lacks its end, as a power cut leaves it: the next one would become a part of it."""
    file = Path(path)
    try:
        if not file.is_file() or not file.stat().st_size:
            return False
        with file.open("rb") as end:
            end.seek(-1, os.SEEK_END)
            return end.read() != b"\n"
    except OSError:  # one may append to what one may not read
        return False
