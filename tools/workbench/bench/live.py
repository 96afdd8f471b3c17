"""The daemon's own loop in real time on frames from memory, against a real Mosquitto.

Tells how long after a frame its event is in a subscriber's hands, and what the process costs all in all.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from emoedge.app import App
from emoedge.config import default_config
from emoedge.messages import AudioBlock, Event, EventType, Frame, SensorStatus, State
from emoedge.ops.clock import SystemClock
from emoedge.ops.health import HealthMeter
from emoedge.outputs.factory import mqtt_sink
from emoedge.pipeline import build_pipeline, load_models
from emoedge.threads import bound_threads
from workbench.bench.account import summary
from workbench.bench.sounds import hush
from workbench.clips import FPS, clip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

RATES = {"visitors": FPS, "moving": FPS, "empty": 5.0, "still": 5.0}
"""Frames handed over a second: a full film, or the daemon's own rate where nothing happens."""

HELD = 25
"""Frames of a clip that are kept where nothing moves: the grain need not last longer."""

ONLINE = SensorStatus.ONLINE
PATIENCE = 30.0
"""Seconds for the broker to acknowledge everything."""

SETTLE = 2.0
"""Seconds until the connection stands and the first scans are over."""


class MemoryCamera:
    """Implements FrameSource: drawn frames at their pace, over and over."""

    status, problem, ended = ONLINE, None, False
    counters: Mapping[str, int] = {"delivered": 0, "dropped": 0, "invalid": 0, "reopened": 0}

    def __init__(self, pictures: Sequence[NDArray[np.uint8]], rate: float) -> None:
        self._pictures = pictures
        self._rate = rate
        self._begun = 0.0
        self._index = 0

    def start(self) -> None:
        """Begin."""
        self._begun = time.monotonic()

    def stop(self) -> None:
        """Nothing is held open."""

    def take(self, timeout: float) -> Frame | None:
        """Next frame, when its time has come."""
        due = self._begun + self._index / self._rate
        wait = due - time.monotonic()
        if wait > timeout:
            time.sleep(timeout)
            return None
        time.sleep(max(0.0, wait))
        picture = self._pictures[self._index % len(self._pictures)]
        self._index += 1
        return Frame(picture, time.monotonic(), self._index)


class MemoryMicrophone:
    """Implements AudioSource: a sound at its pace in blocks of 20 ms, over and over."""

    status, problem, ended = ONLINE, None, False
    counters: Mapping[str, int] = {"delivered": 0, "dropped": 0, "clipped": 0, "invalid": 0, "reopened": 0}

    def __init__(self, samples: NDArray[np.float32]) -> None:
        self._samples = samples
        self._begun = 0.0
        self._told = 0

    def start(self) -> None:
        """Begin."""
        self._begun = time.monotonic()

    def stop(self) -> None:
        """Nothing is held open."""

    def take(self) -> list[AudioBlock]:
        """What has been heard since."""
        blocks = []
        while (at := self._begun + (self._told + 1) * 0.02) <= time.monotonic():
            start = self._told * 320 % (len(self._samples) - 320)
            blocks.append(AudioBlock(self._samples[start : start + 320], at))
            self._told += 1
        return blocks


class Diary:
    """Implements Sink: notes when each event became known."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def start(self) -> None:
        """Nothing to begin."""

    def event(self, event: Event) -> None:
        """Note it."""
        self.events.append(event)

    def state(self, state: State) -> None:
        """States are not noted."""

    def stop(self) -> None:
        """Nothing to end."""


def publish(port: int, folder: Path, events: int = 300) -> float:
    """CPU milliseconds of the process for one event, all its threads, until the broker has acknowledged it."""
    config = default_config("demo", overrides={"mqtt.port": port, "device.state_directory": str(folder)})
    sink = mqtt_sink(config, "bench", SystemClock(), boot_id="bench", models={"face": None, "speech": None})
    sink.start()
    time.sleep(SETTLE)
    before = time.process_time()
    for _ in range(events):
        sink.event(Event(EventType.PERSON_APPEARED, time.monotonic(), "face-1", "ep-1", details={"people": 1}))
        time.sleep(0.005)
    deadline = time.monotonic() + PATIENCE
    while sink.queue and time.monotonic() < deadline:
        time.sleep(0.05)
    spent, left = time.process_time() - before, sink.queue
    sink.stop()
    if left:
        raise TimeoutError(f"{left} events were not acknowledged")
    return 1000 * spent / events


class Live:
    """One run; `kind` is the name of a clip of RATES."""

    def __init__(self, kind: str, port: int, folder: Path) -> None:
        config = default_config("demo", overrides={"mqtt.port": port, "device.state_directory": str(folder)})
        if RATES[kind] == FPS:
            config = replace(config, vision=replace(config.vision, rate=0))
        bound_threads(config.models.threads)
        scene = clip(kind)
        pictures = [picture for index, (_, picture, _) in enumerate(scene.frames())
                    if RATES[kind] == FPS or index < HELD]  # fmt: skip
        clock = SystemClock()
        models = load_models(config)
        self._diary = Diary()
        mqtt = mqtt_sink(config, "bench", clock, boot_id="bench", models={"face": models.face, "speech": models.speech})
        self._port = port
        self._heard: list[tuple[str, float]] = []
        self._app = App(
            pipeline=build_pipeline(config, models), clock=clock, camera=MemoryCamera(pictures, RATES[kind]),
            microphone=MemoryMicrophone(hush()), sinks=(self._diary, mqtt), mqtt=mqtt,
            meter=HealthMeter(clock.monotonic()),
        )  # fmt: skip

    def run(self, seconds: float) -> dict[str, Any]:
        """Share of a core, and milliseconds from an event's frame to its arrival, over `seconds`."""
        listener = self._listener()
        stop = threading.Event()
        thread = threading.Thread(target=self._app.run, args=(stop,))
        thread.start()
        time.sleep(SETTLE)
        before, begun = time.process_time(), time.monotonic()
        time.sleep(seconds)
        share = (time.process_time() - before) / (time.monotonic() - begun)
        stop.set()
        thread.join()
        time.sleep(0.3)
        listener.disconnect()
        listener.loop_stop()
        told: dict[str, Any] = {"core_share": share}
        if len(self._diary.events) > 2:
            told["latency_ms"] = self._latency()
        return told

    def _latency(self) -> dict[str, Any]:
        waits: list[float] = []
        for event, (kind, at) in zip(self._diary.events, self._heard, strict=False):
            if kind != event.type.value:
                raise RuntimeError(f"{kind} arrived where {event.type} was sent")
            # The first wait for the connection, and what the end of the run ends, is another matter.
            if event.at > self._diary.events[0].at + SETTLE and event.type is not EventType.MODE_CHANGED:
                waits.append(1000 * (at - event.at))
        return {**summary(waits), "events": len(waits)} if waits else {"events": 0}

    def _listener(self) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        ready = threading.Event()

        def hear(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
            self._heard.append((json.loads(message.payload)["event_type"], time.monotonic()))

        client.on_message = hear
        client.on_subscribe = lambda *_: ready.set()
        client.connect("127.0.0.1", self._port)
        client.subscribe("emoedge/bench/event", 1)
        client.loop_start()
        if not ready.wait(10):
            raise TimeoutError("could not subscribe at the broker")
        return client
