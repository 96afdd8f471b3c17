"""The sink against a real Mosquitto: births, wills, order, outages, and never a blocked caller."""

import logging
import multiprocessing
import os
import random
import signal
import threading
import time
import tracemalloc
from itertools import pairwise

import pytest

from emoedge.config.outputs import HomeAssistantConfig
from emoedge.messages import SensorStatus
from emoedge.ops.backoff import Backoff
from emoedge.ops.clock import SystemClock
from emoedge.outputs.link import Link
from emoedge.outputs.outbox import Outbox
from emoedge.outputs.schema_files import NAMES

pytestmark = pytest.mark.broker


REPORT = {
    "status": "ok", "uptime_s": 0, "fps": 0, "duty": 0, "queue": 0, "problems": [], "latency_ms": {}, "drops": {},
    "ages_s": {}, "temperature_c": None, "rss_mb": None, "sensors": {},
}  # fmt: skip


def numbers(items):
    return [item.json["number"] for item in items]


def test_a_fresh_connection_tells_everything_retained(broker, listen, make_sink, tell):
    sink = make_sink(broker.port)
    sink.sensor("camera", SensorStatus.ONLINE)
    sink.sensor("mic", SensorStatus.DISABLED)
    sink.health(REPORT)
    sink.state(tell.state())
    assert sink.wait_connected(5)
    early = listen(broker.port)
    early.wait("emotion")
    late = listen(broker.port)  # everything must come to it as retained
    late.wait("emotion")
    late.wait("health")
    assert {i.topic.split("test-1/")[1]: i.body for i in late.heard if "status" in i.topic} == {
        "status": b"online", "sensor/camera/status": b"online", "sensor/mic/status": b"disabled",
    }  # fmt: skip
    late.wait("info")
    for name in NAMES:
        late.wait(f"schema/{name}")
    assert all(item.retain for item in late.heard)


def test_online_comes_first_and_offline_last(broker, listen, make_sink, tell, eventually):
    listener = listen(broker.port)
    sink = make_sink(broker.port)
    sink.state(tell.state())
    listener.wait("emotion")
    for number in range(30):
        sink.event(tell.moved(number, time.monotonic()))
    started = time.monotonic()
    sink.stop()
    assert time.monotonic() - started < 2.0
    listener.wait("status", where=lambda item: item.body == b"offline")
    assert listener.heard[0].topic.endswith("/status")
    assert listener.heard[0].body == b"online"
    assert listener.heard[-1].body == b"offline"
    assert numbers(listener.on("event")) == list(range(30))
    assert [item.json["seq"] for item in listener.on("event")] == list(range(1, 31))
    assert not any("late" in item.json for item in listener.on("event"))


def test_a_broker_that_comes_later_is_no_special_case(make_broker, listen, make_sink, tell):
    broker = make_broker(start=False)
    sink = make_sink(broker.port)
    for number in range(5):
        sink.event(tell.moved(number, time.monotonic()))
    time.sleep(0.5)
    assert sink.problem is not None
    broker.start()
    listener = listen(broker.port)
    listener.wait("status", where=lambda item: item.body == b"online")
    sink.event(tell.moved(5, time.monotonic()))
    heard = listener.wait("event", where=lambda item: item.json["number"] == 5)
    assert "late" not in heard[-1].json
    assert numbers(listener.on("event")) == sorted(numbers(listener.on("event")))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_restarted_broker_that_forgot_everything_is_told_again(broker, listen, make_sink, tell, number, eventually):
    sink = make_sink(broker.port)
    sink.state(tell.state())
    sink.sensor("camera", SensorStatus.RECONNECTING)
    assert sink.wait_connected(5)
    broker.restart(number)
    listener = listen(broker.port)
    eventually(lambda: sink.connected)
    assert listener.wait("status")[-1].body == b"online"
    for topic in ("emotion", "info", "sensor/camera/status", "schema/event"):
        listener.wait(topic)


