"""Orders over the wire to a daemon in a process of its own: pause, restart, reload, raw."""

import json

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emoedge.outputs.commands import COMMANDS, CONTROLS, RefusedError, read_request

pytestmark = [pytest.mark.broker, pytest.mark.slow]

CONFIG = """
deployment: {{context: home}}
device: {{id: unit-1, state_directory: {state}}}
camera: {{source: {camera}, loop: true}}
microphone: {{source: none}}
mqtt: {{host: 127.0.0.1, port: {port}, keepalive: 5}}
vision: {{rate: {rate}}}
"""


DRASTIC = ("restart", "reload")


@pytest.fixture
def unit(broker, listen, daemon, clip, tmp_path):
    """A running daemon, a listener, and a way to speak to it."""

    def text(rate=5):
        return CONFIG.format(port=broker.port, camera=clip, state=tmp_path / "state", rate=rate)

    listener = listen(broker.port)
    running = daemon(text())
    listener.wait("sensor/camera/status", where=lambda item: item.body == b"online", timeout=30)

    def say(name, body="{}"):
        listener.client.publish(f"emoedge/unit-1/{name}", body, 1)

    return running, listener, say, text


def boots(listener):
    return list(dict.fromkeys(item.json["boot_id"] for item in listener.on("info")))


def test_paused_closes_the_camera_and_outlives_a_kill(unit, listen, broker, daemon):
    running, listener, say, text = unit
    say("control/paused/set", "on")
    listener.wait("sensor/camera/status", where=lambda item: item.body == b"disabled")
    listener.wait("emotion", where=lambda item: item.json["mode"] == "paused")
    running.process.kill()
    running.process.wait()
    listener.wait("status", where=lambda item: item.body == b"offline")
    before = len(listener.heard)
    daemon(text())
    listener.wait("status", count=3, timeout=30)
    listener.wait("emotion", where=lambda item: item in listener.heard[before:] and item.json["mode"] == "paused")
    again = [item.body for item in listener.heard[before:] if item.topic.endswith("camera/status")]
    assert b"online" not in again, "a paused device opened its camera"
    say("control/paused/set", "off")
    listener.wait("sensor/camera/status", where=lambda item: item in listener.heard[before:] and item.body == b"online")


def test_restart_begins_anew_in_the_same_process(unit):
    running, listener, say, _text = unit
    pid = running.process.pid
    say("request/restart", '{"transaction": "r"}')
    assert listener.wait("response/restart")[0].json["transaction"] == "r"
    listener.wait("status", where=lambda item: item.body == b"offline", timeout=20)
    listener.wait("info", count=2, timeout=30)
    assert len(boots(listener)) == 2
    assert running.process.poll() is None
    assert running.process.pid == pid
    assert running.stop()[0] == 0
    assert "Traceback" not in running.said


def test_a_pause_outlives_a_restart_without_a_state_directory(broker, listen, daemon, clip):
    listener = listen(broker.port)
    text = CONFIG.format(port=broker.port, camera=clip, state="/nowhere", rate=5)
    running = daemon(text.replace(", state_directory: /nowhere", ""))
    listener.wait("sensor/camera/status", where=lambda item: item.body == b"online", timeout=30)
    listener.client.publish("emoedge/unit-1/control/paused/set", "on", 1)
    listener.wait("sensor/camera/status", where=lambda item: item.body == b"disabled")
    before = len(listener.heard)
    listener.client.publish("emoedge/unit-1/request/restart", "{}", 1)
    listener.wait("info", count=2, timeout=30)
    listener.wait("emotion", where=lambda item: item in listener.heard[before:] and item.json["boot_id"] == boots(listener)[1])
    told = [item for item in listener.heard[before:] if item.topic.endswith(("camera/status", "control/paused"))]
    assert b"online" not in [item.body for item in told], "a paused device opened its camera"
    assert all(item.json["value"] is True for item in told if item.topic.endswith("paused"))
    assert running.stop()[0] == 0


