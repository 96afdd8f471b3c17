"""The daemon itself in a process of its own, in real time, against a Mosquitto that is restarted again and again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING, Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from workbench.mosquitto import Mosquitto
from workbench.soak_gauge import Gauge

if TYPE_CHECKING:
    import threading
    from pathlib import Path

SAMPLE_EVERY = 5.0
"""Seconds."""

DOWN = (0.0, 2.0, 20.0)
"""Seconds that the broker stays away, in turn."""

START = 60.0
"""Seconds until the daemon must have come online."""

CONFIG = """
deployment: {{context: demo}}
device: {{id: soak, state_directory: {state}}}
camera: {{source: {assets}/demo.mp4, loop: true}}
microphone: {{source: {assets}/demo.wav, loop: true}}
mqtt: {{host: 127.0.0.1, port: {port}, keepalive: 5}}
log: {{level: warning}}
"""


class Ear:
    """A subscriber that comes back by itself and counts."""

    def __init__(self, port: int) -> None:
        self.counts: Counter[str] = Counter()
        self.health: dict[str, Any] = {}
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("emoedge/soak/#", 1)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        name = message.topic.removeprefix("emoedge/soak/")
        if name == "status" and not message.retain:
            name = message.payload.decode()
        self.counts[name] += 1
        if name == "health":
            self.health = json.loads(message.payload)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


def run(minutes: float, restart_every: float, folder: Path, stop: threading.Event) -> dict[str, Any]:
    """Run for `minutes` or until `stop`, the broker restarted every `restart_every` seconds; what was measured."""
    broker = Mosquitto(folder).start()
    ear = Ear(broker.port)
    config = folder / "soak.yaml"
    assets = resources.files("emoedge") / "assets"
    config.write_text(CONFIG.format(state=folder / "state", assets=assets, port=broker.port))
    daemon = subprocess.Popen(
        [sys.executable, "-m", "emoedge", "run", "--config", str(config)], env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    restarts, began = 0, time.monotonic()
    try:
        while not ear.counts["health"]:
            if daemon.poll() is not None or time.monotonic() - began > START:
                raise RuntimeError("the daemon did not come online")
            time.sleep(0.1)
        gauge, began = Gauge(daemon.pid), time.monotonic()
        next_restart = restart_every
        while (now := time.monotonic() - began) < minutes * 60 and not stop.is_set():
            gauge.sample(now)
            if now >= next_restart:
                next_restart += restart_every
                broker.stop((signal.SIGTERM, signal.SIGKILL)[restarts % 2])
                time.sleep(DOWN[restarts % len(DOWN)])
                broker.start()
                restarts += 1
            stop.wait(SAMPLE_EVERY)
        report = gauge.report()
        daemon.send_signal(signal.SIGTERM)
        code = daemon.wait(15)
    finally:
        daemon.kill()
        daemon.wait()
        ear.close()
        broker.stop(signal.SIGKILL)
    return {
        "real_minutes": round((time.monotonic() - began) / 60, 1), "broker_restarts": restarts, "exit_code": code,
        "events": ear.counts["event"], "health": ear.counts["health"], "fps": ear.health.get("fps"), **report,
    }  # fmt: skip
