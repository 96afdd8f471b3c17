"""Aggregates on the wire, and a sink that tells nothing of single people whatever it is given."""

import json
import signal
import sqlite3
import time

import pytest

from emoedge.aggregates.aggregator import Aggregate, Figures
from emoedge.messages import Modality, SensorStatus
from emoedge.ops.clock import SystemClock
from emoedge.outputs.event_store import EVENT, FILE, EventStore
from emoedge.outputs.outbox import Outbox

OLD_TABLE = (
    "CREATE TABLE events (id INTEGER PRIMARY KEY, body BLOB NOT NULL, wall REAL, at REAL NOT NULL, run TEXT NOT NULL)"
)
PERSONAL = ("face-", "happy", ":0.8")
"""What the payloads of `tell` hold about somebody; the colon, because a time of day may hold 0.8 as well."""


def window(minutes=1, people=7):
    figures = None if people is None else Figures(people, {"happy": 1.0, "unknown": 0.0}, 0.5, 0.25)
    return Aggregate(minutes=minutes, start=900.0, covered=1.0, k=5, figures=figures)


@pytest.mark.broker
def test_aggregates_lie_beside_events_and_are_not_retained(broker, listen, make_sink, tell):
    listener = listen(broker.port)
    sink = make_sink(broker.port)
    assert sink.wait_connected(5)
    sink.event(tell.moved(1, time.monotonic()))
    for minutes in (1, 5, 15, 1):
        sink.aggregate(window(minutes))
    assert [item.json["seq"] for item in listener.wait("aggregate/1m", 2)] == [1, 2]
    assert listener.wait("aggregate/15m")[0].json["people"] == 7
    assert listener.wait("aggregate/5m")[0].json["seq"] == 1
    assert listener.on("event")[0].json["number"] == 1
    late = listen(broker.port)
    late.wait("schema/aggregate")
    assert not late.on("aggregate/1m")


@pytest.mark.broker
def test_aggregates_survive_an_outage_and_a_killed_process(broker, listen, make_sink, tmp_path, eventually):
    sink = make_sink(broker.port, outbox=Outbox(SystemClock(), tmp_path))
    assert sink.wait_connected(5)
    broker.stop(signal.SIGKILL)
    eventually(lambda: not sink.connected)
    sink.aggregate(window(5))
    eventually(lambda: (tmp_path / FILE).exists() and sink.queue == 1)
    sink.stop()
    broker.start()
    listener = listen(broker.port)
    make_sink(broker.port, outbox=Outbox(SystemClock(), tmp_path), boot_id="0000beef")
    (told,) = listener.wait("aggregate/5m")
    assert told.json["late"] is True
    assert told.json["boot_id"] == "0badcafe"


@pytest.mark.broker
def test_a_discreet_sink_tells_nothing_of_single_people(broker, listen, make_sink, tell, eventually, tmp_path):
    open_sink = make_sink(broker.port, labels=["happy"], outbox=Outbox(SystemClock(), tmp_path))
    open_sink.state(tell.state())
    assert open_sink.wait_connected(5)
    before = listen(broker.port)
    before.wait("emotion")
    broker.stop(signal.SIGTERM)
    eventually(lambda: not open_sink.connected)
    open_sink.event(tell.start(1, time.monotonic()))
    eventually(lambda: open_sink.queue == 1)
    open_sink.stop()
    broker.start()
    again = make_sink(broker.port)  # brings back what is retained, as a broker that kept it would
    again.state(tell.state())
    assert again.wait_connected(5)
    listen(broker.port).wait("emotion")
    again.stop()

    outbox = Outbox(SystemClock(), tmp_path, discard=EVENT)
    listener = listen(broker.port)
    listener.wait("emotion")
    sink = make_sink(broker.port, labels=["happy"], discreet=True, outbox=outbox)
    listener.wait("emotion", where=lambda item: item.body == b"")
    since = len(listener.heard)
    for number in range(5):
        sink.event(tell.start(number, time.monotonic()))
    sink.state(tell.state())
    listener.client.publish("emoedge/test-1/control/raw/set", "true", 1)
    listener.client.publish("emoedge/test-1/request/options", '{"transaction": 1, "value": {"raw": true}}', 1)
    assert "aggregates.only" in listener.wait("response/options")[-1].json["error"]
    assert not sink.raw_wanted
    sink.raw(Modality.FACE, subject="face-1", scores={"happy": 0.8}, quality=1.0, took=1.0)
    sink.sensor("camera", SensorStatus.ONLINE)
    sink.aggregate(window())
    listener.wait("aggregate/1m")
    late = listen(broker.port)
    late.wait("schema/response")
    assert not late.on("emotion"), "what an earlier run retained is gone"
    told = [i for i in (*listener.heard[since:], *late.heard) if "schema/" not in i.topic and "homeassistant" not in i.topic]
    assert not {"emotion", "event", "raw/face", "raw/speech"} & {i.topic.split("/", 2)[2] for i in told if i.body}
    for item in told:
        if "/aggregate/" not in item.topic and "/response/" not in item.topic:
            assert not any(word.encode() in item.body for word in PERSONAL), item
    (shown,) = [json.loads(i.body) for i in late.heard if i.topic.startswith("homeassistant/")]
    for key in ("emotion", "confidence", "valence", "arousal", "people", "presence", "voice", "event"):
        assert set(shown["components"][key]) == {"platform"}, key
    assert "unique_id" in shown["components"]["temperature"]


def test_events_of_an_earlier_run_are_wiped_out_of_the_file(tmp_path, tell):
    box = Outbox(SystemClock(), tmp_path)
    box.put({"who": "face-1234567"})
    box.put({"people": 7}, "aggregate/5m")
    box.start()
    box.stop()
    assert b"face-1234567" in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    store = EventStore(tmp_path, discard=EVENT)
    store.open()
    assert [row.topic for row in store.after(0, 9)] == ["aggregate/5m"]
    assert len(store) == 1
    assert b"face-1234567" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    store.close()


def test_no_damaged_file_is_kept_that_may_hold_such_events(tmp_path, eventually, caplog):
    for name in (FILE, "outbox.corrupt"):
        (tmp_path / name).write_bytes(b"no database, but somebody: face-1234567" * 100)
    box = Outbox(SystemClock(), tmp_path, discard=EVENT)
    box.start()
    eventually(lambda: "removed" in caplog.text, what="the damaged files to go")
    box.stop()
    assert not any(b"face-1234567" in path.read_bytes() for path in tmp_path.iterdir())


def test_a_file_of_the_first_versions_is_read_and_extended(tmp_path):
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute(OLD_TABLE)
        db.execute("INSERT INTO events VALUES (3, ?, NULL, 1.0, 'old')", (b'{"n":3}',))
    db.close()
    for _ in range(2):
        box = Outbox(SystemClock(), tmp_path)
        box.put({"n": 4}, "aggregate/1m")
        box.start()
        box.stop()
    store = EventStore(tmp_path)
    store.open()
    assert [row.topic for row in store.after(0, 9)] == ["event", "aggregate/1m", "aggregate/1m"]
    store.close()
