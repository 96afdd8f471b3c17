"""The fleet table: messages in, rows out."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.watch.fleet_table import CAPACITY, DISCREET_SILENT_AFTER, LARGEST, SILENT_AFTER, FleetTable
from emoedge.watch.row import Condition

WALL = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def emotion(mode="face_only", ago=0.0, clock="synced", **more):
    ts = (WALL - timedelta(seconds=ago)).isoformat()
    return {"ts": ts, "clock": clock, "mode": mode, "people": 1, "label": "happy", "confidence": 0.7, **more}


def health(status="ok", ago=0.0, **more):
    ts = (WALL - timedelta(seconds=ago)).isoformat()
    report = {"problems": [], "drops": {"camera_dropped": 2, "events": 3}, "temperature_c": 51.5}
    return {"ts": ts, "clock": "synced", "status": status, "ages_s": {"camera": 0.1}, **report, **more}


class Fleet:
    """A table, and shorter words for what is said to it."""

    def __init__(self):
        self.table = FleetTable("emoedge")

    def say(self, name, payload, device="kitchen", at=0.0, *, retained=False):
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        wall = WALL + timedelta(seconds=at)
        return self.table.take(f"emoedge/{device}/{name}", body, retained=retained, now=at, wall=wall)

    def row(self, at=0.0, device="kitchen"):
        return next(row for row in self.table.rows(at) if row.device == device)


@pytest.fixture
def fleet():
    return Fleet()


def test_a_row_holds_what_was_said(fleet):
    fleet.say("status", b"online")
    fleet.say("sensor/camera/status", b"online")
    fleet.say("emotion", emotion())
    fleet.say("health", health("degraded", problems=["mic: no such device", "else"]))
    row = fleet.row(4.0)
    assert (row.mode, row.people, row.label, row.confidence) == ("face_only", 1, "happy", 0.7)
    assert (row.age, row.frame_age, row.drops, row.temperature) == (4.0, 0.1, 5, 51.5)
    assert (row.problem, row.condition) == ("mic: no such device", Condition.DEGRADED)


@pytest.mark.parametrize(
    ("said", "at", "expected"),
    [
        ([("status", b"online"), ("emotion", emotion())], 0, Condition.ONLINE),
        ([("emotion", emotion())], 0, Condition.ONLINE),
        ([("status", b"online"), ("emotion", emotion("blind"))], 0, Condition.BLIND),
        ([("status", b"online"), ("emotion", emotion("paused"))], 0, Condition.PAUSED),
        ([("status", b"online"), ("emotion", emotion("idle"))], 0, Condition.ONLINE),
        ([("emotion", emotion()), ("health", health("degraded"))], 0, Condition.DEGRADED),
        ([("emotion", emotion("blind")), ("health", health("degraded"))], 0, Condition.BLIND),
        ([("status", b"online"), ("emotion", emotion())], SILENT_AFTER + 0.1, Condition.SILENT),
        ([("status", b"online"), ("emotion", emotion())], SILENT_AFTER, Condition.ONLINE),
        ([("status", b"online")], SILENT_AFTER + 0.1, Condition.SILENT),
        ([("status", b"online")], 1, Condition.ONLINE),
        ([("emotion", emotion()), ("status", b"offline")], 0, Condition.OFFLINE),
        ([("emotion", emotion()), ("status", b"offline"), ("status", b"online")], 0, Condition.ONLINE),
    ],
)
def test_condition(fleet, said, at, expected):
    for name, payload in said:
        fleet.say(name, payload)
    assert fleet.row(at).condition is expected


def test_a_retained_state_is_as_old_as_it_says(fleet):
    fleet.say("emotion", emotion(ago=3600), retained=True)
    assert fleet.row().age == pytest.approx(3600)
    assert fleet.row().condition is Condition.SILENT
    fleet.say("emotion", emotion(), at=1)
    assert fleet.row(1).age == 0
    assert fleet.row(1).condition is Condition.ONLINE


def test_a_retained_state_of_an_unsynced_clock_has_no_age(fleet):
    fleet.say("emotion", emotion(ago=3600, clock="unsynced"), retained=True)
    assert fleet.row().age is None
    assert fleet.row(SILENT_AFTER + 1).condition is Condition.SILENT


def test_a_retained_state_from_the_future_is_new(fleet):
    fleet.say("emotion", emotion(ago=-100), retained=True)
    assert fleet.row().age == 0


def test_the_frame_grows_old_while_the_camera_is_away(fleet):
    fleet.say("health", health())
    fleet.say("sensor/camera/status", b"online")
    assert fleet.row(20).frame_age == pytest.approx(0.1)
    fleet.say("sensor/camera/status", b"reconnecting", at=20)
    assert fleet.row(25).frame_age == pytest.approx(25.1)


def test_those_that_detect_nothing_come_first(fleet):
    for device, mode in (("a", "fused"), ("b", "blind"), ("c", "paused"), ("d", "fused"), ("e", "fused")):
        fleet.say("emotion", emotion(mode), device)
    fleet.say("status", b"offline", "d")
    fleet.say("health", health("degraded"), "e")
    assert [row.device for row in fleet.table.rows(0)] == ["d", "b", "e", "c", "a"]


def test_lines_are_news_only(fleet):
    assert fleet.say("status", b"online") == ("kitchen", "12:00:00.000  device: online")
    assert fleet.say("status", b"online") is None
    assert fleet.say("emotion", emotion()) is None
    device, line = fleet.say("event", {"ts": WALL.isoformat(), "event_type": "person_left", "duration": 3.0})
    assert (device, line.split()) == ("kitchen", ["12:00:00.000", "person_left", "-", "stayed", "3.0", "s"])


def test_silence_is_told_once_and_its_end_too(fleet):
    fleet.say("emotion", emotion())
    assert fleet.table.silences(SILENT_AFTER, WALL) == []
    told = fleet.table.silences(SILENT_AFTER + 1, WALL)
    assert [device for device, _ in told] == ["kitchen"]
    assert "nothing for 15 s" in told[0][1]
    assert fleet.table.silences(SILENT_AFTER + 2, WALL) == []
    assert "heard again" in fleet.say("emotion", emotion(), at=30)[1]
    assert len(fleet.table.silences(60, WALL)) == 1


def test_a_device_that_tells_aggregates_alone_is_judged_by_its_health(fleet):
    fleet.say("status", b"online")
    fleet.say("emotion", emotion())
    fleet.say("emotion", b"", at=1)
    fleet.say("health", health(), at=10)
    row = fleet.row(40)
    assert (row.condition, row.label, row.people, row.temperature) == (Condition.ONLINE, None, None, 51.5)
    fleet.say("health", health(), at=40)
    assert fleet.row(40 + DISCREET_SILENT_AFTER).condition is Condition.ONLINE
    assert fleet.row(41 + DISCREET_SILENT_AFTER).condition is Condition.SILENT
    assert "nothing for 75 s" in fleet.table.silences(41 + DISCREET_SILENT_AFTER, WALL)[0][1]
    assert "heard again" in fleet.say("health", health(), at=200)[1]
    assert fleet.say("health", health(), at=230) is None


def test_a_retained_health_of_long_ago_is_no_sign_of_life(fleet):
    fleet.say("status", b"online")
    fleet.say("health", health(ago=3600), retained=True)
    assert fleet.row(SILENT_AFTER).condition is Condition.ONLINE
    assert fleet.row(SILENT_AFTER + 0.1).condition is Condition.SILENT


def test_what_is_taken_back_before_the_status_is_no_news(fleet):
    fleet.say("status", b"online")
    for name in ("sensor/camera/status", "health"):
        assert fleet.say(name, b"") is None
    assert fleet.row(0).problem is None


def test_a_device_that_is_taken_back_leaves(fleet):
    fleet.say("status", b"offline")
    fleet.say("status", b"")
    assert len(fleet.table) == 0


@pytest.mark.parametrize("topic", ["other/kitchen/status", "emoedge/Kitchen/status", "emoedge/a b/status", "emoedge",
                                   "emoedge/kitchen/nonsense", "emoedge/kitchen", "emoedge/\x1b[2J/status"])  # fmt: skip
def test_strangers_make_no_rows(fleet, topic):
    assert fleet.table.take(topic, b"online", retained=False, now=0, wall=WALL) is None
    assert len(fleet.table) == 0


@pytest.mark.parametrize(
    "payload",
    [b"[" * 60_000, b'{"event_type":"person_left","duration":1' + b"0" * 400 + b"}",
     b'{"event_type":"emotion_start","valence":1' + b"0" * 400 + b"}"],
    ids=["nested", "duration", "valence"],
)  # fmt: skip
def test_an_event_that_cannot_be_read_is_told_so(fleet, payload):
    fleet.say("status", b"online")
    device, line = fleet.say("event", payload)
    assert (device, line.strip()) == ("kitchen", f"unreadable event of {len(payload)} bytes")


def test_memory_is_bounded(fleet):
    for number in range(CAPACITY + 10):
        fleet.say("status", b"online", f"d{number}")
    assert len(fleet.table) == CAPACITY
    assert fleet.say("event", b"x" * (LARGEST + 1), "d1") is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6,
)  # fmt: skip
MEMBERS = ["ts", "clock", "mode", "people", "label", "reason", "confidence", "status", "problems", "drops", "ages_s",
           "temperature_c", "event_type", "subject", "duration"]  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["status", "emotion", "health", "event", "sensor/camera/status"]),
            st.dictionaries(st.sampled_from(MEMBERS), ANYTHING).map(lambda told: json.dumps(told).encode())
            | st.binary(max_size=60),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_no_payload_breaks_it(messages):
    fleet = Fleet()
    for name, payload, retained in messages:
        line = fleet.say(name, payload, retained=retained)
        assert line is None or line[1].isprintable()
    for row in fleet.table.rows(1.0):
        for text in (row.mode, row.label, row.reason, row.problem):
            assert text is None or text.isprintable()
        for number in (row.confidence, row.age, row.frame_age, row.drops, row.temperature):
            assert number is None or number == number
