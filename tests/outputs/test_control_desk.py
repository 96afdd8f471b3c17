"""Controls and requests over a real broker: obeyed, answered, persisted, and never obeyed twice."""

import json
import logging
import threading
import time

import pytest

from emoedge.errors import ConfigError
from emoedge.messages import Modality
from emoedge.outputs.client import LARGEST
from emoedge.outputs.commands import COMMANDS
from emoedge.outputs.control_desk import MAX_REQUESTS
from emoedge.outputs.control_values import ControlValues
from emoedge.outputs.dispatch import Dispatch

pytestmark = pytest.mark.broker


class Panel:
    """A daemon that remembers what it was told."""

    def __init__(self):
        self.told = []
        self.settings_error = None
        self.end = lambda: None

    def pause(self, *, paused):
        self.told.append(("paused", paused))

    def health_check(self):
        return {"status": "ok"}

    def check_settings(self):
        if self.settings_error:
            raise self.settings_error
        self.told.append("check_settings")

    def restart(self):
        self.told.append("restart")
        self.end()

    def snapshot_config(self):
        return {"mqtt": {"port": 1883}}


@pytest.fixture
def desk(broker, listen, make_sink, eventually):
    panel = Panel()
    sink = make_sink(broker.port, start=False, labels=["happy", "sad"])
    sink.attach(panel)
    sink.start()
    listener = listen(broker.port)
    listener.wait("control/paused")

    def say(name, body="", *, retain=False):
        listener.client.publish(f"emoedge/test-1/{name}", body, 1, retain)

    return sink, panel, listener, say


def answer(listener, command, transaction):
    return listener.wait(f"response/{command}", where=lambda i: i.json["transaction"] == transaction)[-1].json


def test_pause_is_obeyed_and_shown(desk, eventually):
    _sink, panel, listener, say = desk
    assert listener.on("control/paused")[0].json["value"] is False
    say("control/paused/set", "ON")
    listener.wait("control/paused", where=lambda item: item.json["value"] is True)
    say("control/paused/set", '{"value": false}')
    listener.wait("control/paused", count=3)
    assert panel.told == [("paused", True), ("paused", False)]


def test_log_level_is_obeyed(desk, eventually):
    *_, listener, say = desk
    say("control/log_level/set", "debug")
    listener.wait("control/log_level", where=lambda item: item.json["value"] == "debug")
    assert logging.getLogger("emoedge").level == logging.DEBUG


def test_the_log_level_of_an_earlier_run_is_obeyed_and_else_left_alone(make_sink, tmp_path):
    logger = logging.getLogger("emoedge")
    logger.setLevel(logging.ERROR)
    make_sink(1, values=ControlValues(None, log_level="info"))
    assert logger.level == logging.ERROR
    ControlValues(tmp_path, log_level="info").set("log_level", value="debug")
    make_sink(1, device="test-2", values=ControlValues(tmp_path, log_level="info"))
    assert logger.level == logging.DEBUG


def test_nonsense_changes_nothing_and_the_old_value_is_shown_again(desk, caplog):
    _sink, panel, listener, say = desk
    for body in ("maybe", "[]", "x" * 9000, b"\xff"):
        say("control/paused/set", body)
    listener.wait("control/paused", count=2)
    say("request/health_check", '{"transaction": 1}')
    answer(listener, "health_check", 1)
    assert {item.json["value"] for item in listener.on("control/paused")} == {False}
    assert panel.told == []
    assert len([r for r in caplog.records if "control/paused" in r.getMessage()]) == 1


def test_a_retained_command_is_not_obeyed(desk):
    _sink, panel, listener, say = desk
    say("request/restart", "{}")
    answer(listener, "restart", None)
    panel.told.clear()
    say("control/paused/set", "true", retain=True)  # obeyed once, as it comes in ...
    listener.wait("control/paused", where=lambda item: item.json["value"] is True)
    assert panel.told == [("paused", True)]


def test_nor_when_it_waits_at_the_broker(broker, listen, make_sink):
    listener = listen(broker.port)
    listener.client.publish("emoedge/test-1/control/paused/set", "true", 1, retain=True).wait_for_publish(5)
    listener.client.publish("emoedge/test-1/request/restart", "{}", 1, retain=True).wait_for_publish(5)
    panel = Panel()
    sink = make_sink(broker.port, start=False)
    sink.attach(panel)
    sink.start()
    listener.wait("control/paused")
    time.sleep(0.5)
    assert panel.told == []


