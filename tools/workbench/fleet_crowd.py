"""One process that is many devices: connects them, lets them speak on time, notes what was sent when.

Started by tools/fleet.py. Writes `ready` when all are connected and the broker has all that they retain,
begins at a line on stdin, saves its notes to the file that it was given, writes `done`, and waits to be killed.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import selectors
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from emoedge.ops.health import INTERVAL
from workbench.fleet_device import KINDS, Device, load_models

KEEPALIVE = 60
"""Seconds; every device speaks more often."""

PATIENCE = 300.0
"""Seconds for all births."""


class Member:
    """One device and its connection."""

    def __init__(self, device: Device, port: int, selector: selectors.BaseSelector) -> None:
        self.device = device
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"emoedge-{device.name}", protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )  # fmt: skip
        self.client.max_inflight_messages_set(0)
        self.client.will_set(device.will.topic, device.will.body, device.will.qos, device.will.retain)
        self.client.on_connect = self._on_connect
        self.client.on_publish = self._on_publish
        self.unborn = 1
        self.retained = {"topics": 0, "topic_bytes": 0, "payload_bytes": 0}
        self.client.connect("127.0.0.1", port, KEEPALIVE)
        selector.register(self.client.socket(), selectors.EVENT_READ, self)  # type: ignore[arg-type]

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        births = list(self.device.birth())
        self.unborn = len(births)
        for message in births:
            client.publish(message.topic, message.body, message.qos, message.retain)
        for kind in ("emotion", "health"):
            message = self.device.say(kind)
            births.append(message)
            client.publish(message.topic, message.body, message.qos, message.retain)
        self.retained = {
            "topics": len(births), "topic_bytes": sum(len(m.topic) for m in births),
            "payload_bytes": sum(len(m.body) for m in births),
        }  # fmt: skip

    def _on_publish(self, _client: paho.Client, _data: Any, _mid: int, *_: Any) -> None:
        self.unborn -= self.unborn > 0

    def turn(self) -> None:
        """Read what has come, write what is left."""
        self.client.loop_read()
        if self.client.want_write():
            self.client.loop_write()


def serve(selector: selectors.BaseSelector, seconds: float) -> None:
    """Look after the connections for a while."""
    for key, _ in selector.select(max(0.0, seconds)):
        key.data.turn()


def run(port: int, first: int, count: int, seconds: float, rates: dict[str, float], notes: Path, seed: int) -> None:
    """Be `count` devices from number `first` on."""
    chance = random.Random(f"{seed}-{first}")  # noqa: S311 - repeatable, no secret
    models = load_models()
    selector = selectors.DefaultSelector()
    members = []
    for number in range(first, first + count):
        members.append(Member(Device(number, models, chance), port, selector))
        serve(selector, 0)
    deadline = time.monotonic() + PATIENCE
    while any(member.unborn for member in members):
        serve(selector, 0.05)
        for member in members:
            if member.client.want_write():
                member.client.loop_write()
        if time.monotonic() > deadline:
            raise TimeoutError("not every device was born")
    print("ready", json.dumps(members[0].retained), flush=True)
    sys.stdin.readline()
    began, cpu = time.monotonic(), time.process_time()
    due = [(began + chance.expovariate(rates[kind]), index, kind) for index in range(count) for kind in KINDS]
    heapq.heapify(due)
    sent, sizes, lag = [], dict.fromkeys(KINDS, 0), 0.0
    end = began + seconds
    while (now := time.monotonic()) < end:
        at, index, kind = due[0]
        if at > now:
            serve(selector, min(at, end) - now)
            continue
        lag = max(lag, now - at)
        heapq.heapreplace(due, (at + (INTERVAL if kind == "health" else chance.expovariate(rates[kind])), index, kind))
        member = members[index]
        message = member.device.say(kind)
        seq = json.loads(message.body)["seq"]
        sizes[kind] += len(message.body)
        sent.append((first + index, KINDS.index(kind), seq, time.monotonic_ns()))
        member.client.publish(message.topic, message.body, message.qos, message.retain)
        if len(sent) % 16 == 0:
            serve(selector, 0)
    used = (time.process_time() - cpu) / (time.monotonic() - began)
    np.save(notes, np.array(sent, dtype=np.int64).reshape(-1, 4))
    print("done", json.dumps({"cpu_share": used, "behind_s": lag, "bytes": sizes}), flush=True)
    while True:  # stay, and keep the connections, until the end that releases the last wills
        serve(selector, 1.0)


def main() -> None:
    """Run as a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind in (("port", int), ("first", int), ("count", int), ("seconds", float), ("emotion", float),
                       ("event", float), ("notes", Path), ("seed", int)):  # fmt: skip
        parser.add_argument(name, type=kind)
    a = parser.parse_args()
    rates = {"emotion": a.emotion, "event": a.event, "health": 1 / INTERVAL}
    run(a.port, a.first, a.count, a.seconds, rates, a.notes, a.seed)


if __name__ == "__main__":
    main()
