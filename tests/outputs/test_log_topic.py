"""The topic `log`: folded, at most one line a second, and nothing below a warning."""

import json
import logging
import time
from datetime import datetime

import pytest

from emoedge.ops.clock import ManualClock
from emoedge.outputs.board import Board
from emoedge.outputs.log_topic import LogDigest, LogTopic
from emoedge.outputs.stamp import Stamp


def play(offers, until, step=0.25):
    """(time, message, repeated) of every line that is passed on; `offers` are (time, message)."""
    digest, told, pending = LogDigest(), [], sorted(offers)
    for tick in range(int(until / step) + 1):
        now = tick * step
        while pending and pending[0][0] <= now:
            digest.offer("warning", "emoedge", pending.pop(0)[1], now)
        due = digest.due(now)
        line = digest.take(now)
        assert (line is not None) == (due <= 0)
        if line is not None:
            told.append((now, line[2], line[3]))
    return told


def test_different_lines_come_one_a_second():
    assert play([(0, "a"), (0, "b"), (0, "c")], 5) == [(0, "a", 0), (1, "b", 0), (2, "c", 0)]


def test_the_same_line_comes_once_a_minute_with_its_count():
    told = play([(second, "again") for second in range(100)], 130)
    assert [(at, message) for at, message, _ in told] == [(0, "again"), (60, "again"), (120, "again")]
    assert sum(repeated + 1 for *_, repeated in told) >= 100


def test_a_line_is_told_with_the_time_at_which_it_was_said_last():
    digest = LogDigest()
    for at in (1.0, 5.0):
        digest.offer("warning", "emoedge", "no broker", at)
    assert digest.take(3600.0) == ("warning", "emoedge", "no broker", 1, 5.0)


def test_a_line_of_an_outage_bears_its_own_time():
    board, clock = Board(), ManualClock(time.monotonic())
    topic = LogTopic("log", Stamp(clock, "boot"), board, lambda: None)
    topic.handle(logging.makeLogRecord({"levelno": logging.WARNING, "levelname": "WARNING", "msg": "lost"}))
    said = clock.wall()
    clock.advance(7200)
    topic.tick(clock.monotonic())
    told = datetime.fromisoformat(json.loads(board.take().body)["ts"])
    assert abs((told - said).total_seconds()) < 60


def test_a_thousand_lines_do_not_pile_up():
    digest = LogDigest()
    for number in range(1000):
        digest.offer("warning", "emoedge", f"line {number}", 0.0)
    assert len(digest._lines) <= 32


@pytest.mark.broker
def test_warnings_of_the_daemon_arrive(broker, listen, make_sink):
    sink = make_sink(broker.port)
    assert sink.wait_connected(5)
    listener = listen(broker.port)
    listener.wait("status")
    logger = logging.getLogger("emoedge.sources.camera")
    logger.info("nothing to see")
    logger.error("camera: %s", "lost", exc_info=OSError("gone"))
    told = listener.wait("log", where=lambda item: "camera" in item.json["message"])[0].json
    assert (told["level"], told["logger"]) == ("error", "emoedge.sources.camera")
    assert told["message"] == "camera: lost (OSError)"
    assert not [item for item in listener.on("log") if "nothing" in item.json["message"]]
