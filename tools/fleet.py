"""Simulates a fleet against a Mosquitto of its own and measures broker and delivery.

Every device has its own connection, last will, retained topics and rhythm, and says what the daemon says; one
subscriber reads it all, as a store would. The last line printed is one JSON object; the exit status is 1 where
an event was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from workbench.fleet_device import BASE, KINDS
from workbench.mosquitto import Mosquitto

PROCESSES = 2
"""That the devices are spread over."""

MOST = 20_000
"""Devices; more need more addresses than loopback's one has ports for."""

FILES, SPARE_FILES = 3, 100
"""Open files of one simulated device, and of a process beside them."""

PATIENCE = 300.0
"""Seconds for all births, and for the last message and will."""

BROKER_LINES = "max_inflight_messages 0\nmax_queued_messages 0\nset_tcp_nodelay true"

SEQ = re.compile(rb'"seq":(\d+)')


class Reader:
    """The subscriber: notes what arrives when."""

    def __init__(self, port: int) -> None:
        self.began = time.monotonic()
        self.online: set[str] = set()
        self.offline: set[str] = set()
        self.arrived: list[tuple[int, int, int, int]] = []
        self.caught_up: float | None = None
        self.changed = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="reader")
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(f"{BASE}/+/{name}", 1) for name in ("status", *KINDS)]
        )
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        now = time.monotonic_ns()
        _, device, name = message.topic.split("/")
        if name == "status":
            with self.changed:
                (self.online if message.payload == b"online" else self.offline).add(device)
                self.changed.notify()
        elif not message.retain:
            found = SEQ.search(message.payload)
            assert found is not None
            self.arrived.append((int(device.removeprefix("unit-")), KINDS.index(name), int(found[1]), now))

    def wait(self, devices: set[str], count: int) -> float:
        """Seconds until `count` devices are in one of `online` and `offline`."""
        began = time.monotonic()
        with self.changed:
            if not self.changed.wait_for(lambda: len(devices) >= count, PATIENCE):
                raise TimeoutError(f"{len(devices)} of {count} devices after {PATIENCE:g} s")
        return time.monotonic() - began

    def settle(self) -> None:
        """Wait until nothing more arrives."""
        count = -1
        while count != len(self.arrived):
            count = len(self.arrived)
            time.sleep(1.0)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


