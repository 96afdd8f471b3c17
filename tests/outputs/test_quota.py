"""The sink against a real Mosquitto that refuses what exceeds its quota, in the answers that arrive."""

import time

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from emoedge.outputs import dispatch as dispatch_module
from emoedge.outputs.link import Link

pytestmark = pytest.mark.broker


@pytest.fixture
def exceed(monkeypatch):
    """Has the broker refuse for its quota what `chosen` says."""
    answer = Link._on_publish

    def patch(chosen):
        def exceeded(link, client, data, mid, reason, properties):
            message = link._inflight.get(mid)
            if message is not None and chosen(message):
                reason = ReasonCode(PacketTypes.PUBACK, "Quota exceeded")
            answer(link, client, data, mid, reason, properties)

        monkeypatch.setattr(Link, "_on_publish", exceeded)

    return patch


def test_events_wait_for_a_broker_whose_quota_is_exceeded(
    broker, listen, make_sink, tell, exceed, monkeypatch, eventually, caplog
):
    monkeypatch.setattr(dispatch_module, "PUT_OFF", 0.2)
    put_off = []
    exceed(lambda message: message.token is not None and len(put_off) < 5 and not put_off.append(message))
    listener = listen(broker.port)
    sink = make_sink(broker.port)
    assert sink.wait_connected(5)
    for number in range(60):
        sink.event(tell.moved(number, time.monotonic()))
    told = [item.json for item in listener.wait("event", count=65)]
    eventually(lambda: sink.queue == 0)
    assert len(listener.on("event")) == 65, "nothing but what was put off is sent again"
    assert {item["number"] for item in told} == set(range(60))
    assert len({item["event_id"] for item in told}) == 60
    assert (sink.drops["refused"], sink.drops["events"]) == (0, 0)
    assert len([r for r in caplog.records if "quota" in r.getMessage()]) == 1


def test_what_a_quota_keeps_out_keeps_no_farewell_from_being_said(broker, listen, make_sink, exceed, eventually):
    refused = []
    exceed(lambda message: message.topic.endswith("/info") and not refused.append(message))
    listener = listen(broker.port)
    sink = make_sink(broker.port)
    assert sink.wait_connected(5)
    eventually(lambda: refused)
    sink.stop()
    assert listener.wait("status", where=lambda item: item.body == b"offline")


def test_the_will_speaks_where_the_farewell_is_refused(broker, listen, make_sink, exceed, eventually):
    exceed(lambda message: message.body == b"offline")
    listener = listen(broker.port)
    sink = make_sink(broker.port)
    assert sink.wait_connected(5)
    listener.wait("status", where=lambda item: item.body == b"online")
    sink.stop()
    # Once as this broker passed it on, though it was taken for refused, and once as the will.
    eventually(lambda: [item.body for item in listener.on("status")].count(b"offline") == 2)


def test_a_quota_is_told_of_once_in_a_birth_of_many_rounds(broker, make_sink, exceed, monkeypatch, eventually, caplog):
    monkeypatch.setattr(dispatch_module, "PUT_OFF", 0.1)
    rounds = []

    def three_in_each(_message):
        if not rounds or time.monotonic() - rounds[-1][0] > 0.09:
            rounds.append([time.monotonic(), 0])
        rounds[-1][1] += 1
        return rounds[-1][1] > 3

    exceed(three_in_each)
    sink = make_sink(broker.port)
    assert sink.wait_connected(5)
    eventually(lambda: len(rounds) >= 4)
    sink.stop()
    assert len([r for r in caplog.records if "quota" in r.getMessage()]) == 1


def test_a_birth_and_answers_are_told_again_after_a_quota_was_exceeded(
    broker, listen, make_sink, exceed, monkeypatch, eventually, caplog
):
    monkeypatch.setattr(dispatch_module, "PUT_OFF", 0.2)
    put_off = []

    def once(message):
        # A broker that refuses does not pass on; this one has, so what counts is what comes a second time.
        if message.topic in put_off or message.topic.endswith("/schema/info"):
            return False
        put_off.append(message.topic)
        return True

    exceed(once)
    listener = listen(broker.port)
    sink = make_sink(broker.port)
    assert sink.wait_connected(5)
    for topic in ("status", "info", "control/paused", "schema/event"):
        listener.wait(topic, count=2)
    assert len([r for r in caplog.records if "quota" in r.getMessage()]) == 1
    listener.client.publish("emoedge/test-1/request/options", "{}", 1)
    listener.wait("response/options", count=2)
    eventually(lambda: [item.topic for item in listener.heard].count("homeassistant/device/emoedge-test-1/config") == 2)
    assert len(listener.on("schema/info")) == 1, "nothing but what was refused is told again"
