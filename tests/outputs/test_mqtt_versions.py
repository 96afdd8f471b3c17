"""Brokers that speak only MQTT 3.1.1, or nothing at all."""

import logging
import re
import socket
import threading
import time

import pytest

from emoedge.ops.backoff import Backoff
from emoedge.outputs import link as link_module
from emoedge.outputs.embedded_broker import EmbeddedBroker

CONNECT_V5 = 5
CONNACK_3_OK = b"\x20\x02\x00\x00"
CONNACK_3_BAD_VERSION = b"\x20\x02\x00\x01"


class Pretender:
    """A TCP server that answers CONNECT as `behaviour` says, per protocol version; remembers the versions.

    It hangs up after the first `drops` answers.
    """

    def __init__(self, behaviour, *, drops=0):
        self.behaviour, self.drops = behaviour, drops
        self.versions = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.open = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            self.open.append(peer)
            packet = peer.recv(4096)
            if not packet:
                continue
            version = packet[packet.index(b"MQTT") + 4]
            self.versions.append(version)
            answer = self.behaviour(version)
            if answer:
                peer.sendall(answer)
            if answer is None or len(self.versions) <= self.drops:
                peer.close()

    def close(self):
        self.server.close()
        for peer in self.open:
            peer.close()


@pytest.fixture
def pretend():
    servers = []

    def make(behaviour, **options):
        servers.append(Pretender(behaviour, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    "answer", [CONNACK_3_BAD_VERSION, None, b""], ids=["says so", "hangs up", "waits for more"]
)
def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(pretend, make_sink, monkeypatch, answer):
    monkeypatch.setattr(link_module, "CONNACK_TIMEOUT", 0.5)
    server = pretend(lambda version: answer if version == CONNECT_V5 else CONNACK_3_OK)
    sink = make_sink(server.port)
    assert sink.wait_connected(5)
    assert server.versions == [5, 4]


def test_a_broker_that_lets_nobody_listen_is_named_once(pretend, make_sink, caplog, eventually):
    # The answers to nine packets with one topic each: AWS IoT Core takes eight topics at most in one, and hangs up.
    granted, denied = b"\x01", {4: b"\x80", 5: b"\x87"}
    head = {4: b"\x90\x03\x00%c", 5: b"\x90\x04\x00%c\x00"}
    subacks = {
        version: b"".join(head[version] % n + (denied[version] if n in (1, 2) else granted) for n in range(1, 10))
        for version in (4, 5)
    }
    connacks = {4: CONNACK_3_OK, 5: b"\x20\x03\x00\x00\x00"}
    server = pretend(lambda version: connacks[version] + subacks[version])
    make_sink(server.port)
    make_sink(server.port, device="test-2", mqtt5=False)
    told = eventually(lambda: [r.getMessage() for r in caplog.records if "hear" in r.getMessage()][1:] and caplog.records)
    lines = sorted(r.getMessage() for r in told if "hear" in r.getMessage())
    where = "mqtt: the broker does not let us hear {0}/paused/set, {0}/log_level/set; see its access control list"
    assert lines == [where.format(f"emoedge/{name}/control") for name in ("test-1", "test-2")]


NO_RETAINED = "allows no retained messages"
NO_QOS_1 = "allows no messages of QoS 1"


def link_lines(caplog):
    return [r.getMessage().split(": ", 1)[1] for r in caplog.records if r.name == "emoedge.outputs.link"]


@pytest.mark.broker
@pytest.mark.parametrize(("line", "told"), [("retain_available false", NO_RETAINED), ("max_qos 0", NO_QOS_1)])
def test_a_broker_that_lacks_what_is_needed_is_named_once_and_asked_slowly(make_broker, make_sink, caplog, line, told):
    sink = make_sink(make_broker(line).port, backoff=Backoff(0.05, 0.05), refused_wait=30.0)
    assert not sink.wait_connected(1.5)
    assert [told in text and text.endswith("; retrying slowly") for text in link_lines(caplog)] == [True]
    assert sink.problem.startswith(told)


@pytest.mark.parametrize(
    ("connack", "told"),
    [(b"\x20\x05\x00\x00\x02\x25\x00", NO_RETAINED), (b"\x20\x05\x00\x00\x02\x24\x00", NO_QOS_1)],
    ids=["retain available: 0", "maximum qos: 0"],
)
def test_one_that_says_so_while_it_accepts_us_is_left_alone(pretend, make_sink, caplog, connack, told):
    server = pretend(lambda _version: connack)
    sink = make_sink(server.port, backoff=Backoff(0.05, 0.05), refused_wait=30.0)
    assert not sink.wait_connected(1.0)
    assert [told in text for text in link_lines(caplog)] == [True]
    assert server.versions == [5]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (b"\x9a", NO_RETAINED),
        (b"\x87", "drops us as not authorized"),
        (b"\x95", "accepts and drops us again and again (packet too large)"),
    ],
    ids=["retain not supported", "not authorized", "packet too large"],
)
def test_one_that_drops_us_is_believed_when_it_says_why(pretend, make_sink, caplog, eventually, code, told):
    server = pretend(lambda _version: b"\x20\x03\x00\x00\x00\xe0\x01" + code)
    make_sink(server.port, refused_wait=0.2)
    eventually(lambda: len(server.versions) > 4)
    assert any(told in text for text in link_lines(caplog))
    assert "device.id" not in caplog.text


