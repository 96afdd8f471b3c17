"""Fixtures for every room: a real Mosquitto, a listener that checks payloads against schemas, small model files."""

import errno
import json
import logging
import os
import signal
import struct
import threading
import time
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from workbench.mosquitto import Mosquitto

from emoedge.emotions import CANONICAL
from emoedge.inference.model_file import ModelFile
from emoedge.inference.runtime import Interpreter
from emoedge.inference.spec import FrontEndSpec, ModelInfo
from emoedge.messages import Modality
from emoedge.outputs.schema_files import schema

MODELS = Path(__file__).resolve().parent / "models"

# What `nohup` starts ignores SIGHUP, and so would every program that a test starts: they obey it, as usual.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A busy machine is no defect: how long Hypothesis takes to make an example, or one takes to run, fails nothing.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def eventually(condition, timeout=10.0, what="condition"):
    """The first truthy value of `condition()`; fails after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    pytest.fail(f"{what} did not come true within {timeout} s")


@dataclass
class Heard:
    topic: str
    body: bytes
    retain: bool
    qos: int
    at: float

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Listener:
    """Subscribes to everything and remembers it."""

    port: int
    pattern: str = "#"
    version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5
    username: str | None = None
    password: str | None = None
    heard: list = field(default_factory=list)

    def __post_init__(self):
        self._subscribed = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=self.version)
        self.client.reconnect_delay_set(0.05, 0.2)
        self.client.on_connect = lambda client, *_: client.subscribe(self.pattern, 1)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = self._on_message
        if self.username:
            self.client.username_pw_set(self.username, self.password)
        self.client.connect_async("127.0.0.1", self.port)
        self.client.loop_start()
        assert self._subscribed.wait(10), "the listener could not subscribe"

    def _on_message(self, _client, _data, message):
        self.heard.append(
            Heard(message.topic, bytes(message.payload), message.retain, message.qos, time.monotonic())
        )

    def on(self, suffix):
        """All that was heard on `<base>/<device>/<suffix>`."""
        return [item for item in list(self.heard) if item.topic.split("/", 2)[2:] == [suffix]]

    def wait(self, suffix, count=1, timeout=10.0, where=lambda item: True):
        def enough():
            found = [item for item in self.on(suffix) if where(item)]
            return found if len(found) >= count else None

        return eventually(enough, timeout, f"{count} message(s) on .../{suffix}")

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


SCHEMA_OF = {"emotion": "emotion", "event": "event", "health": "health", "info": "info", "log": "log"}
PLAIN = {"status": {"online", "offline"}, "sensor": {"online", "offline", "reconnecting", "disabled"}}


def check_wire(topic, body):
    """Fail unless this is what the contract says of `emoedge/<device>/...`."""
    if not topic.startswith("emoedge/") or topic.endswith("/set") or topic.split("/")[2] == "request":
        return
    name, *rest = topic.split("/")[2:]
    if name == "schema":
        Draft202012Validator.check_schema(json.loads(body))
        assert json.loads(body) == schema(rest[0])
    elif name == "emotion" and not body:
        return  # taken back, where nothing is told of single people
    elif name in PLAIN:
        assert body.decode() in PLAIN[name], f"{topic}: {body!r}"
    else:
        known = SCHEMA_OF.get(name, name)
        Draft202012Validator(schema(known)).validate(json.loads(body))
        if name == "emotion":
            assert len(body) <= 1024


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """Whatever a test does to logging, `control/log_level` too, the next one hears everything."""
    logger = logging.getLogger("emoedge")
    before = logger.level
    yield
    logger.setLevel(before)
    logging.disable(logging.NOTSET)


@pytest.fixture
def make_broker(tmp_path):
    """Start Mosquittos: make_broker(extra="", anonymous=True, start=True)."""
    brokers = []

    def make(extra="", *, anonymous=True, start=True):
        broker = Mosquitto(tmp_path, extra, anonymous=anonymous)
        brokers.append(broker)
        return broker.start() if start else broker

    yield make
    for broker in brokers:
        broker.stop(signal.SIGKILL)


@pytest.fixture
def broker(make_broker):
    return make_broker()


@pytest.fixture
def listen():
    """Start listeners: listen(port, ...); all that they heard is checked against the schemas in the end."""
    listeners = []

    def start(port, **options):
        listeners.append(Listener(port, **options))
        return listeners[-1]

    yield start
    for listener in listeners:
        listener.close()
    for listener in listeners:
        for item in listener.heard:
            check_wire(item.topic, item.body)


@pytest.fixture(name="eventually")
def eventually_fixture():
    return eventually


def small_model(dtype: str = "int8", **changes: object) -> ModelFile:
    """A model file around a committed network; `changes` replace fields of its info."""
    tflite = (MODELS / f"plain_{dtype}.tflite").read_bytes()
    info = ModelInfo(
        name="tiny", version="1", modality=Modality.FACE, front_end=FrontEndSpec("face_gray", {"size": 12}),
        labels=CANONICAL, label_map=CANONICAL, dtype=dtype,
    )  # fmt: skip
    interpreter = Interpreter(tflite)
    values = np.random.default_rng(1).random((10, *interpreter.input.shape), dtype=np.float32)
    inputs = interpreter.input.quantize(values)
    return ModelFile(replace(info, **changes), tflite, inputs, interpreter.run_raw(inputs))


@pytest.fixture
def closed(monkeypatch):
    """Closes a folder to this user, be it root."""
    look = os.stat

    def close(folder):
        def refuse(path, *args, **kwargs):
            if isinstance(path, (str, os.PathLike)) and Path(path).is_relative_to(folder) and Path(path) != folder:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return look(path, *args, **kwargs)

        monkeypatch.setattr(os, "stat", refuse)

    return close


@pytest.fixture
def huge(tmp_path):
    """A picture of more pixels than OpenCV decodes, as far as its head goes."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 40000, 40000, 1, 0, 0, 0, 0)
    path = tmp_path / "huge.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + head + struct.pack(">I", zlib.crc32(head)) + bytes(4) + b"IDAT" + bytes(99))
    return path


@pytest.fixture
def model_file():
    """Makes small model files; see `small_model`."""
    return small_model


@pytest.fixture
def tiny(tmp_path):
    """Path of an untrained face model of seven classes."""
    path = tmp_path / "tiny.tflite"
    small_model().write(path)
    return path
