"""What a lost device left behind, and what a program that begins anew must not pass on."""

import os
import threading
from unittest.mock import Mock

import numpy as np
import pytest

from emoedge.app import App
from emoedge.commands.run import _keep_to_ourselves
from emoedge.config import default_config
from emoedge.fusion.belief import Reliability
from emoedge.fusion.mind import Mind
from emoedge.messages import (
    AudioBlock,
    Box,
    FaceObservation,
    FaceQuality,
    Frame,
    HearingResult,
    Modality,
    SensorStatus,
    VisionResult,
)
from emoedge.ops.clock import ManualClock, SystemClock
from emoedge.ops.health import HealthMeter
from emoedge.pipeline import Pipeline
from emoedge.sources.rate import RateLimit

RELIABILITY = {modality: Reliability(weight=1.0, decorrelation=0.5) for modality in Modality}


class Device:
    """A source with what waits in it."""

    def __init__(self):
        self.status, self.problem, self.ended, self.counters = SensorStatus.ONLINE, None, False, {}
        self.waiting = []

    def start(self):
        pass

    def stop(self):
        pass

    def take(self, timeout=None):
        found, self.waiting = self.waiting, []
        return found if timeout is None else (found or [None])[-1]


class Vision:
    """Sees the same person in every picture."""

    counters = {"invalid": 0}  # noqa: RUF012

    def __init__(self):
        self.seen = 0

    def look(self, frame):
        self.seen += 1
        face = FaceObservation(frame.at, 1, Box(0, 0, 100, 100), FaceQuality(100, 1, 100, 1.0), None)
        return VisionResult(frame.at, (face,), (1,) if self.seen == 1 else ())


class Hearing:
    """Hears a voice in every block."""

    heard = 0

    def hear(self, block):
        self.heard += 1
        return HearingResult(block.at, True, ())


class Told:
    def __init__(self):
        self.events, self.last = [], None

    def start(self):
        pass

    def stop(self):
        pass

    def event(self, event):
        self.events.append(event.type.value)

    def state(self, state):
        self.last = state


@pytest.mark.parametrize("status", [SensorStatus.RECONNECTING, SensorStatus.OFFLINE])
@pytest.mark.parametrize("lost", ["camera", "mic"])
def test_what_waited_in_a_lost_device_brings_nobody_back(lost, status):
    clock, camera, microphone, told = SystemClock(), Device(), Device(), Told()
    config = default_config()
    vision, hearing = Vision(), Hearing()
    pipeline = Pipeline(vision=vision, hearing=hearing, mind=Mind(config.fusion, RELIABILITY), rate=RateLimit(0, 30))
    app = App(pipeline=pipeline, clock=clock, camera=camera, microphone=microphone, sinks=[told], mqtt=None,
              meter=HealthMeter(clock.monotonic()))  # fmt: skip
    stop = threading.Event()

    def arrives():
        at = clock.monotonic()
        camera.waiting = [Frame(np.zeros((64, 64, 3), np.uint8), at, 0)]
        microphone.waiting = [AudioBlock(np.zeros(800, np.float32), at)]

    app._keep_house(clock.monotonic())
    arrives()
    app._round(stop)
    assert {"person_appeared", "voice_start"} <= set(told.events)
    arrives()
    (camera if lost == "camera" else microphone).status = status
    app._keep_house(clock.monotonic())
    app._round(stop)
    app._keep_house(clock.monotonic())
    assert (vision.seen, hearing.heard) == (2, 2), "it is seen and heard all the same"
    if lost == "camera":
        assert told.events.count("person_appeared") == told.events.count("person_left") == 1
        assert told.last.people == 0
    else:
        assert told.events.count("voice_start") == told.events.count("voice_end") == 1
        assert not told.last.speaking


def test_a_round_that_takes_long_is_no_clock_that_was_set():
    clock, readings = ManualClock(100.0), []
    config = default_config()
    pipeline = Pipeline(vision=None, hearing=None, mind=Mind(config.fusion, RELIABILITY), rate=RateLimit(0, 30))
    camera, mqtt, slow, counted = Device(), Mock(drops={}, problems=(), queue=0, standstill=0.0), Mock(), Mock()
    slow.state = lambda _state: clock.advance(3.0)
    counted.look = lambda at, wall, people, *, watching: readings.append((at, wall)) or []
    app = App(pipeline=pipeline, clock=clock, camera=camera, microphone=None, sinks=[slow], mqtt=mqtt,
              meter=HealthMeter(clock.monotonic()), aggregator=counted)  # fmt: skip
    for _ in range(2):
        app._keep_house(clock.monotonic())
        slow.state = Mock()
    (at, wall), (later, wall_later) = readings
    assert wall_later - wall == pytest.approx(later - at)


def test_nothing_that_is_open_is_passed_on():
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        _keep_to_ourselves()
        assert not os.get_inheritable(write)
    finally:
        os.close(read)
        os.close(write)
