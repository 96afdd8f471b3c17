"""No picture and no sound leaves the pipeline: neither a file nor a topic holds a piece of what came in."""

import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from emoedge.build import build_app
from emoedge.config import default_config
from emoedge.messages import EventType
from emoedge.ops.clock import SystemClock
from emoedge.panel import Panel
from emoedge.sources.wave_file import WaveFile

PIECE = 24
"""Bytes: so long a run of a picture's row or of samples occurs elsewhere only if it was copied."""

WATCHED = """
import json, sys
written = set()

def hook(event, args):
    if event == "open" and isinstance(args[0], str) and args[1] and any(c in args[1] for c in "wax+"):
        written.add(args[0])

sys.addaudithook(hook)
from emoedge.cli import main
code = main(sys.argv[2:])
open(sys.argv[1], "w").write(json.dumps(sorted(written)))
sys.exit(code)
"""


def pieces(clip, voice):
    """Runs of bytes from the middle of every tenth picture, gray and colour, and from the sound."""
    film = cv2.VideoCapture(str(clip))
    found = []
    number = 0
    while True:
        good, image = film.read()
        if not good:
            break
        if number % 10 == 0:
            for row in (image[120], image[240], image[360]):
                found.append(row[200 : 200 + PIECE // 3].tobytes())
                found.append(cv2.cvtColor(row[None], cv2.COLOR_BGR2GRAY)[0, 200 : 200 + PIECE].tobytes())
        number += 1
    sound = WaveFile(str(voice))
    samples = sound.read(16000 * 20)[:, 0]
    for start in range(80000, 120000, 4000):
        part = samples[start : start + PIECE]
        found += [part.astype("<f4").tobytes(), (part * 32768).astype("<i2").tobytes()]
    return [piece for piece in found if len(set(piece)) > 6]  # flat ones occur anywhere


def everything(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def holds(blob, known):
    return [piece for piece in known if piece in blob]


def test_the_search_finds_what_it_looks_for(clip, voice, tmp_path):
    known = pieces(clip, voice)
    assert len(known) > 50
    film = cv2.VideoCapture(str(clip))
    for _ in range(71):
        _, image = film.read()
    np.save(tmp_path / "leak.npy", image)
    assert any(holds(blob, known) for blob in everything(tmp_path).values())


@pytest.mark.slow
def test_replay_writes_its_lines_and_nothing_else(clip, voice, tmp_path):
    home, lines, log = tmp_path / "home", tmp_path / "events.jsonl", tmp_path / "written.json"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(log), "replay", str(clip), str(voice), "--jsonl", str(lines)],
        cwd=home, capture_output=True, check=False,
        env={**os.environ, "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert everything(home) == {}
    assert set(json.loads(log.read_text())) - {str(log)} <= {str(lines), os.devnull}
    assert not holds(lines.read_bytes(), pieces(clip, voice))


@pytest.mark.broker
@pytest.mark.slow
def test_the_daemon_leaves_no_trace_on_disk_or_wire(broker, listen, daemon, clip, voice, tmp_path):
    state = tmp_path / "state"
    listener = listen(broker.port)
    unit = daemon(
        f"deployment: {{context: home}}\n"
        f"device: {{id: unit-1, state_directory: {state}}}\n"
        f"camera: {{source: {clip}}}\nmicrophone: {{source: {voice}}}\n"
        f"mqtt: {{host: 127.0.0.1, port: {broker.port}}}\n"
    )
    listener.wait("status", where=lambda item: item.body == b"online")
    listener.client.publish("emoedge/unit-1/control/raw/set", "true", qos=1)
    listener.wait("raw/face", timeout=30)
    listener.wait("event", where=lambda item: item.json["event_type"] == "person_left", timeout=40)
    assert unit.stop()[0] == 0
    known = pieces(clip, voice)
    for path, blob in everything(tmp_path).items():
        assert not holds(blob, known), path
    for item in listener.heard:
        assert not holds(item.body, known), item.topic
        assert len(item.body) < 16_384, item.topic


IMPERSONAL = {"status", "info", "health", "log", "sensor/camera/status", "sensor/mic/status"}
"""Topics that may hold something where aggregates are all that is told of people."""

PERSONAL = re.compile("|".join([r"face-\d", '"subject', '"label"', *EventType]).encode())
"""What is said of somebody, or of the moment of somebody's coming and going."""

COUNTED = {
    "v", "ts", "clock", "boot_id", "seq", "start", "end", "covered", "k", "suppressed", "people", "shares", "valence",
    "arousal", "late",
}  # fmt: skip
"""All that an aggregate may say."""


class PatientClock(SystemClock):
    """Six times as fast, from the begin of a minute, and no faster than `loop` looks: a busy machine sees no less."""

    SPEED, LOOK = 6, 0.3

    def __init__(self):
        super().__init__()
        self.loop = None
        self._lock = threading.Lock()
        self._at, self._read = 0.0, time.monotonic()

    def monotonic(self):
        with self._lock:
            now = time.monotonic()
            at = self._at + min((now - self._read) * self.SPEED, self.LOOK)
            if threading.current_thread() is self.loop:
                self._at, self._read = at, now
            return at

    def wall(self):
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())


@pytest.fixture
def crowd(broker, clip, voice, tmp_path):
    """The daemon in this process: the person of the clip comes every 2.5 s, as another one."""
    config = default_config("kiosk", overrides={
        "device.id": "unit-1", "device.state_directory": str(tmp_path / "state"), "camera.source": str(clip),
        "camera.loop": True, "microphone.source": str(voice), "microphone.loop": True, "mqtt.host": "127.0.0.1",
        "mqtt.port": broker.port, "log.level": "debug", "aggregates.enabled": True, "aggregates.only": True,
        "aggregates.windows": [1], "aggregates.k": 3, "aggregates.gap": 0,
    })  # fmt: skip
    panel, clock = Panel(config, Path("config.yaml")), PatientClock()
    clock.loop = threading.Thread(target=build_app(config, clock, panel=panel).run, args=(panel.stop,))
    clock.loop.start()
    yield panel
    panel.end()
    clock.loop.join(20)
    assert not clock.loop.is_alive()


@pytest.mark.broker
@pytest.mark.slow
def test_aggregates_alone_name_nobody_and_nothing_else_is_told(broker, listen, crowd, tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "emoedge")
    listener = listen(broker.port)
    listener.client.publish("emoedge/unit-1/control/raw/set", "true", qos=1)
    told = listener.wait("aggregate/1m", timeout=300, where=lambda item: not item.json["suppressed"])[0].json
    assert told["people"] >= 3
    assert told["shares"]["happy"] > 0.1
    listener.client.publish("emoedge/unit-1/control/paused/set", "true", qos=1)
    listener.wait("sensor/camera/status", timeout=60, where=lambda item: item.body == b"disabled")
    listener.wait("aggregate/1m", timeout=300, where=lambda item: item.json["covered"] == 0)
    crowd.end()
    listener.wait("status", timeout=60, where=lambda item: item.body == b"offline")

    for item in listener.heard:
        name = item.topic.split("/", 2)[2]
        if name == "aggregate/1m":
            assert set(item.json) <= COUNTED
        if name in {"aggregate/1m", *IMPERSONAL}:
            assert not PERSONAL.search(item.body), item
        elif item.body and name != "control/raw/set":
            assert name.startswith(("schema/", "control/")) or item.topic.startswith("homeassistant/"), item.topic
    for path, blob in everything(tmp_path / "state").items():
        assert not PERSONAL.search(blob), path
    assert not PERSONAL.search(caplog.text.encode())
