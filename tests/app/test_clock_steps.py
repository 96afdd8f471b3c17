"""The wall clock is a day wrong and is set right in the middle: nothing that happens changes, only its name tags."""

import json
import socket
import threading
import time
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from emoedge.build import build_app
from emoedge.commands.replay import EPOCH, play
from emoedge.config import default_config
from emoedge.ops.clock import ManualClock, SystemClock
from emoedge.outputs.jsonl import JsonlSink
from emoedge.panel import Panel
from emoedge.pipeline import build_pipeline, load_models
from emoedge.sources.replay import Reel, film, sound
from emoedge.threads import bound_threads

DAY = 86_400.0

MIDDLE = 7.0
"""Seconds into the clip; the person is there, speaks, and an episode runs."""


def replayed(clip, voice, folder, step):
    """Events of the clip, with the wall clock unsynced and set by `step` seconds in the middle."""
    config = default_config("demo")
    pipeline = build_pipeline(config, load_models(config))
    clock = ManualClock(wall=EPOCH + timedelta(days=400), synced=False)
    sink = JsonlSink(str(folder / f"{step}.jsonl"), clock, boot_id="step", whole=True)

    def frames():
        was_set = False
        for frame in film(str(clip), config.camera):
            if frame.at >= MIDDLE and not was_set:
                clock.set(max(clock.monotonic(), frame.at))
                clock.set_wall(step, synced=True)
                was_set = True
            yield frame

    sink.start()
    blocks = sound(str(voice), config.microphone)
    play(pipeline, Reel(frames(), config.vision.leave), Reel(blocks, config.speech.gate_hang_over), clock, sink)
    sink.stop()
    return [json.loads(line) for line in (folder / f"{step}.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_a_day_forth_or_back_changes_no_episode(clip, voice, tmp_path):
    bound_threads(1)
    steady = replayed(clip, voice, tmp_path, 0.0)
    assert {"emotion_start", "emotion_end", "voice_end", "person_left"} <= {event["event_type"] for event in steady}
    assert len({event["clock"] for event in steady}) == 2, "something happens before and after"
    running = {event["episode_id"] for event in steady if event["clock"] == "unsynced"}
    assert running & {event["episode_id"] for event in steady if event["clock"] == "synced"}
    for step in (DAY, -DAY):
        stepped = replayed(clip, voice, tmp_path, step)
        for one, other in zip(steady, stepped, strict=True):
            moved = datetime.fromisoformat(other.pop("ts")) - datetime.fromisoformat(one["ts"])
            assert moved == timedelta(seconds=step if one["clock"] == "synced" else 0)
            assert other == {key: value for key, value in one.items() if key != "ts"}


class WrongClock(SystemClock):
    """The machine's clocks; the wall clock can be set without setting the machine's."""

    def __init__(self):
        super().__init__()
        self.off, self.right = timedelta(0), False

    def wall(self):
        return super().wall() + self.off

    def synced(self):
        return self.right


@pytest.fixture
def unit(broker, clip, voice, tmp_path, monkeypatch):
    """The daemon in this process under a watchdog, with a clock that is not yet right."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    config = default_config("vehicle", overrides={
        "device.id": "unit-1", "device.state_directory": str(tmp_path / "state"), "camera.source": str(clip),
        "camera.loop": True, "microphone.source": str(voice), "microphone.loop": True, "mqtt.host": "127.0.0.1",
        "mqtt.port": broker.port, "aggregates.enabled": True,
    })  # fmt: skip
    clock, panel = WrongClock(), Panel(config, Path("config.yaml"))
    thread = threading.Thread(target=build_app(config, clock, panel=panel).run, args=(panel.stop,))
    thread.start()
    yield clock
    panel.end()
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def fed(tmp_path):
    """When the watchdog was fed, by our own clock."""
    times = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "notify"))

        def listen():
            while (word := server.recv(4096)) != b"":
                if word == b"WATCHDOG=1":
                    times.append(time.monotonic())

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield times
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto(b"", str(tmp_path / "notify"))
        thread.join(5)


@pytest.mark.broker
@pytest.mark.slow
def test_the_daemon_lives_through_both_steps(broker, listen, fed, unit):
    listener = listen(broker.port)
    listener.wait("event", where=lambda item: item.json["event_type"] == "emotion_start", timeout=30)
    assert listener.wait("health")[-1].json["clock"] == "unsynced"
    assert {item.json["clock"] for item in listener.on("event")} == {"unsynced"}
    began, before = time.monotonic(), datetime.fromisoformat(listener.on("event")[-1].json["ts"])
    unit.off, unit.right = timedelta(days=1), True
    told = listener.wait("health", where=lambda item: item.json["clock"] == "synced", timeout=3)
    assert timedelta(hours=23) < datetime.fromisoformat(told[0].json["ts"]) - before < timedelta(hours=25)
    listener.wait("event", where=lambda item: item.json["event_type"] == "person_left", timeout=40)
    unit.off, unit.right = timedelta(0), False
    listener.wait("health", 2, where=lambda item: item.json["clock"] == "unsynced", timeout=3)
    listener.wait("event", 2, where=lambda item: item.json["event_type"] == "person_appeared", timeout=40)
    lasted = time.monotonic() - began

    events = [item.json for item in listener.on("event")]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), "none lost, none twice"
    assert all(0 <= event["duration"] < lasted + 30 for event in events if "duration" in event)
    near = [datetime.fromisoformat(event["ts"]) - before for event in events]
    assert all(abs(off) < timedelta(minutes=2) or abs(off - timedelta(days=1)) < timedelta(minutes=2) for off in near)
    windows = [(item.topic, item.json["start"]) for item in listener.heard if "/aggregate/" in item.topic]
    assert len(windows) == len(set(windows))
    assert len(fed) > 10
    assert max(later - earlier for earlier, later in pairwise(fed)) < 2.0
