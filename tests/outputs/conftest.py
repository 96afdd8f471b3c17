"""Things to tell: states, beliefs and events, a sink that tells them, and outboxes where they wait."""

import json
import random
from datetime import UTC, datetime

import numpy as np
import pytest

from emoedge.config.outputs import MqttConfig
from emoedge.emotions import CANONICAL, Scores
from emoedge.messages import Belief, Contribution, Event, EventType, Modality, Mode, State
from emoedge.ops.backoff import Backoff
from emoedge.ops.clock import ManualClock, SystemClock
from emoedge.outputs.event_store import Caps
from emoedge.outputs.mqtt import MqttSink
from emoedge.outputs.outbox import Outbox

ABOUT = {
    "device": "test-1", "versions": {"emoedge": "0"}, "models": {"face": None, "speech": None},
    "config_hash": "0", "board": "none", "context": "demo", "privacy": "no picture leaves",
}  # fmt: skip


def scores(label="happy", confidence=0.7):
    values = np.full(7, (1 - confidence) / 6)
    values[CANONICAL.index(label)] = confidence
    return Scores(values, np.ones(7, dtype=bool))


def belief(label="happy", confidence=0.7, subject="face-1", at=0.0):
    part = Contribution(Modality.FACE, 0.8, 0.04, 0.9, label)
    return Belief(at, subject, label, confidence, scores(label, confidence), contributions=(part,))


def state(label="happy", confidence=0.7, people=1, at=0.0):
    return State(at, Mode.FACE_ONLY, people, belief(label, confidence, at=at))


class Tell:
    """Builders, reachable from tests through one fixture."""

    scores = staticmethod(scores)
    belief = staticmethod(belief)
    state = staticmethod(state)

    @staticmethod
    def start(number, at):
        details = {"label": "happy", "duration": 0.5, "peak": 0.8}
        return Event(EventType.EMOTION_START, at, "face-1", str(number), belief(at=at), details)

    @staticmethod
    def moved(number, at):
        return Event(EventType.EMOTION_UPDATE, at, "face-1", str(number), belief(at=at), {"number": number})


@pytest.fixture
def tell():
    return Tell


@pytest.fixture
def make_sink():
    """A started sink for a port; stopped in the end."""
    sinks = []

    def make(port, *, device="test-1", boot_id="0badcafe", start=True, **options):
        settings = {
            key: options.pop(key) for key in list(options) if key in MqttConfig.__dataclass_fields__
        }
        config = MqttConfig(port=port, **{"host": "127.0.0.1", "keepalive": 5, **settings})
        options.setdefault("backoff", Backoff(0.05, 0.3, 0.2, random.Random(1).random))
        sink = MqttSink(config, device, SystemClock(), boot_id=boot_id, info=lambda: ABOUT, **options)
        sinks.append(sink)
        if start:
            sink.start()
        return sink

    yield make
    for sink in sinks:
        sink.stop()


@pytest.fixture
def make_outbox():
    """A started outbox in a folder, or in memory; stopped in the end. Further options are caps."""
    boxes = []

    def make(folder=None, clock=None, **caps):
        box = Outbox(clock or ManualClock(wall=datetime(2026, 6, 1, tzinfo=UTC)), folder, caps=Caps(**caps))
        boxes.append(box)
        box.start()
        return box

    yield make
    for box in boxes:
        box.stop()


def numbers_in(box, last_id=0, limit=10_000):
    return [json.loads(row.body)["n"] for row in box.after(last_id, limit)]


@pytest.fixture(scope="session")
def bodies():
    """The numbers of the events that wait in an outbox, in their order."""
    return numbers_in


@pytest.fixture
def fill(eventually):
    """Put numbers into an outbox, and wait until the last one may be sent."""

    def put(box, numbers):
        numbers = list(numbers)
        for number in numbers:
            box.put({"n": number})
        eventually(lambda: not box._incoming and not box._writing, what="a commit")
        eventually(lambda: numbers_in(box)[-1:] == numbers[-1:], what="the newest event to be ready")

    return put
