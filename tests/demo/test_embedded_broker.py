"""The demo's own broker: it serves, it goes, and its absence is told in one line."""

from __future__ import annotations

import logging
import socket
import sys
import threading

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from emoedge.errors import DeliveryError
from emoedge.outputs import embedded_broker
from emoedge.outputs.embedded_broker import HOST, EmbeddedBroker
from emoedge.outputs.subscriber import Subscriber


def say(port, topic, payload, *, retain=False):
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect(HOST, port)
    client.loop_start()
    client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def test_what_is_said_arrives_and_what_is_retained_stays():
    with EmbeddedBroker() as broker:
        with Subscriber(HOST, broker.port, "room/#") as subscriber:
            assert subscriber.connected
            say(broker.port, "room/event", b"hello")
            assert subscriber.take(5) == ("room/event", b"hello", False)
            say(broker.port, "elsewhere", b"must not arrive next")
            say(broker.port, "room/status", b"online", retain=True)
            assert subscriber.take(5).topic == "room/status"
        with Subscriber(HOST, broker.port, "room/#") as late:
            assert late.take(5) == ("room/status", b"online", True)


def test_the_will_of_a_client_that_breaks_off_is_carried_out():
    with EmbeddedBroker() as broker, Subscriber(HOST, broker.port, "room/#") as subscriber:
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.will_set("room/status", "offline", qos=1, retain=True)
        joined = threading.Event()
        client.on_connect = lambda *_: joined.set()
        client.connect(HOST, broker.port)
        client.loop_start()
        assert joined.wait(5)
        client.socket().shutdown(socket.SHUT_RDWR)
        assert subscriber.take(5) == ("room/status", b"offline", False)
        client.loop_stop()


def test_after_the_end_nobody_listens_and_no_thread_is_left():
    with EmbeddedBroker() as broker, Subscriber(HOST, broker.port, "#"):
        port = broker.port
    assert "embedded-broker" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port), 1)


def test_it_reports_nothing_of_its_own(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with EmbeddedBroker() as broker, Subscriber(HOST, broker.port, "#"):
        say(broker.port, "room", b"x")
    assert not [record for record in caplog.records if record.name.startswith(("amqtt", "transitions"))]
    assert capfd.readouterr() == ("", "")


def test_without_amqtt_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "amqtt.broker", None)
    with pytest.raises(DeliveryError, match=r"pip install 'emoedge\[demo\]'.*--broker HOST"), EmbeddedBroker():
        pass


def test_a_port_that_was_taken_meanwhile_is_replaced(monkeypatch):
    with socket.create_server((HOST, 0)) as taken:
        ports = iter([taken.getsockname()[1]])
        free = embedded_broker.free_port
        monkeypatch.setattr(embedded_broker, "free_port", lambda: next(ports, None) or free())
        with EmbeddedBroker() as broker:
            assert broker.port != taken.getsockname()[1]
            with Subscriber(HOST, broker.port, "#") as subscriber:
                assert subscriber.connected


def test_a_subscriber_tells_what_is_wrong_with_the_broker(monkeypatch):
    monkeypatch.setattr("emoedge.outputs.subscriber.ANSWER_TIMEOUT", 0.3)
    with socket.create_server((HOST, 0)) as deaf:
        port = deaf.getsockname()[1]
        with pytest.raises(DeliveryError, match=f"{HOST}:{port}: nothing there answers"), Subscriber(HOST, port, "#"):
            pass
    with pytest.raises(DeliveryError, match=f"{HOST}:{port} cannot be reached: connection refused"):
        Subscriber(HOST, port, "#").__enter__()
    with pytest.raises(DeliveryError, match="cannot be reached"):
        Subscriber("no-such-host.invalid", 1883, "#").__enter__()