def test_an_outage_loses_no_event_and_marks_them_late(broker, listen, make_sink, tell, eventually, monkeypatch):
    somebody, session = threading.Event(), Link._session
    somebody.set()
    # Without it what waited may be told before the listener is there to hear it.
    monkeypatch.setattr(Link, "_session", lambda link: session(link) if somebody.wait(0.05) else 0.0)
    sink = make_sink(broker.port)
    assert sink.wait_connected(5)
    somebody.clear()
    broker.stop(signal.SIGKILL)
    eventually(lambda: not sink.connected)
    sink.event(tell.moved(0, time.monotonic()))
    time.sleep(2.2)
    sink.event(tell.moved(1, time.monotonic()))
    broker.start()
    listener = listen(broker.port)
    somebody.set()
    eventually(lambda: sink.connected and sink.queue == 0)
    sink.event(tell.moved(2, time.monotonic()))
    listener.wait("event", count=3)
    told = listener.on("event")
    assert numbers(told) == [0, 1, 2]
    assert told[0].json["late"] is True
    assert "late" not in told[2].json


def _child(port):
    from emoedge.config.outputs import MqttConfig
    from emoedge.ops.clock import SystemClock
    from emoedge.outputs.mqtt import MqttSink

    sink = MqttSink(
        MqttConfig(host="127.0.0.1", port=port), "test-1", SystemClock(), boot_id="1", info=lambda: {
            "device": "test-1", "versions": {}, "models": {"face": None, "speech": None}, "config_hash": "0",
            "board": "", "context": "demo", "privacy": "",
        })  # fmt: skip
    sink.start()
    time.sleep(60)


def test_the_last_will_of_a_killed_process(broker, listen):
    listener = listen(broker.port)
    process = multiprocessing.get_context("fork").Process(target=_child, args=(broker.port,))
    process.start()
    try:
        listener.wait("status", where=lambda item: item.body == b"online")
        os.kill(process.pid, signal.SIGKILL)
        listener.wait("status", where=lambda item: item.body == b"offline", timeout=2)
    finally:
        process.kill()
        process.join()


def test_a_refused_login_gives_one_line_and_a_slow_retry(make_broker, make_sink, caplog, tmp_path):
    passwords = tmp_path / "passwords"
    os.system(f"mosquitto_passwd -c -b {passwords} anna right 2>/dev/null")
    broker = make_broker(f"password_file {passwords}", anonymous=False)
    with caplog.at_level(logging.INFO, "emoedge.outputs"):
        sink = make_sink(broker.port, username="anna", password="wrong", refused_wait=0.2)
        time.sleep(1.5)
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("link")]
    assert len(lines) == 1, lines
    assert "login refused for user 'anna'" in lines[0]
    assert "retrying slowly" in lines[0]
    assert not sink.connected
    good = make_sink(broker.port, username="anna", password="right", device="test-2")
    assert good.wait_connected(5)


@pytest.mark.parametrize(("settings", "told"), [({}, 1), ({"username": "anna"}, 0)])
def test_a_credential_that_nobody_logs_in_with_is_warned_of(make_sink, caplog, tmp_path, monkeypatch, settings, told):
    (tmp_path / "mqtt-password").write_text("secret\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    make_sink(1, **settings)
    assert [r.getMessage() for r in caplog.records if r.name == "emoedge.outputs.mqtt"] == [
        "mqtt: the password of the credential is not used: no mqtt.username is set"
    ] * told


def test_a_frozen_broker_blocks_nobody_and_costs_no_memory(broker, make_sink, tell):
    sink = make_sink(broker.port)
    assert sink.wait_connected(5)
    broker.send(signal.SIGSTOP)
    took = []
    for number in range(3000):
        began = time.monotonic()
        sink.state(tell.state(confidence=0.5 + (number % 9) / 20))
        sink.event(tell.moved(number, began))
        sink.health(REPORT | {"problems": ["x" * 500]})
        logging.getLogger("emoedge.test").warning("line %d", number)
        took.append(time.monotonic() - began)
        if number % 300 == 0:
            time.sleep(0.02)
    # A call that waited for the broker would take seconds; the machine's own pauses are shorter than this.
    assert sorted(took)[int(0.99 * len(took))] < 0.2, "a caller waited"
    assert sink.queue == 3000
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(2_000):  # 10 MB: more than the kernel's socket buffers take
        sink.health(REPORT | {"problems": ["x" * 5000]})
        sink.state(tell.state())
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 1_000_000, "what cannot be sent piles up"
    began = time.monotonic()
    sink.stop()
    assert time.monotonic() - began < 2.7


def test_a_broker_that_froze_is_left_and_found_again(broker, make_sink, tell, eventually, caplog):
    sink = make_sink(broker.port, keepalive=1)
    assert sink.wait_connected(5)
    broker.send(signal.SIGSTOP)
    eventually(lambda: not sink.connected, timeout=6)
    assert "keep alive timeout" in caplog.text.lower()
    sink.event(tell.moved(1, time.monotonic()))
    broker.send(signal.SIGCONT)
    eventually(lambda: sink.connected and sink.queue == 0)


def test_two_devices_of_one_name_fight_ever_more_slowly_and_say_why(broker, make_sink, caplog):
    caplog.set_level(logging.INFO)
    patience = {"backoff": Backoff(0.05, 60, 0.2, random.Random(1).random)}
    for sink in (make_sink(broker.port, **patience), make_sink(broker.port, **patience)):
        assert sink.wait_connected(5)
    time.sleep(6)
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("link")]
    assert 2 <= sum("is the same device.id used twice" in line for line in lines) <= 4
    assert len(lines) <= 16


