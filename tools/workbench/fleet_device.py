"""What one device of a simulated fleet says: the daemon's own payloads on the daemon's own topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emoedge.app import DROPPED
from emoedge.config import default_config
from emoedge.emotions import CANONICAL, Scores
from emoedge.inference.model_file import ModelFile
from emoedge.inference.shipped import resolve
from emoedge.messages import Belief, Contribution, Event, EventType, Modality, Mode, State
from emoedge.ops.clock import SystemClock
from emoedge.ops.health import HealthMeter
from emoedge.outputs import payloads
from emoedge.outputs.about import about
from emoedge.outputs.control_values import ControlValues
from emoedge.outputs.discovery import discovery, discovery_topic
from emoedge.outputs.message import Message
from emoedge.outputs.schema_files import NAMES, schema
from emoedge.outputs.stamp import Stamp
from emoedge.outputs.topics import Topics

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping

BASE = "emoedge"

KINDS = ("emotion", "event", "health")
"""What a device goes on saying."""

CONFIG = default_config("demo")
CLOCK = SystemClock()


def load_models() -> dict[str, ModelFile | None]:
    """The shipped models, for what `info` says of them."""
    return {
        kind: None if path is None else ModelFile.read(path)
        for kind, path in (("face", resolve(CONFIG.models.face, None)), ("speech", resolve(CONFIG.models.speech, None)))
    }


def device_name(number: int) -> str:
    """Id of a simulated device."""
    return f"unit-{number:05d}"


class Device:
    """One device; `chance` decides what it sees."""

    def __init__(self, number: int, models: Mapping[str, ModelFile | None], chance: random.Random) -> None:
        self.name = device_name(number)
        self.topics = Topics(BASE, self.name)
        self.will = Message(self.topics.status, b"offline", qos=1, retain=True)
        self._models = models
        self._chance = chance
        self._stamp = Stamp(CLOCK, f"{chance.getrandbits(32):08x}")
        self._meter = HealthMeter(CLOCK.monotonic())
        self._episode = 0

    def birth(self) -> Iterator[Message]:
        """All that is retained, in the daemon's order, but for what `say` tells."""
        yield self._text(self.topics.status, "online")
        about_us = about(CONFIG, self.name, self._models)
        yield self._json(self.topics.info, payloads.info(self._stamp.envelope("info"), about_us), qos=1)
        home = CONFIG.home_assistant
        if home.enabled:
            labels = sorted({name for m in self._models.values() if m is not None for name in m.info.label_map})
            board = str(about_us["board"])
            announced = discovery(self.topics, name=home.name, labels=labels, model=board)
            yield self._json(discovery_topic(home.prefix, self.name), announced, qos=1)
        for sensor in ("camera", "mic"):
            yield self._text(self.topics.sensor(sensor), "online")
        for key, value in ControlValues(None, log_level="info").as_dict().items():
            envelope = self._stamp.envelope(f"control/{key}")
            yield self._json(self.topics.control(key), payloads.control(envelope, value), qos=1)
        for name in NAMES:
            yield self._json(self.topics.schema(name), schema(name), qos=1)

    def say(self, kind: str) -> Message:
        """The next payload of one of KINDS."""
        envelope = self._stamp.envelope(kind)
        if kind == "event":
            return self._json(self.topics.event, payloads.event(envelope, self._event()), qos=1, retain=False)
        if kind == "health":
            return self._json(self.topics.health, payloads.health(envelope, self._health()), qos=0)
        return self._json(self.topics.emotion, payloads.emotion(envelope, self._state()), qos=0)

    def _state(self) -> State:
        return State(CLOCK.monotonic(), Mode.FUSED, 1, self._belief(), speaking=True)

    def _event(self) -> Event:
        """The two that make up most of a day, in turn."""
        self._episode += 1
        starts = self._episode % 2
        belief = self._belief()
        ended = {"label": belief.label, "duration": 4.2, "peak": 0.93, "mean": 0.81, "cause": "faded"}
        kind = EventType.EMOTION_START if starts else EventType.EMOTION_END
        return Event(kind, CLOCK.monotonic(), "face-1", str((self._episode + 1) // 2), belief, {} if starts else ended)

    def _belief(self) -> Belief:
        values = np.array([self._chance.random() ** 4 + 1e-3 for _ in CANONICAL])
        values /= values.sum()
        scores = Scores(values, np.ones(len(CANONICAL), dtype=bool))
        parts = tuple(
            Contribution(modality, 0.71, 0.083, 0.664, scores.label, "only_face" if modality == "speech" else None)
            for modality in Modality
        )
        return Belief(CLOCK.monotonic(), "face-1", scores.label, scores.confidence, scores, None, parts, 0.87)

    def _health(self) -> Mapping[str, object]:
        now = CLOCK.monotonic()
        self._meter.alive("camera", now)
        self._meter.alive("mic", now)
        self._meter.took(HealthMeter.FRAME, 0.01, now)
        self._meter.took("speech", 0.002, now)
        sources = [f"{name}_{counter}" for name in ("camera", "mic") for counter in DROPPED]
        drops = dict.fromkeys((*sources, "frames_invalid", "events", "refused", "notes"), 0)
        online = {"camera": "online", "mic": "online"}
        return self._meter.report(now, sensors=online, drops=drops, queue=0, temperature=51.2, rss=112.4).as_dict()

    @staticmethod
    def _text(topic: str, word: str) -> Message:
        return Message(topic, word.encode(), qos=1, retain=True)

    @staticmethod
    def _json(topic: str, payload: Mapping[str, object], *, qos: int, retain: bool = True) -> Message:
        return Message(topic, payloads.encode(payload), qos=qos, retain=retain)
