"""Events whose row in the outbox is damaged where SQLite cannot know it: no other one is lost with them."""

import logging
import sqlite3

import pytest

from emoedge.ops.clock import SystemClock
from emoedge.outputs.event_store import FILE, Caps
from emoedge.outputs.outbox import Outbox

DAMAGES = {
    "no UTF-8": "body = x'7b2261223a22ff227d'",
    "no object": "body = x'6e756c6c'",
    "a body that is text": "body = '{}'",
    "a body that is a number": "body = 1.5",
    "a topic that is no UTF-8": "topic = CAST(x'65ff656e74' AS TEXT)",
    "a topic that is none": "topic = 'eve#t'",
    "another topic": "topic = 'eveft'",
    "a time that is text": "wall = 'soon'",
    "a time that is bytes": "at = x'00'",
}


@pytest.fixture
def damaged(make_sink, tell, tmp_path):
    """Three events wait in the outbox; the second row is changed as told."""

    def make(change):
        clock = SystemClock()
        sink = make_sink(1, boot_id="1", outbox=Outbox(clock, tmp_path))
        for number in range(3):
            sink.event(tell.moved(number, clock.monotonic()))
        sink.stop()
        with sqlite3.connect(tmp_path / FILE) as file:
            assert file.execute(f"UPDATE events SET {change} WHERE id = 2").rowcount == 1
        file.close()

    return make


def deliver(broker, listen, make_sink, tell, tmp_path, eventually, count):
    """The run that follows, and the numbers told of the events before it; an event of its own arrives too."""
    listener = listen(broker.port)
    clock = SystemClock()
    sink = make_sink(broker.port, boot_id="2", outbox=Outbox(clock, tmp_path, caps=Caps(age=3600.0)))
    told = listener.wait("event", count=count, where=lambda item: item.json["boot_id"] == "1")
    sink.event(tell.moved(3, clock.monotonic()))
    listener.wait("event", where=lambda item: item.json["boot_id"] == "2")
    eventually(lambda: sink.queue == 0)
    assert not sink.problems
    return sink, [item.json["number"] for item in told]


@pytest.mark.parametrize("change", DAMAGES.values(), ids=DAMAGES.keys())
def test_an_event_that_cannot_be_read_any_more_keeps_no_other_one(
    broker, listen, make_sink, tell, tmp_path, eventually, caplog, damaged, change
):
    damaged(change)
    caplog.set_level(logging.INFO)
    sink, told = deliver(broker, listen, make_sink, tell, tmp_path, eventually, 2)
    assert told == [0, 2]
    assert sink.drops["events"] == 1
    assert len([r for r in caplog.records if "is damaged" in r.getMessage()]) == 1
    assert "Traceback" not in caplog.text


def test_an_event_whose_run_cannot_be_read_is_one_of_an_earlier_run(
    broker, listen, make_sink, tell, tmp_path, eventually, damaged
):
    damaged("run = CAST(x'66ff' AS TEXT)")
    sink, told = deliver(broker, listen, make_sink, tell, tmp_path, eventually, 3)
    assert told == [0, 1, 2]
    assert sink.drops["events"] == 0