def test_emotion_is_coalesced_to_two_a_second(broker, listen, make_sink, tell):
    listener = listen(broker.port)
    sink = make_sink(broker.port)
    assert sink.wait_connected(5)
    labels = ("happy", "sad")
    until = time.monotonic() + 2.6
    number = 0
    while time.monotonic() < until:
        sink.state(tell.state(labels[number % 2], people=number))
        number += 1
        time.sleep(0.02)
    time.sleep(0.7)
    told = listener.on("emotion")
    assert 4 <= len(told) <= 7
    gaps = [b.at - a.at for a, b in pairwise(told)]
    assert min(gaps) > 0.4
    assert told[-1].json["people"] == number - 1, "the newest state wins"


def test_what_was_not_delivered_is_delivered_by_the_next_run(make_broker, listen, make_sink, tell, tmp_path):
    clock = SystemClock()
    first = make_sink(1, boot_id="1", outbox=Outbox(clock, tmp_path))
    for number in range(5):
        first.event(tell.moved(number, time.monotonic()))
    first.stop()
    broker = make_broker()
    listener = listen(broker.port)
    second = make_sink(broker.port, boot_id="2", outbox=Outbox(clock, tmp_path))
    second.event(tell.moved(5, time.monotonic()))
    told = [item.json for item in listener.wait("event", count=6)]
    assert [item["number"] for item in told] == list(range(6))
    assert [item["event_id"] for item in told] == [*(f"1-{n}" for n in range(1, 6)), "2-1"]
    assert ["late" in item for item in told] == [True] * 5 + [False]


def test_topics_that_the_broker_does_not_take_are_named_once(make_broker, make_sink, eventually, caplog, tmp_path):
    (tmp_path / "acl").write_text(
        "topic readwrite emoedge/#\ntopic deny emoedge/test-2/control/#\ntopic deny emoedge/test-2/info\n"
        "topic deny emoedge/test-2/schema/#\n"
    )
    broker = make_broker(f"acl_file {tmp_path}/acl")

    def lines():
        return [r.getMessage() for r in caplog.records if "does not take" in r.getMessage()]

    first = make_sink(broker.port)
    line = "mqtt: the broker does not take {}; see its access control list, and the size of messages that it allows"
    assert eventually(lines) == [line.format("homeassistant/device/emoedge-test-1/config")]
    broker.stop()
    eventually(lambda: not first.connected)
    broker.start()
    assert first.wait_connected(5)
    make_sink(broker.port, device="test-3", home_assistant=HomeAssistantConfig(enabled=False))
    make_sink(broker.port, device="test-2", home_assistant=HomeAssistantConfig(enabled=False))
    _, other = eventually(lambda: lines()[1:] and lines())
    named = ", ".join(f"emoedge/test-2/{name}" for name in ("control/paused", "control/log_level", "control/raw", "info"))
    assert other == line.format(f"{named} and {len(NAMES)} more")


def test_the_connection_speaks_mqtt_5_and_emotion_expires(broker, listen, make_sink, tell, caplog):
    with caplog.at_level(logging.INFO, "emoedge.outputs"):
        sink = make_sink(broker.port)
        sink.state(tell.state())
        listener = listen(broker.port)
        expiry = []
        inner = listener.client.on_message

        def on_message(client, data, message):
            if message.topic == "emoedge/test-1/emotion":
                expiry.append(getattr(message.properties, "MessageExpiryInterval", None))
            inner(client, data, message)

        listener.client.on_message = on_message
        sink.state(tell.state("sad"))
        listener.wait("emotion", where=lambda item: item.json["label"] == "sad")
    assert expiry
    assert 0 < expiry[-1] <= 60
    assert any("connected (MQTT 5)" in record.getMessage() for record in caplog.records)
