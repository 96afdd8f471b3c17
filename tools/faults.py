"""Breaks the broker and the daemon on purpose and counts what is lost, doubled or out of order.

Broker restarts (half asked to stop, half killed), kill -9 of the daemon at the four worst moments, and a
ten-minute outage at sixty times the speed, all with a real Mosquitto and one subscriber with a persistent
session. `sent` counts the events whose row was committed. The last line printed is one JSON object; the
exit status is 1 where an event was lost or out of order.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from workbench.faulty_daemon import DEVICE, MOMENTS
from workbench.mosquitto import Mosquitto

from emoedge.outputs.event_store import EventStore

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 30.0
"""Seconds until something that must happen has happened."""

OUTAGE_SPEED = 60.0
OUTAGE = 600.0
"""Seconds on the daemon's clock."""

# Saved on every change, with no limit to what is under way: the broker must not be what loses events.
BROKER_LINES = "autosave_interval 1\nautosave_on_changes true\nmax_inflight_messages 0\nmax_queued_messages 0"


class Witness:
    """The subscriber: every event in the order in which it arrived."""

    def __init__(self, port: int) -> None:
        self.numbers: list[int] = []
        self.ids: list[str] = []
        self.late = 0
        self.redelivered = 0
        self.there = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="witness", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.reconnect_delay_set(1, 1)
        self._client._reconnect_min_delay = 0.02  # type: ignore[assignment]  # noqa: SLF001 - its setter rounds up
        self._client._reconnect_max_delay = 0.1  # type: ignore[assignment]  # noqa: SLF001
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self.there.clear()
        self._client.on_subscribe = lambda *_: self.there.set()
        self._client.on_message = self._on_message
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = 3600
        self._client.connect("127.0.0.1", port, clean_start=False, properties=session)
        self._client.loop_start()

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        client.subscribe(f"emoedge/{DEVICE}/event", 1)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        told = json.loads(message.payload)
        self.redelivered += message.dup and told["event_id"] in self.ids
        self.numbers.append(told["number"])
        self.ids.append(told["event_id"])
        self.late += told.get("late", False)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


