"""The delivery half of the daemon in a process of its own that kills itself at a chosen moment.

Started by tools/faults.py. Reads commands from stdin: `emit FROM COUNT PAUSE` (numbers of events, seconds
between them), `kill WHERE` (arm one of MOMENTS), `quit`. Writes `committed NUMBER` for every event whose row
is durable, before anything else can happen to it, and `connected` when a broker has accepted it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoedge.config.outputs import MqttConfig
from emoedge.messages import Event, EventType
from emoedge.ops.backoff import Backoff
from emoedge.ops.clock import SystemClock
from emoedge.outputs.control_values import ControlValues
from emoedge.outputs.event_store import EventStore, StoredEvent
from emoedge.outputs.link import Link
from emoedge.outputs.mqtt import MqttSink
from emoedge.outputs.outbox import Outbox
from emoedge.outputs.stamp import new_boot_id

if TYPE_CHECKING:
    from paho.mqtt import client as paho

    from emoedge.outputs.message import Message

MOMENTS = ("before_commit", "after_commit", "after_send", "before_delete")
"""When the process can be made to end with SIGKILL: once, at the next event that gets there."""

DEVICE = "fault-test"


class Trap:
    """Ends the process without warning when the armed moment comes."""

    def __init__(self) -> None:
        self.armed: str | None = None

    def step(self, moment: str) -> None:
        """Die here if this is the moment."""
        if self.armed == moment:
            os.kill(os.getpid(), signal.SIGKILL)


class FastClock(SystemClock):
    """Runs `speed` times as fast, so that minutes of outage fit into seconds."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed
        self._began = super().monotonic()
        self._wall = super().wall()

    def monotonic(self) -> float:
        """Seconds, never jumps back."""
        return self._began + (super().monotonic() - self._began) * self._speed

    def wall(self) -> datetime:
        """UTC that moves along."""
        return self._wall + timedelta(seconds=self.monotonic() - self._began)


class TrappedStore(EventStore):
    """Dies before or after a commit; reports what is safe."""

    def __init__(self, folder: Path, trap: Trap) -> None:
        super().__init__(folder)
        self._trap = trap

    def apply(self, rows: Any, *rest: Any) -> int:
        """As the base class, between two traps."""
        fresh = [row for row in rows if isinstance(row, StoredEvent)]
        if fresh:
            self._trap.step("before_commit")
        dropped = super().apply(rows, *rest)
        for row in fresh:
            tell(f"committed {json.loads(row.body)['number']}")
        if fresh:
            self._trap.step("after_commit")
        return dropped


class TrappedOutbox(Outbox):
    """Dies when the broker has acknowledged an event whose row is still there."""

    def __init__(self, clock: SystemClock, folder: Path, trap: Trap) -> None:
        super().__init__(clock, folder)
        self._store = TrappedStore(folder, trap)
        self._trap = trap

    def delete(self, row_id: int) -> None:
        """As the base class, after a trap."""
        self._trap.step("before_delete")
        super().delete(row_id)


def trap_sending(trap: Trap) -> None:
    """Die right after an event went to the socket."""
    publish = Link._publish  # noqa: SLF001 - the one place where a sent event can be told

    def publish_and_step(self: Link, client: paho.Client, message: Message) -> None:
        publish(self, client, message)
        if message.token is not None:
            trap.step("after_send")

    Link._publish = publish_and_step  # type: ignore[method-assign]  # noqa: SLF001


_tell_lock = threading.Lock()


def tell(line: str) -> None:
    """One line to the parent, unbuffered: a killed process flushes nothing."""
    with _tell_lock:
        os.write(sys.stdout.fileno(), f"{line}\n".encode())


def run(port: int, folder: Path, speed: float) -> None:
    """Obey commands until `quit` or the end of input."""
    trap, clock = Trap(), FastClock(speed)
    trap_sending(trap)
    sink = MqttSink(
        MqttConfig(host="127.0.0.1", port=port, keepalive=5), DEVICE, clock, boot_id=new_boot_id(), info=dict,
        outbox=TrappedOutbox(clock, folder, trap), values=ControlValues(folder, log_level="error"),
        backoff=Backoff(0.05, 0.3, 0.5),
    )  # fmt: skip
    sink.start()
    if sink.wait_connected(20):
        tell("connected")
    for line in sys.stdin:
        verb, *words = line.split()
        if verb == "kill":
            trap.armed = words[0]
        elif verb == "emit":
            first, count, pause = int(words[0]), int(words[1]), float(words[2])
            for number in range(first, first + count):
                sink.event(Event(EventType.MODE_CHANGED, clock.monotonic(), details={"number": number}))
                time.sleep(pause)
        elif verb == "quit":
            break
    sink.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--speed", type=float, default=1.0)
    arguments = parser.parse_args()
    run(arguments.port, arguments.folder, arguments.speed)
