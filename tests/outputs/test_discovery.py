"""The discovery message: complete, pointing at our topics, told again when Home Assistant starts."""

import json
import re
import time

import pytest
from jinja2 import Environment

from emoedge.config.outputs import HomeAssistantConfig
from emoedge.ops.clock import ManualClock
from emoedge.ops.health import HealthMeter
from emoedge.outputs import mqtt as mqtt_module
from emoedge.outputs import payloads
from emoedge.outputs.discovery import discovery
from emoedge.outputs.rebirth import Rebirth
from emoedge.outputs.stamp import Stamp
from emoedge.outputs.topics import Topics

TOPICS = Topics("emoedge", "test-1")
MESSAGE = discovery(TOPICS, name=None, labels=["happy", "sad"], model="Pi")
WANTED = {
    "emotion", "confidence", "valence", "arousal", "people", "presence", "voice", "event", "paused", "restart",
    "log_level", "camera", "mic", "temperature", "inference_p95", "drops",
}  # fmt: skip


def test_all_entities_are_there_with_ids_of_their_own():
    assert set(MESSAGE["components"]) == WANTED
    ids = [component["unique_id"] for component in MESSAGE["components"].values()]
    assert len(set(ids)) == len(ids)
    assert all(one.startswith("emoedge-test-1-") for one in ids)


def test_no_setting_leaves_an_entity_behind_that_is_announced_no_more():
    for labels, people in ((["happy"], False), ([], True), ([], False)):
        others = discovery(TOPICS, name="other", labels=labels, model="", people=people)["components"]
        assert {key: one["platform"] for key, one in others.items()} == {
            key: one["platform"] for key, one in MESSAGE["components"].items()
        }


def test_the_options_are_the_loaded_models_labels():
    assert MESSAGE["components"]["emotion"]["options"] == ["happy", "sad", "unknown"]


def test_every_topic_is_one_of_ours():
    used = set(re.findall(r'"(emoedge/[^"]+)"', json.dumps(MESSAGE)))
    known = {TOPICS.emotion, TOPICS.event, TOPICS.health, TOPICS.status, TOPICS.sensor("camera"), TOPICS.sensor("mic"),
             TOPICS.control("paused"), TOPICS.control_set("paused"), TOPICS.control("log_level"),
             TOPICS.control_set("log_level"), TOPICS.request("restart")}  # fmt: skip
    assert used == known


def test_states_go_stale():
    for key in ("emotion", "confidence", "people", "presence", "voice", "temperature", "drops"):
        assert MESSAGE["components"][key]["expire_after"] <= 120


def render(key, payload):
    """What Home Assistant makes of a payload."""
    text = json.dumps(payload) if isinstance(payload, dict) else payload
    template = Environment().from_string(MESSAGE["components"][key]["value_template"])
    return template.render(value=text, value_json=payload if isinstance(payload, dict) else None)


def test_templates_read_our_payloads(tell):
    stamp = Stamp(ManualClock(), "1")
    emotion = payloads.emotion(stamp.envelope("emotion"), tell.state("happy", 0.725))
    assert render("emotion", emotion) == "happy"
    assert float(render("confidence", emotion)) == 72.5
    assert render("presence", emotion) == "ON"
    assert render("voice", emotion) == "OFF"
    assert float(render("valence", emotion)) > 0
    meter = HealthMeter(0.0)
    meter.took("frame", 0.02, 1.0)
    report = meter.report(2.0, sensors={}, drops={"camera": 2, "events": 3}, queue=0, temperature=51.0)
    health = payloads.health(stamp.envelope("health"), report.as_dict())
    assert render("drops", health) == "5"
    assert float(render("inference_p95", health)) == 20
    assert float(render("temperature", health)) == 51
    event = payloads.event(stamp.envelope("event"), tell.start(1, 0.0))
    assert json.loads(render("event", event)) == event
    assert not render("event", {**event, "late": True})
    for value, text in ((True, "true"), (False, "false")):
        shown = payloads.control(stamp.envelope("control"), value)
        assert render("paused", shown) == text
    assert render("camera", "reconnecting") == "OFF"
    assert render("camera", "online") == "ON"


def test_rebirth_comes_once_after_a_delay():
    told = []
    rebirth = Rebirth("homeassistant/status", lambda: told.append(1), delay=(0.05, 0.1))
    assert not rebirth.handle("other", b"online", retained=False)
    assert rebirth.handle("homeassistant/status", b"offline", retained=False)
    assert rebirth.handle("homeassistant/status", b"online", retained=True)
    assert rebirth.due(time.monotonic()) == float("inf")
    for _ in range(50):
        rebirth.handle("homeassistant/status", b"online", retained=False)
    assert 0 < rebirth.due(time.monotonic()) <= 0.1
    rebirth.tick(time.monotonic())
    assert not told
    time.sleep(0.11)
    rebirth.tick(time.monotonic())
    rebirth.tick(time.monotonic())
    assert told == [1]


@pytest.mark.broker
def test_everything_is_told_again_when_home_assistant_starts(broker, listen, make_sink, tell, monkeypatch):
    monkeypatch.setattr(mqtt_module, "Rebirth", lambda topic, tell_all: Rebirth(topic, tell_all, delay=(0.1, 0.2)))
    sink = make_sink(broker.port, labels=["happy"])
    sink.state(tell.state())
    assert sink.wait_connected(5)
    listener = listen(broker.port)
    listener.wait("emotion")
    before = len(listener.heard)
    listener.client.publish("homeassistant/status", "online", 1)
    listener.wait("status", count=2)
    listener.wait("emotion", count=2)
    time.sleep(0.3)
    again = {item.topic for item in listener.heard[before:]}
    assert "homeassistant/device/emoedge-test-1/config" in again
    assert "emoedge/test-1/info" in again


@pytest.mark.broker
def test_switched_off_it_takes_an_earlier_announcement_back(broker, listen, make_sink, eventually):
    first = make_sink(broker.port)
    assert first.wait_connected(5)
    first.stop()
    before = listen(broker.port, pattern="homeassistant/#")
    eventually(lambda: [item for item in before.heard if item.body])
    make_sink(broker.port, home_assistant=HomeAssistantConfig(enabled=False))
    eventually(lambda: before.heard[-1].body == b"")
    after = listen(broker.port)
    after.wait("schema/response")
    assert not [item for item in after.heard if item.topic.startswith("homeassistant/")]