def test_a_login_that_runs_out_is_renewed_at_once(pretend, make_sink, monkeypatch, eventually, tmp_path):
    monkeypatch.setattr(link_module, "STABLE", 0.1)
    (tmp_path / "token").write_text("old")
    server = pretend(lambda _version: b"\x20\x03\x00\x00\x00")
    sink = make_sink(
        server.port, backoff=Backoff(0.05, 0.05), refused_wait=60.0, username="me", password_file=str(tmp_path / "token")
    )
    assert sink.wait_connected(5)
    time.sleep(0.2)
    (tmp_path / "token").write_text("new")
    server.open[0].sendall(b"\xe0\x01\x87")
    eventually(lambda: len(server.versions) == 2, what="another attempt")
    assert sink.wait_connected(5)
    assert sink._link._endpoint.password == "new"


@pytest.mark.broker
def test_what_is_larger_than_the_broker_takes_is_not_sent_and_named(make_broker, make_sink, listen, caplog, eventually):
    broker = make_broker("max_packet_size 2500")
    listener = listen(broker.port)
    make_sink(broker.port)
    listener.wait("schema/health")
    eventually(lambda: "does not take" in caplog.text)
    (line,) = [r.getMessage() for r in caplog.records if "does not take" in r.getMessage()]
    assert "homeassistant/device/emoedge-test-1/config" in line
    assert "emoedge/test-1/schema/event" in line
    assert [item.body for item in listener.on("status")] == [b"online"]
    assert "again" not in caplog.text


@pytest.mark.broker
def test_a_state_and_an_event_that_are_too_large_are_named(make_broker, make_sink, caplog, tell, eventually):
    sink = make_sink(make_broker("max_packet_size 300").port)
    assert sink.wait_connected(5)
    cure = "see its access control list, and the size of messages that it allows"
    eventually(lambda: f" more; {cure}" in caplog.text, what="the line about the birth")
    sink.state(tell.state())
    sink.event(tell.moved(1, 0.0))
    eventually(lambda: f"refuses events on emoedge/test-1/event; {cure}" in caplog.text)
    eventually(lambda: re.search("does not take [^;]*emoedge/test-1/emotion[,;]", caplog.text))  # the log's, too
    assert "connection lost" not in caplog.text


@pytest.mark.broker
def test_an_answer_that_mqtt_5_does_not_have_is_asked_for_in_3_1_1(
    make_broker, make_sink, listen, caplog, tell, eventually
):
    caplog.set_level(logging.INFO, "emoedge.outputs")
    broker = make_broker("message_size_limit 1700")
    listener = listen(broker.port)
    sink = make_sink(broker.port)
    eventually(lambda: link_lines(caplog)[-1:] == ["connected (MQTT 3.1.1)"])
    sink.event(tell.moved(1, 0.0))
    listener.wait("event")
    listener.wait("schema/log")
    lines = link_lines(caplog)
    assert lines[0] == "connected (MQTT 5)"
    assert "is message_size_limit too low?" in lines[1]
    assert lines[2:] == ["connected (MQTT 3.1.1)"]


def test_a_connection_that_lasts_at_last_is_told(pretend, make_sink, monkeypatch, caplog, eventually):
    monkeypatch.setattr(link_module, "STABLE", 0.5)
    monkeypatch.setattr(link_module, "IDLE_WAIT", 0.05)
    caplog.set_level(logging.INFO, "emoedge.outputs")
    server = pretend(lambda _version: CONNACK_3_OK, drops=5)
    make_sink(server.port, mqtt5=False)

    eventually(lambda: any("again and again" in line for line in link_lines(caplog)))
    eventually(lambda: link_lines(caplog)[-1] == "connected (MQTT 3.1.1)")
    assert len(server.versions) == 6


def test_one_that_never_answers_is_asked_with_patience_and_reported_once(pretend, make_sink, monkeypatch, caplog):
    monkeypatch.setattr(link_module, "CONNACK_TIMEOUT", 0.1)
    monkeypatch.setattr(link_module, "IDLE_WAIT", 0.05)
    server = pretend(lambda _version: b"")
    with caplog.at_level(logging.INFO, "emoedge.outputs"):
        sink = make_sink(server.port)
        assert not sink.wait_connected(2.5)
    assert [record.getMessage() for record in caplog.records if record.name.endswith("link")] == [
        f"mqtt broker 127.0.0.1:{server.port}: takes the connection but does not answer as a broker; is this a TLS port?; retrying"
    ]
    assert server.versions[:4] == [5, 4, 5, 4]
    assert len(server.versions) < 25


def test_the_broker_of_the_demo(make_sink, tell, listen):
    with EmbeddedBroker() as broker:
        sink = make_sink(broker.port, mqtt5=False)
        assert sink.wait_connected(5)
        sink.event(tell.moved(1, 0.0))
        sink.stop()
        assert sink.queue == 0