def test_reload_and_restart_refuse_wrong_settings_and_take_right_ones(unit, tmp_path):
    running, listener, say, text = unit
    config = tmp_path / "config-0.yaml"
    config.write_text(text(rate=-1))
    say("request/reload", '{"transaction": 1}')
    told = listener.wait("response/reload")[-1].json
    assert told["status"] == "error"
    assert "vision.rate" in told["error"]
    config.write_text(text().replace("keepalive: 5", "keepalive: 5, username: me, password_file: /nowhere/password"))
    say("request/reload", '{"transaction": 4}')
    told = listener.wait("response/reload", count=2, timeout=20)[-1].json
    assert (told["status"], "mqtt.password_file" in told["error"]) == ("error", True)
    say("request/restart", '{"transaction": 5}')
    told = listener.wait("response/restart", timeout=20)[-1].json
    assert (told["status"], "mqtt.password_file" in told["error"]) == ("error", True)
    listener.wait("log", where=lambda item: "request/restart" in item.json["message"])
    assert len(boots(listener)) == 1, "it must not end where it could not start again"
    config.write_text(text(rate=2))
    say("request/reload", '{"transaction": 2}')
    assert listener.wait("response/reload", count=3, timeout=20)[-1].json["status"] == "ok"
    listener.wait("info", count=2, timeout=30)
    assert len({item.json["config_hash"] for item in listener.on("info")}) == 2
    say("request/snapshot_config", '{"transaction": 3}')
    assert listener.wait("response/snapshot_config")[-1].json["data"]["vision"]["rate"] == 2
    assert running.stop()[0] == 0


def test_health_check_and_raw(unit):
    running, listener, say, _text = unit
    say("request/health_check", json.dumps({"transaction": "h"}))
    assert listener.wait("response/health_check")[0].json["data"]["sensors"]["camera"] == "online"
    assert not listener.on("raw/face")
    say("control/raw/set", "on")
    told = listener.wait("raw/face", timeout=40)[0].json
    assert told["subject"].startswith("face-")
    assert sum(told["scores"].values()) == pytest.approx(1, abs=0.01)
    assert running.stop()[0] == 0


def refused(body):
    """Whether this is no request: a valid restart would rightly be obeyed."""
    try:
        read_request("restart", body)
    except RefusedError:
        return True
    return False


def test_ten_thousand_hostile_messages_do_no_harm(unit):
    """No crash, no growth, still obedient."""
    running, listener, say, _text = unit
    process = psutil.Process(running.process.pid)
    words = st.binary(max_size=6000) | st.sampled_from([b"true", b"{}", b"[" * 4096, b'{"value":', b"null", bytes(100)])
    polite = [f"control/{key}/set" for key in CONTROLS] + [f"request/{c}" for c in COMMANDS if c not in DRASTIC]
    messages = st.tuples(st.sampled_from(polite), words) | st.tuples(
        st.sampled_from([f"request/{command}" for command in DRASTIC]), words.filter(refused)
    )
    sent, sizes = 0, []

    @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(messages, min_size=60, max_size=140))
    def flood(some):
        nonlocal sent
        for name, body in some:
            say(name, body)
        sent += len(some)

    while sent < 10_000:
        flood()
        say("request/health_check", json.dumps({"transaction": sent}))
        listener.wait("response/health_check", where=lambda item: item.json["transaction"] == sent, timeout=60)
        sizes.append(process.memory_info().rss / 1e6)
    say("control/log_level/set", "warning")
    listener.wait("control/log_level", where=lambda item: item.json["value"] == "warning")
    assert boots(listener) == boots(listener)[:1], "it was restarted"
    assert sizes[-1] - sizes[len(sizes) // 3] < 5, f"memory grew: {sizes}"
    assert running.stop()[0] == 0
    assert "Traceback" not in running.said
