"""The daemon under a supervisor: what it says over the socket, and the health file beside it."""

import json
import socket

import pytest

CONFIG = """
deployment: {{context: home}}
camera: {{source: {camera}, loop: true}}
microphone: {{source: none}}
mqtt: {{host: 127.0.0.1, port: 1}}
"""


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "notify"))
        server.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")
        monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
        yield lambda: server.recv(4096).decode()


def test_ready_without_a_broker_then_fed_then_stopping(systemd, daemon, clip, tmp_path):
    unit = daemon(CONFIG.format(camera=clip))
    assert systemd() == "READY=1"
    words = [systemd() for _ in range(8)]
    assert words.count("WATCHDOG=1") >= 5
    assert any(w.startswith("STATUS=") and "broker: connection refused" in w for w in words)
    told = json.loads((tmp_path / "health.json").read_text())
    assert told["pid"] == unit.process.pid
    assert told["sensors"]["mic"] == "disabled"
    assert unit.stop()[0] == 0
    while (word := systemd()) != "STOPPING=1":
        assert word.startswith(("WATCHDOG", "STATUS"))


@pytest.mark.broker
def test_a_restart_is_no_end(broker, listen, systemd, daemon, clip):  # Mosquitto would speak to systemd as well
    """After STOPPING=1 systemd would kill the new program when its time to stop is over."""
    listener = listen(broker.port)
    unit = daemon(CONFIG.format(camera=clip).replace("port: 1}", f"port: {broker.port}}}"))
    assert systemd() == "READY=1"
    listener.wait("status", where=lambda item: item.body == b"online", timeout=20)
    device = listener.on("status")[0].topic.split("/")[1]
    listener.client.publish(f"emoedge/{device}/request/restart", "{}", 1)
    words = []
    while not words or words[-1] != "READY=1":
        words.append(systemd())
    assert "STOPPING=1" not in words
    assert words[-2:] == ["WATCHDOG=1", "READY=1"], "fed right before the end, since nobody feeds it on the way"
    assert "STATUS=restarting" in words
    assert unit.process.poll() is None
    assert unit.stop()[0] == 0
    while (word := systemd()) != "STOPPING=1":
        assert word.startswith(("WATCHDOG", "STATUS"))


def test_refused_before_ready(systemd, daemon, tmp_path):
    unit = daemon("deployment: {context: nowhere}\n")
    assert unit.process.wait(20) == 78
    assert not (tmp_path / "health.json").exists()
