"""Publishing never blocks inference: a broker that goes deaf costs neither frames nor memory."""

import contextlib
import gc
import socket
import threading
import time

import pytest

from emoedge.app import App
from emoedge.build import build_app
from emoedge.config import default_config
from emoedge.messages import Event, EventType
from emoedge.ops.clock import SystemClock
from emoedge.ops.health import read_rss
from emoedge.panel import Panel

pytestmark = [pytest.mark.broker, pytest.mark.slow]

RATE = 8.0
"""Frames a second: far below what the slowest machine manages, so that only waiting could lower it."""

WARM_UP, MEASURED = 4.0, 10.0
"""Seconds; the first looks at a face allocate what stays."""

STORM = 1000
"""Events a second beside those of the film."""

FLAT = 4.0
"""MB; a repeated film costs up to two. One kept copy of every event would cost six."""

CAP = 500
"""Events that the outbox keeps."""

CONNACK = {4: b"\x20\x02\x00\x00", 5: b"\x20\x03\x00\x00\x00"}
"""Accepted, in MQTT 3.1.1 and 5."""


class SilentBroker:
    """Takes every connection; with `greets` it even accepts the client, and then it never reads again."""

    def __init__(self, *, greets):
        self._greets = greets
        self.taken = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self._server.accept()[0]
                self.taken.append(connection)
                if self._greets:
                    connect = connection.recv(4096)
                    connection.sendall(CONNACK[connect[connect.index(b"MQTT") + 4]])

    def close(self):
        self._server.close()
        for connection in self.taken:
            connection.close()


@pytest.fixture
def silent():
    brokers = []

    def make(**options):
        brokers.append(SilentBroker(**options))
        return brokers[-1]

    yield make
    for one in brokers:
        one.close()


def work(port, clip, tmp_path, monkeypatch):
    """Run the daemon in this process for a while; frames looked at, growth in MB, and its MQTT sink."""
    looks, sinks = [], []
    look = App._look

    def counted(self, frame):
        seen = self._pipeline.seen
        look(self, frame)
        if self._pipeline.seen is not seen:
            looks.append(time.monotonic())
        sinks[:] = [self._mqtt]

    monkeypatch.setattr(App, "_look", counted)
    config = default_config("demo", overrides={
        "device.id": "unit-1", "camera.source": str(clip), "camera.loop": True, "microphone.source": "none",
        "models.face": "none", "vision.rate": RATE, "mqtt.host": "127.0.0.1", "mqtt.port": port,
        "mqtt.keepalive": 60, "outbox.max_events": CAP, "log.level": "error",
    })  # fmt: skip
    panel = Panel(config, tmp_path / "config.yaml")
    app = build_app(config, SystemClock(), panel=panel)
    thread = threading.Thread(target=app.run, args=(panel.stop,))
    thread.start()

    def storm(seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(STORM // 20):
                if sinks:
                    sinks[0].event(Event(EventType.EMOTION_UPDATE, time.monotonic(), "face-1", details={"peak": 0.5}))
            time.sleep(0.05)

    try:
        storm(WARM_UP)
        gc.collect()
        before, began = read_rss(), time.monotonic()
        storm(MEASURED)
        gc.collect()
        grown, ended = read_rss() - before, time.monotonic()
    finally:
        panel.end()
        stopping = time.monotonic()
        thread.join(20)
    assert not thread.is_alive()
    assert time.monotonic() - stopping < 5, "a deaf broker must not hold up the end"
    monkeypatch.undo()
    frames = sum(began <= at < ended for at in looks)
    return frames / (ended - began), grown, sinks[0]


@pytest.mark.parametrize("greets", [False, True], ids=["never answers", "stops reading after its greeting"])
def test_frame_rate_and_memory(greets, silent, broker, clip, tmp_path, monkeypatch):
    normal, _, sink = work(broker.port, clip, tmp_path, monkeypatch)
    dropped = sink.drops["events"]
    deaf = silent(greets=greets)
    rate, grown, sink = work(deaf.port, clip, tmp_path, monkeypatch)
    print(f"{normal:.2f} frames/s with a broker, {rate:.2f} with a deaf one; {grown:+.2f} MB in {MEASURED:g} s")
    assert deaf.taken
    assert normal == pytest.approx(RATE, rel=0.15)
    assert rate >= 0.95 * normal
    assert sink.drops["events"] > STORM * (WARM_UP + MEASURED) / 4, "the storm never reached the outbox"
    assert sink.drops["events"] > dropped, "a broker that works is given events"
    assert sink.queue <= CAP
    assert grown < FLAT
