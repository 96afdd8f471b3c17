"""Keeps a camera or microphone open: reads it in a thread, notices its loss, reopens it with backoff."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from emoedge.errors import SourceError
from emoedge.messages import SensorStatus
from emoedge.ops.backoff import Backoff
from emoedge.threads import READER

if TYPE_CHECKING:
    from collections.abc import Callable

    from emoedge.ports import Clock

log = logging.getLogger(__name__)

Item_co = TypeVar("Item_co", covariant=True)
Item = TypeVar("Item")

OPEN_TIMEOUT = 15.0
"""Seconds until an attempt to open, or to get the first item, is given up; RTSP needs up to ten."""
HEALTHY = 10.0
"""Seconds a device must have worked before the next loss starts with the shortest delay again."""
MOST_ABANDONED = 2
"""Blocked readers that may be waited for while another one is tried; each holds a thread and a device."""
TICK = 0.2
"""Seconds between two looks at the reader; a loss is noticed at most this much after its time-out."""
LEAVE = 0.4
"""Seconds that stop() gives a reader to close its device before it leaves it behind."""


class Device(Protocol[Item_co]):
    """An opened camera, microphone or file."""

    def read(self) -> Item_co | None:
        """Next item, waiting for it; None at the end. Raises SourceError."""
        ...

    def close(self) -> None:
        """Release it."""
        ...


class _Reader(Generic[Item]):
    """One opening of the device in a thread of its own, which may be left behind when it blocks."""

    def __init__(self, keeper: Keeper[Item]) -> None:
        self.cancelled = threading.Event()
        self.opened = False
        self.over = False
        self.problem: str | None = None
        self.seen = self.progress = self.started = keeper.clock.monotonic()
        self.first: float | None = None
        self._keeper = keeper
        self.thread = threading.Thread(target=self._run, name=keeper.name + READER, daemon=True)

    def _run(self) -> None:
        try:
            device = self._keeper.open(self.cancelled)
            try:
                self.opened = True
                self._read(device)
            finally:
                device.close()
        except SourceError as error:
            self.problem = str(error)
        except Exception as error:  # a thread must not die unseen, whatever a driver raises
            log.exception("%s: reading failed", self._keeper.name)
            self.problem = f"{type(error).__name__}: {error}"
        self.over = True
        self._keeper.wake()

    def _read(self, device: Device[Item]) -> None:
        keeper = self._keeper
        while not self.cancelled.is_set():
            item = device.read()
            if item is None:
                return
            progressed = keeper.hand_over(item, self.cancelled)
            self.seen = keeper.clock.monotonic()
            if progressed:
                self.progress = self.seen
                if self.first is None:
                    self.first = self.seen
                    keeper.wake()


class Keeper(Generic[Item]):
    """Keeps one device open until it is stopped.

    `open`: opens the device, given an event that is set when it is no longer wanted; raises SourceError.
    `accept`: takes an item, quickly; returns whether it shows that the device lives (a frozen picture does not).
    `live`: a device or stream, whose silence is a loss; else a file.
    `once`: where a file ends or breaks off, that is the end; else it is a loss, as that of a device, and the file is
    opened again.
    `stall_timeout`: seconds without a living item after which a live one counts as lost.
    `repeated`: says in words what it is that comes again and again, where items come and none of them lives.
    """

    def __init__(
        self,
        *,
        name: str,
        open: Callable[[threading.Event], Device[Item]],  # noqa: A002 - the right verb
        accept: Callable[[Item], bool],
        clock: Clock,
        live: bool,
        stall_timeout: float,
        once: bool = True,
        backoff: Backoff | None = None,
        repeated: Callable[[], str] = lambda: "the same again and again",
    ) -> None:
        self.name = name
        self.open = open
        self.clock = clock
        self.reopened = 0
        self._accept = accept
        self._live = live
        self._once = once
        self._stall_timeout = stall_timeout
        self._backoff = backoff or Backoff()
        self._repeated = repeated
        self._changed = threading.Condition()
        self._gate = threading.Lock()
        self._status = SensorStatus.OFFLINE
        self._problem: str | None = None
        self._ended = False
        self._stopping = threading.Event()
        self._supervisor: threading.Thread | None = None
        self._abandoned: list[_Reader[Item]] = []
        self._told: str | None = None

    @property
    def status(self) -> SensorStatus:
        """Present state."""
        return self._status

    @property
    def problem(self) -> str | None:
        """Why it is not online."""
        return self._problem

    @property
    def ended(self) -> bool:
        """A file was played to its end, or as far as it can be read."""
        return self._ended

    def start(self) -> None:
        """Begin; nothing happens where it has begun already."""
        if self._supervisor is not None:
            return
        self._stopping = threading.Event()
        self._status, self._problem, self._ended = SensorStatus.RECONNECTING, "opening", False
        self._backoff.reset()
        self._supervisor = threading.Thread(
            target=self._supervise, args=(self._stopping,), name=f"{self.name}-keeper", daemon=True
        )
        self._supervisor.start()

    def stop(self) -> None:
        """Close the device, or leave a blocked reader to close it when it can."""
        if self._supervisor is None:
            return
        self._stopping.set()
        self.wake()
        self._supervisor.join(LEAVE + 2 * TICK)
        self._supervisor = None
        self._status, self._problem, self._told = SensorStatus.OFFLINE, None, None

    def wake(self) -> None:
        """Let the supervisor look now."""
        with self._changed:
            self._changed.notify_all()

    def hand_over(self, item: Item, cancelled: threading.Event) -> bool:
        """Pass an item on, unless its reader was given up meanwhile."""
        with self._gate:
            return not cancelled.is_set() and self._accept(item)

    def _supervise(self, stopping: threading.Event) -> None:
        lost = False
        while not stopping.is_set():
            reader = self._try(stopping, lost=lost)
            if stopping.is_set() or self._ended:
                return
            lost = lost or (reader is not None and reader.first is not None)
            self._wait(stopping, self._backoff.next())

    def _try(self, stopping: threading.Event, *, lost: bool) -> _Reader[Item] | None:
        """Open once and watch until it is over; None where nothing was tried."""
        self._abandoned = [r for r in self._abandoned if r.thread.is_alive()]
        if len(self._abandoned) >= MOST_ABANDONED:
            return None
        reader = _Reader(self)
        reader.thread.start()
        problem = self._watch(reader, stopping, lost=lost)
        with self._gate:
            reader.cancelled.set()
        if stopping.is_set():
            reader.thread.join(LEAVE)
        if reader.thread.is_alive() and not reader.over:
            self._abandoned.append(reader)
        if stopping.is_set():
            return reader
        broken = reader.first is not None and not self._live and self._once
        if problem is None or broken:
            self._end(problem)
            return reader
        if reader.first is not None and self.clock.monotonic() - reader.first >= HEALTHY:
            self._backoff.reset()
        self._lose(problem)
        return reader

    def _watch(self, reader: _Reader[Item], stopping: threading.Event, *, lost: bool) -> str | None:
        """Wait until the reader is over or stuck; the problem, or None where a file ended or we are to stop."""
        while not stopping.is_set():
            if reader.first is not None and self._status is not SensorStatus.ONLINE and not reader.over:
                self._find(lost=lost)
            if reader.over:
                if reader.problem is not None:
                    return reader.problem
                if self._live:
                    return "the stream ended"
                if reader.first is None:
                    return "nothing usable in it"
                return None if self._once else "played to its end"
            stuck = self._stuck(reader) if self._live else None
            if stuck:
                return stuck
            with self._changed:
                if not reader.over:
                    self._changed.wait(TICK)
        return None

    def _stuck(self, reader: _Reader[Item]) -> str | None:
        now = self.clock.monotonic()
        if not reader.opened:
            late = now - reader.started > OPEN_TIMEOUT
            return f"did not open within {OPEN_TIMEOUT:g} s" if late else None
        limit = self._stall_timeout if reader.first is not None else max(self._stall_timeout, OPEN_TIMEOUT)
        if now - reader.progress <= limit:
            return None
        if now - reader.seen <= limit:
            return f"nothing new for {limit:g} s: {self._repeated()}"
        return f"nothing came for {limit:g} s"

    def _find(self, *, lost: bool) -> None:
        self._status, self._problem = SensorStatus.ONLINE, None
        if lost:
            self.reopened += 1
        self._told = None
        log.info("%s: online", self.name)

    def _end(self, problem: str | None) -> None:
        """Of a file; `problem`: why it breaks off there, if it does."""
        self._status, self._problem, self._ended = SensorStatus.OFFLINE, problem, True
        if problem is None:
            log.info("%s: played to its end", self.name)
        else:
            log.warning("%s: %s; it ends there", self.name, problem)

    def _lose(self, problem: str) -> None:
        self._status, self._problem = SensorStatus.RECONNECTING, problem
        if problem != self._told:
            log.warning("%s: %s; trying again", self.name, problem)
            self._told = problem

    def _wait(self, stopping: threading.Event, delay: float) -> None:
        until = self.clock.monotonic() + delay
        while not stopping.is_set() and (left := until - self.clock.monotonic()) > 0:
            stopping.wait(min(left, TICK))