def test_what_would_fill_the_memory_is_not_even_sent(broker, listen, make_sink, monkeypatch):
    sizes, received = [], Dispatch.received

    def note(self, topic, body, *, retained):
        sizes.append(len(body))
        received(self, topic, body, retained=retained)

    monkeypatch.setattr(Dispatch, "received", note)
    listener, told = (listen(broker.port, pattern=f"emoedge/+/{name}/#") for name in ("response", "control"))
    topic = "emoedge/test-1/request/health_check"
    listener.client.publish(topic, bytes(LARGEST), 1, True).wait_for_publish(10)  # it waits at the broker
    sink = make_sink(broker.port, start=False)
    sink.attach(Panel())
    sink.start()
    told.wait("control/paused")  # after it has subscribed
    for body in (bytes(LARGEST), bytes(LARGEST // 2), '{"transaction": "1"}'):
        listener.client.publish(topic, body, 1)
    first, second = (item.json for item in listener.wait("response/health_check", count=2))
    assert (first["status"], first["error"]) == ("error", "larger than 4096 bytes")
    assert (second["status"], second["transaction"]) == ("ok", "1")
    assert sizes == [LARGEST // 2, 20]


def test_requests_are_answered_with_their_transaction(desk, eventually):
    _sink, panel, listener, say = desk
    for number, command in enumerate(COMMANDS):
        say(f"request/{command}", json.dumps({"transaction": f"t{number}"}))
    told = {command: answer(listener, command, f"t{n}") for n, command in enumerate(COMMANDS)}
    assert {item["status"] for item in told.values()} == {"ok"}
    assert told["health_check"]["data"] == {"status": "ok"}
    assert told["snapshot_config"]["data"] == {"mqtt": {"port": 1883}}
    assert told["options"]["data"]["labels"] == ["happy", "sad"]
    assert told["options"]["data"]["controls"]["paused"] == {"value": False, "allowed": [False, True]}
    eventually(lambda: panel.told == ["check_settings", "restart"] * 2)


def test_who_comes_while_too_many_wait_is_told_by_the_transaction(desk):
    _sink, panel, listener, say = desk
    begun, turn = threading.Event(), threading.Event()
    panel.health_check = lambda: begun.set() or (turn.wait(30) and {"status": "ok"})
    for number in range(MAX_REQUESTS + 5):
        say("request/health_check", json.dumps({"transaction": number}))
        assert begun.wait(10), "the first is at work, and only the others wait"
    busy = listener.wait("response/health_check", count=4)
    assert [(item.json["transaction"], item.json["error"]) for item in busy] == [
        (MAX_REQUESTS + number, "busy") for number in range(1, 5)
    ]
    turn.set()
    told = listener.wait("response/health_check", count=MAX_REQUESTS + 5)
    assert {item.json["transaction"] for item in told} == set(range(MAX_REQUESTS + 5))


@pytest.mark.parametrize("command", ["reload", "restart"])
def test_the_answer_is_on_its_way_before_the_end_begins(desk, command):
    sink, panel, listener, say = desk
    panel.end = sink.stop
    say(f"request/{command}", '{"transaction": 1}')
    assert answer(listener, command, 1)["status"] == "ok"


def test_options_set_controls_all_or_none(desk):
    _sink, panel, listener, say = desk
    say("request/options", '{"transaction": 1, "value": {"paused": true, "log_level": "loud"}}')
    assert answer(listener, "options", 1)["status"] == "error"
    assert panel.told == []
    say("request/options", '{"transaction": 2, "value": {"paused": true, "log_level": "error"}}')
    assert answer(listener, "options", 2)["data"]["controls"]["log_level"]["value"] == "error"
    assert panel.told == [("paused", True)]


def test_of_two_orders_at_once_the_later_one_is_obeyed(desk, eventually):
    _sink, panel, listener, say = desk
    begun = threading.Event()

    def slowly(*, paused):
        begun.set()
        time.sleep(0.3 if paused else 0.0)
        panel.told.append(paused)

    panel.pause = slowly
    say("request/options", '{"transaction": 1, "value": {"paused": true}}')
    assert begun.wait(5)
    say("control/paused/set", "false")
    eventually(lambda: len(panel.told) == 2)
    assert panel.told == [True, False]
    answer(listener, "options", 1)
    listener.wait("control/paused", count=2)
    eventually(lambda: listener.on("control/paused")[-1].json["value"] is False)


def test_a_wrong_configuration_is_the_answer_to_reload(desk):
    _sink, panel, listener, say = desk
    panel.settings_error = ConfigError(["config.yaml:3: mqtt.port: 0: expected 1 to 65535"])
    say("request/reload", '{"transaction": 1}')
    told = answer(listener, "reload", 1)
    assert told["status"] == "error"
    assert "mqtt.port" in told["error"]
    panel.settings_error = RuntimeError("a defect")
    say("request/reload", '{"transaction": 2}')
    assert "a defect" in answer(listener, "reload", 2)["error"]
    assert panel.told == []
    panel.settings_error = None
    say("request/reload", '{"transaction": 3}')
    assert answer(listener, "reload", 3)["status"] == "ok"


def test_paused_of_an_earlier_run_closes_the_devices_at_start(broker, listen, make_sink, tmp_path):
    ControlValues(tmp_path, log_level="info").set("paused", value=True)
    panel = Panel()
    sink = make_sink(broker.port, start=False, values=ControlValues(tmp_path, log_level="info"))
    sink.attach(panel)
    assert panel.told == [("paused", True)]
    sink.start()
    assert listen(broker.port).wait("control/paused")[-1].json["value"] is True


def test_raw_is_off_until_asked_for_and_off_again_by_itself(broker, listen, make_sink):
    sink = make_sink(broker.port, raw_timeout=0.6)
    listener = listen(broker.port)
    listener.wait("control/raw")
    inference = {"subject": "face-1", "scores": {"happy": 0.9}, "quality": 0.8, "took": 3.2}
    sink.raw(Modality.FACE, **inference)
    listener.client.publish("emoedge/test-1/control/raw/set", "on", 1)
    listener.wait("control/raw", where=lambda item: item.json["value"] is True)
    assert not listener.on("raw/face")
    assert sink.raw_wanted
    sink.raw(Modality.FACE, **inference)
    assert listener.wait("raw/face")[-1].json["scores"] == {"happy": 0.9}
    listener.wait("control/raw", count=3)
    assert listener.on("control/raw")[-1].json["value"] is False
    sink.raw(Modality.SPEECH, **inference)
    time.sleep(0.2)
    assert not listener.on("raw/speech")