class Usage:
    """CPU time and memory of a process, from /proc."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    def cpu(self) -> float:
        """Seconds in user and kernel mode."""
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss(self) -> float:
        """Megabytes."""
        return int((self._folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Crowd:
    """One of the processes that are the devices."""

    def __init__(self, port: int, first: int, count: int, options: argparse.Namespace, folder: Path) -> None:
        self.notes = folder / f"sent-{first}.npy"
        arguments = (port, first, count, options.seconds, options.emotions, options.events, self.notes, options.seed)
        command = [sys.executable, "-m", "workbench.fleet_crowd", *map(str, arguments)]
        self.process = subprocess.Popen(
            command, cwd=Path(__file__).parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def expect(self, word: str) -> Any:
        """Wait for a word; what was said beside it."""
        assert self.process.stdout is not None
        said, _, rest = self.process.stdout.readline().partition(" ")
        if said != word:
            raise RuntimeError(f"a process of devices ended instead of being {word}")
        return json.loads(rest)

    def go(self) -> None:
        """Let them speak."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run the fleet; everything that is reported."""
    broker = Mosquitto(folder, BROKER_LINES).start()
    assert broker.process is not None
    usage = Usage(broker.process.pid)
    empty, began = usage.rss(), time.monotonic()
    share = -(-options.devices // PROCESSES)
    crowds = [
        Crowd(broker.port, first, min(share, options.devices - first), options, folder)
        for first in range(0, options.devices, share)
    ]
    reader = None
    try:
        retained, *_ = [crowd.expect("ready") for crowd in crowds]
        born, full = time.monotonic() - began, usage.rss()
        reader = Reader(broker.port)
        caught_up = reader.wait(reader.online, options.devices)
        reader.settle()
        cpu, start = usage.cpu(), time.monotonic()
        for crowd in crowds:
            crowd.go()
        told = [crowd.expect("done") for crowd in crowds]
        spent, busy = time.monotonic() - start, usage.cpu() - cpu
        reader.settle()
        rss = usage.rss()
        for crowd in crowds:
            crowd.process.kill()
        wills = reader.wait(reader.offline, options.devices)
    finally:
        for crowd in crowds:
            crowd.process.kill()
            crowd.process.wait()
        if reader is not None:
            reader.close()
        broker.stop()
    sent = np.concatenate([np.load(crowd.notes) for crowd in crowds])
    sizes = {kind: sum(t["bytes"][kind] for t in told) for kind in KINDS}
    return {
        "devices": options.devices, "seconds": round(spent, 1), "cpus": os.cpu_count(),
        "published": len(sent), "messages_per_s": round(len(sent) / spent, 1),
        "kilobytes_per_s": round(sum(sizes.values()) / spent / 1e3, 1),
        "payload_bytes": {
            kind: round(sizes[kind] / max(1, int((sent[:, 1] == number).sum()))) for number, kind in enumerate(KINDS)
        },
        **delivery(sent, np.array(reader.arrived, dtype=np.int64).reshape(-1, 4)),
        "broker": {
            "cpu_share": round(busy / spent, 3), "rss_mb": round(rss, 1),
            "rss_kilobytes_per_device": round((full - empty) * 1e3 / options.devices, 1),
        },
        "retained_per_device": retained,
        "births_s": round(born, 1), "catch_up_s": round(caught_up, 2), "wills_s": round(wills, 2),
        "devices_cpu_share": round(sum(t["cpu_share"] for t in told), 3),
        "devices_behind_s": round(max(t["behind_s"] for t in told), 3),
    }  # fmt: skip


def delivery(sent: Any, arrived: Any) -> dict[str, Any]:
    """Loss and latency: both arrays are n x (device, kind, seq, nanoseconds)."""
    at = {tuple(row[:3]): row[3] for row in sent.tolist()}
    delays = [(row[1], row[3] - at.pop(key)) for row in arrived.tolist() if (key := tuple(row[:3])) in at]
    events = KINDS.index("event")
    lost = [key for key in at if key[1] == events]
    result: dict[str, Any] = {"delivered": len(delays), "lost": len(at), "events_lost": len(lost), "latency_ms": {}}
    for number, kind in enumerate(KINDS[:2]):
        took = np.array([delay for of, delay in delays if of == number] or [np.nan]) / 1e6
        quantiles = {name: round(float(np.quantile(took, q)), 2) for name, q in (("p50", 0.5), ("p99", 0.99))}
        result["latency_ms"][kind] = {**quantiles, "max": round(float(took.max()), 2)}
    return result


def show(result: dict[str, Any]) -> None:
    """The figures for people."""
    broker, kept = result["broker"], result["retained_per_device"]
    print(f"{result['devices']} devices for {result['seconds']} s on {result['cpus']} processors")
    print(f"messages     {result['messages_per_s']} a second, {result['kilobytes_per_s']} kB/s; "
          f"{result['published']} sent, {result['lost']} lost, {result['events_lost']} events among them")  # fmt: skip
    for kind, latency in result["latency_ms"].items():
        print(f"{kind:12} p50 {latency['p50']} ms, p99 {latency['p99']} ms, max {latency['max']} ms; "
              f"{result['payload_bytes'][kind]} bytes each")  # fmt: skip
    print(f"broker       {broker['cpu_share']:.1%} of one processor, {broker['rss_mb']} MB, "
          f"{broker['rss_kilobytes_per_device']} kB a device")  # fmt: skip
    print(f"retained     {kept['topics']} topics, {kept['topic_bytes']} + {kept['payload_bytes']} bytes a device")
    print(f"births       {result['births_s']} s; a new subscriber knew all in {result['catch_up_s']} s; "
          f"all last wills in {result['wills_s']} s")  # fmt: skip
    print(f"simulation   {result['devices_cpu_share']:.1%} of one processor, "
          f"at most {result['devices_behind_s']} s late")  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("devices", metavar="N", type=int, help="devices")
    parser.add_argument("--seconds", type=float, default=30.0, help="of speaking (default: %(default)s)")
    parser.add_argument("--emotions", type=float, default=0.5, help="states a second and device (default: %(default)s)")
    parser.add_argument("--events", type=float, default=0.1, help="events a second and device (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the devices' rhythm (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    options = parser.parse_args(argv)
    if not 1 <= options.devices <= MOST or not 1 <= options.seconds <= 600:
        parser.error(f"expected 1 to {MOST} devices and 1 to 600 seconds")
    if not (0 < options.emotions <= 10 and 0 < options.events <= 10):
        parser.error("expected rates above 0, at most 10")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < FILES * options.devices // PROCESSES + SPARE_FILES:
        parser.error(f"{options.devices} devices need more than the {hard} open files that are allowed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # handed down to the broker and the devices
    with tempfile.TemporaryDirectory(prefix="emoedge-fleet-") as scratch:
        result = measure(options, Path(scratch))
    if not options.json:
        show(result)
    print(json.dumps(result))
    return int(result["events_lost"] > 0)


if __name__ == "__main__":
    sys.exit(main())