class Daemon:
    """The process under test."""

    def __init__(self, port: int, folder: Path, committed: set[int]) -> None:
        self._arguments = (str(port), str(folder))
        self._folder = folder
        self._committed = committed
        self._connected = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self, speed: float = 1.0, *, connect: bool = True) -> None:
        """Start and wait until it is connected."""
        self._connected.clear()
        script = Path(__file__).parent / "workbench" / "faulty_daemon.py"
        self._process = subprocess.Popen(
            [sys.executable, str(script), *self._arguments, "--speed", str(speed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if connect and not self._connected.wait(PATIENCE):
            raise TimeoutError("the daemon did not connect")

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            verb, *words = line.split()
            if verb == "committed":
                self._committed.add(int(words[0]))
            elif verb == "connected":
                self._connected.set()

    def say(self, line: str) -> None:
        """Give a command."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def wait_dead(self) -> None:
        """Wait until the trap has closed, then count what its file holds as committed."""
        assert self._process is not None
        assert self._reader is not None
        if self._process.wait(PATIENCE) != -signal.SIGKILL:
            raise RuntimeError("the daemon ended by itself")
        self._reader.join(PATIENCE)
        store = EventStore(self._folder)
        store.open()
        self._committed.update(json.loads(row.body)["number"] for row in store.after(0, 1_000_000))
        store.close()

    def quit(self) -> None:
        """Stop in good order."""
        assert self._process is not None
        self.say("quit")
        self._process.wait(PATIENCE)


@dataclass
class Run:
    """Everything of one run."""

    broker: Mosquitto
    daemon: Daemon
    witness: Witness
    committed: set[int]
    next_number: int = 0
    table: list[tuple[str, int, int]] = field(default_factory=list)
    """Fault, times, events committed meanwhile."""

    def emit(self, count: int, pause: float) -> None:
        """Let the daemon tell `count` events."""
        self.daemon.say(f"emit {self.next_number} {count} {pause}")
        self.next_number += count

    def settle(self) -> None:
        """Wait until every committed event has arrived, or nothing more comes."""
        until(lambda: self.committed <= set(self.witness.numbers), "all events", strict=False)

    def phase(self, name: str, times: int, act: Callable[[int], None]) -> None:
        """Run one kind of fault and note it."""
        before = len(self.committed)
        for number in range(times):
            act(number)
        self.settle()
        self.table.append((name, times, len(self.committed) - before))
        print(f"{name}: {times}, {len(self.committed) - before} events", file=sys.stderr)


def until(condition: Callable[[], bool], what: str, *, strict: bool = True) -> None:
    """Wait up to PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            if strict:
                raise TimeoutError(f"{what}: not within {PATIENCE:g} s")
            return
        time.sleep(0.01)


def restart_broker(run: Run, number: signal.Signals, chance: random.Random) -> None:
    """End the broker somewhere in a train of events, and see both sides come back."""
    run.emit(6, 0.03)
    time.sleep(chance.uniform(0.0, 0.2))
    run.witness.there.clear()
    run.broker.restart(number)
    if not run.witness.there.wait(PATIENCE):
        raise TimeoutError("the subscriber did not come back")
    run.emit(1, 0.0)
    last = run.next_number - 1
    until(lambda: last in run.witness.numbers, f"event {last} after a restart")


def kill_daemon(run: Run, moment: str, chance: random.Random, _number: int) -> None:
    """Let the daemon die at a moment of some event, and start it anew."""
    run.emit(chance.randint(1, 4), 0.01)
    time.sleep(chance.uniform(0.0, 0.1))
    run.daemon.say(f"kill {moment}")
    run.emit(4, 0.005)
    run.daemon.wait_dead()
    run.daemon.start()


def outage(run: Run, events: int) -> None:
    """Ten minutes without a broker on the daemon's clock."""
    run.daemon.quit()
    run.daemon.start(OUTAGE_SPEED)
    run.broker.stop()
    pause = OUTAGE / OUTAGE_SPEED / events
    run.emit(events, pause)
    last = run.next_number - 1
    until(lambda: last in run.committed, "the last event of the outage")
    run.broker.start()
    run.settle()


def result(run: Run, restarts: int, kills: int) -> dict[str, int]:
    """Count: each id once in the order of its first arrival."""
    arrived = list(dict.fromkeys(run.witness.numbers))
    return {
        "sent": len(run.committed),
        "lost": len(run.committed - set(arrived)),
        "duplicates": len(run.witness.ids) - len(set(run.witness.ids)),
        "duplicates_of_the_broker": run.witness.redelivered,
        "out_of_order": sum(a > b for a, b in pairwise(arrived)),
        "late": run.witness.late,
        "broker_restarts": restarts,
        "daemon_kills": kills,
    }


def main() -> int:
    """Run all phases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    parser.add_argument("--restarts", type=int, default=50, help="of the broker (default: %(default)s)")
    parser.add_argument("--kills", type=int, default=20, help="of the daemon (default: %(default)s)")
    parser.add_argument("--outage-events", type=int, default=60, help="during the outage (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments (default: %(default)s)")
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311 - repeatable moments, no secret
    with tempfile.TemporaryDirectory(prefix="emoedge-faults-") as scratch:
        folder = Path(scratch)
        broker = Mosquitto(folder, BROKER_LINES, persistence=True).start()
        committed: set[int] = set()
        run = Run(broker, Daemon(broker.port, folder / "state", committed), Witness(broker.port), committed)
        run.witness.there.wait(PATIENCE)
        run.daemon.start()
        try:
            half = options.restarts // 2
            run.phase("broker stopped and started", half, lambda _: restart_broker(run, signal.SIGTERM, chance))
            run.phase(
                "broker killed and started", options.restarts - half,
                lambda _: restart_broker(run, signal.SIGKILL, chance),
            )  # fmt: skip
            shares = Counter(MOMENTS[n % len(MOMENTS)] for n in range(options.kills))
            for moment, times in shares.items():
                name = f"daemon killed {moment.replace('_', ' ')}"
                run.phase(name, times, partial(kill_daemon, run, moment, chance))
            run.phase(f"outage of {OUTAGE:g} s", 1, lambda _: outage(run, options.outage_events))
            run.daemon.quit()
            run.settle()
        finally:
            run.witness.close()
            run.broker.stop(signal.SIGKILL)
        counts = result(run, options.restarts, options.kills)
    if not options.json:
        print(f"{'fault':<32}{'times':>7}{'events':>8}")
        for fault, times, events in run.table:
            print(f"{fault:<32}{times:>7}{events:>8}")
        print(f"sent {counts['sent']}, lost {counts['lost']}, duplicated {counts['duplicates']} "
              f"({counts['duplicates_of_the_broker']} of them by the broker), "
              f"out of order {counts['out_of_order']}")  # fmt: skip
    print(json.dumps(counts))
    return int(bool(counts["lost"] or counts["out_of_order"]))


if __name__ == "__main__":
    sys.exit(main())
