"""A former name: cleared where it is this device's and silent, and never where it may be another's."""

import json
import logging
import time

import pytest

from emoedge.config.outputs import HomeAssistantConfig
from emoedge.messages import SensorStatus
from emoedge.outputs import leftovers as leftovers_module
from emoedge.outputs.ledger import FILE, Ledger
from emoedge.outputs.leftovers import SILENT, TRIES, Leftovers
from emoedge.outputs.topics import Topics

BROKER = "home:1883"
OLD = ["house/old/status", "house/old/info", "house/old/emotion", "ha/device/emoedge-old/config"]
REPORT = {
    "status": "ok", "uptime_s": 0, "fps": 0, "duty": 0, "queue": 0, "problems": [], "latency_ms": {}, "drops": {},
    "ages_s": {}, "temperature_c": None, "rss_mb": None, "sensors": {},
}  # fmt: skip


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.note(BROKER, "house/old", OLD, "1")
    return ledger


def make(ledger, device="new", retained=("house/new/status",), broker=BROKER, run="2"):
    return Leftovers(ledger, broker=broker, topics=Topics("house", device), retained=retained, run=run)


def info(run):
    return json.dumps({"boot_id": run}).encode()


def say(leftovers, name, body, *, retained=True):
    assert leftovers.handle(f"house/old/{name}", body, retained=retained)


def cleared(leftovers, *, accepted=True):
    messages = []
    while (message := leftovers.take()) is not None:
        messages.append(message)
    for message in messages:
        leftovers.delivered(message.token, accepted=accepted)
    assert all((message.body, message.retain, message.qos) == (b"", True, 1) for message in messages)
    return [message.topic for message in messages]


def test_a_former_name_is_cleared_when_it_is_ours_and_offline(ledger):
    leftovers = make(ledger)
    assert set(leftovers.connected()) == {"house/old/status", "house/old/health", "house/old/info"}
    say(leftovers, "status", b"offline")
    assert cleared(leftovers) == []
    say(leftovers, "info", info("1"))
    assert cleared(leftovers) == [OLD[2], OLD[3], OLD[0], OLD[1]], "what proves whose it is goes last"
    assert ledger.entry(BROKER, "house/old") is None
    assert not leftovers.handle("house/old/status", b"", retained=False)
    leftovers.disconnected()
    assert list(leftovers.connected()) == []


def test_a_name_that_another_device_has_now_is_left_alone_for_good(ledger):
    leftovers = make(ledger)
    leftovers.connected()
    say(leftovers, "info", info("f00"))
    assert not leftovers.handle("house/old/status", b"offline", retained=True)
    assert cleared(leftovers) == []
    assert ledger.entry(BROKER, "house/old") is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b"\xff", b"[" * 50_000, b" " * 70_000 + b'{"boot_id": "1"}'])
def test_where_nothing_proves_whose_it_is_nothing_is_done(ledger, body):
    leftovers = make(ledger)
    leftovers.connected()
    say(leftovers, "status", b"offline")
    say(leftovers, "info", body)
    leftovers.tick(time.monotonic() + 2 * SILENT)
    assert leftovers.due(0.0) == float("inf")
    assert cleared(leftovers) == []
    assert ledger.entry(BROKER, "house/old") is not None


def left_online(ledger):
    """Leftovers that have heard of a former name what a cut of power leaves, and when."""
    leftovers = make(ledger)
    leftovers.connected()
    say(leftovers, "status", b"online")
    say(leftovers, "info", info("1"))
    return leftovers, time.monotonic()


def test_a_copy_of_this_disk_that_speaks_under_the_former_name_is_left_alone(ledger):
    leftovers, now = left_online(ledger)
    assert SILENT - 5 < leftovers.due(now) <= SILENT
    say(leftovers, "health", b"{}", retained=False)
    leftovers.tick(now + SILENT - 1)
    assert cleared(leftovers) == []


def test_a_status_that_no_will_corrected_does_not_keep_a_silent_name(ledger):
    leftovers, now = left_online(ledger)
    leftovers.tick(now + SILENT - 1)
    assert cleared(leftovers) == []
    leftovers.tick(now + SILENT + 1)
    assert cleared(leftovers) == [OLD[2], OLD[3], OLD[0], OLD[1]], "each of them once"


def test_a_will_that_comes_late_is_waited_for(ledger):
    leftovers = make(ledger)
    leftovers.connected()
    say(leftovers, "info", info("1"))
    say(leftovers, "status", b"online")
    assert cleared(leftovers) == []
    say(leftovers, "status", b"offline", retained=False)
    assert set(cleared(leftovers)) == set(OLD)


def test_another_broker_is_not_asked(ledger):
    leftovers = make(ledger, broker="other:1883")
    assert list(leftovers.connected()) == []
    assert cleared(leftovers) == []
    assert ledger.entry(BROKER, "house/old").topics == tuple(OLD)


def test_what_the_present_name_uses_stays(ledger):
    leftovers = make(ledger, retained=("house/new/status", OLD[3]))
    leftovers.connected()
    say(leftovers, "status", b"offline")
    say(leftovers, "info", info("1"))
    assert set(cleared(leftovers)) == set(OLD[:3])
    assert ledger.entry(BROKER, "house/old") is None


def test_what_the_same_name_uses_no_more_is_cleared_at_once(ledger):
    leftovers = make(ledger, device="old", retained=OLD[:3])
    assert list(leftovers.connected()) == []
    assert ledger.entry(BROKER, "house/old").topics == tuple(OLD), "until the broker has cleared it"
    assert cleared(leftovers) == [OLD[3]]
    assert ledger.entry(BROKER, "house/old").topics == tuple(OLD[:3])
    assert ledger.entry(BROKER, "house/old").runs == ("1", "2")


def test_a_refusal_is_told_once_and_tried_again_by_the_next_run(ledger, tmp_path, caplog):
    leftovers = make(ledger)
    leftovers.connected()
    say(leftovers, "status", b"offline")
    say(leftovers, "info", info("1"))
    assert cleared(leftovers, accepted=False)
    assert ["access control list" in record.getMessage() for record in caplog.records] == [True]
    assert Ledger(tmp_path).entry(BROKER, "house/old").topics == tuple(OLD)


def test_a_broker_that_hangs_up_is_not_asked_for_ever(ledger):
    leftovers = make(ledger)
    for _ in range(TRIES):
        assert leftovers.connected()
        leftovers.disconnected()
        leftovers.disconnected()  # an attempt that did not even get through
    assert list(leftovers.connected()) == []


@pytest.mark.broker
def test_all_that_is_retained_is_put_down(broker, listen, make_sink, tell, tmp_path, eventually):
    ledger = Ledger(tmp_path)
    sink = make_sink(broker.port, ledger=ledger)
    for name in ("camera", "mic"):
        sink.sensor(name, SensorStatus.ONLINE)
    sink.health(REPORT)
    sink.state(tell.state())
    assert sink.wait_connected(5)
    listener = listen(broker.port)
    listener.wait("schema/response")
    listener.wait("emotion")
    eventually(lambda: (tmp_path / FILE).exists())
    noted = set(ledger.entry(f"127.0.0.1:{broker.port}", "emoedge/test-1").topics)
    eventually(lambda: noted <= {item.topic for item in listener.heard})
    late = listen(broker.port)
    late.wait("schema/response")
    eventually(lambda: {item.topic for item in late.heard if item.retain} == noted)


CHANGES = {
    "id": {"device": "test-2"},
    "base": {"base": "flat/left"},
    "prefix": {"home_assistant": HomeAssistantConfig(prefix="ha")},
    "discovery off, and id": {"device": "test-2", "home_assistant": HomeAssistantConfig(enabled=False)},
    "all": {"device": "test-2", "base": "flat/left", "home_assistant": HomeAssistantConfig(prefix="ha")},
}


@pytest.mark.broker
@pytest.mark.parametrize("change", CHANGES)
def test_what_a_changed_configuration_leaves_is_cleared(broker, listen, make_sink, tell, tmp_path, eventually, change, caplog):
    caplog.set_level(logging.INFO)
    first = make_sink(broker.port, boot_id="1", ledger=Ledger(tmp_path), base="house")
    stranger = make_sink(broker.port, device="stranger", boot_id="9", base="house")
    for sink in (first, stranger):
        sink.state(tell.state())
        assert sink.wait_connected(5)
    listener = listen(broker.port)
    eventually(lambda: {"house/test-1/schema/response", "house/stranger/schema/response"} <= {i.topic for i in listener.heard})
    first.stop()
    stranger.stop()
    listener.close()
    second = make_sink(broker.port, boot_id="2", ledger=Ledger(tmp_path), **{"base": "house", **CHANGES[change]})
    second.state(tell.state())
    used = set(second._retained())
    theirs = set(stranger._retained())

    def rest():
        late = listen(broker.port)
        root = second.topics.root
        eventually(lambda: f"{root}/schema/response" in {item.topic for item in late.heard})
        time.sleep(0.2)
        late.close()
        return {item.topic for item in late.heard if item.retain and item.body}

    eventually(lambda: rest() <= used | theirs, what="only what is in use")
    left = rest()
    assert f"{second.topics.root}/status" in left
    assert {"house/stranger/status", "house/stranger/info", "homeassistant/device/emoedge-stranger/config"} <= left
    assert "cleared" in caplog.text


@pytest.mark.broker
def test_a_killed_daemon_that_comes_back_under_another_name(broker, listen, make_sink, tmp_path, eventually, monkeypatch):
    monkeypatch.setattr(leftovers_module, "SILENT", 1.0)
    first = make_sink(broker.port, boot_id="1", ledger=Ledger(tmp_path), base="house")
    assert first.wait_connected(5)
    listener = listen(broker.port)
    listener.wait("info")
    first.stop()
    listener.client.publish("house/test-1/status", "online", 1, retain=True)  # broker and device lost power at once
    make_sink(broker.port, boot_id="2", device="test-2", ledger=Ledger(tmp_path), base="house")
    listener.wait("status", where=lambda item: item.topic == "house/test-1/status" and not item.body)
    listener.wait("info", where=lambda item: item.topic == "house/test-1/info" and not item.body)
