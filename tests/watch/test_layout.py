"""The picture of a fleet: what it says, and that it fits."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.watch.layout import Scene, duration, fit, picture
from emoedge.watch.row import Condition, Row

HAPPY = Row(device="kitchen", condition=Condition.ONLINE, mode="fused", people=2, label="happy", confidence=0.7,
            age=3.2, frame_age=0.1, drops=5, temperature=51.5)  # fmt: skip
BLIND = Row(device="bus-17", condition=Condition.BLIND, mode="blind", people=0, label="unknown", reason="no_face",
            confidence=0.0, age=9.0, frame_age=7300.0, drops=0, problem="camera: no such device")  # fmt: skip
GONE = Row(device="attic", condition=Condition.OFFLINE)

PAINT = re.compile(r"\x1b\[[0-9;]*m")


def shown(rows=(BLIND, HAPPY), events=(), width=120, height=24, colour=False, **more):
    return picture(Scene(broker="localhost:1883", rows=rows, events=events, **more), width, height, colour=colour)


def test_a_wide_terminal_shows_everything():
    assert [line.rstrip() for line in shown(events=["bus-17  12:00:00.000  sensor_lost"])] == [
        "emoedge watch  localhost:1883  2 devices: 1 BLIND, 1 online",
        "  device   status    mode         people  emotion     confidence           age  frame  drops   temp  problem",
        "! bus-17   BLIND     blind             0  unknown     no_face              9 s    2 h      0      -  "
        "camera: no such de~",
        "  kitchen  online    fused             2  happy       [#######...] 0.70    3 s    0 s      5   52 C",
        "-" * 120,
        "bus-17  12:00:00.000  sensor_lost",
    ]


def test_a_narrow_terminal_keeps_device_status_emotion_and_age():
    lines = shown(width=40)
    assert lines[1].split() == ["device", "status", "emotion", "age"]
    assert lines[2].split() == ["!", "bus-17", "BLIND", "unknown", "9", "s"]


def test_what_detects_nothing_stands_out_in_colour():
    lines = shown((GONE, BLIND, HAPPY), colour=True)
    assert lines[2].startswith("\x1b[1;31m! attic")
    assert lines[3].startswith("\x1b[1;37;41m! bus-17")
    assert lines[4].startswith("  kitchen")


def test_the_newest_events_are_kept_and_the_worst_devices():
    rows = [GONE, *(Row(device=f"d{n:02}", condition=Condition.ONLINE) for n in range(50))]
    lines = shown(rows, events=[f"event {n}" for n in range(99)], height=20)
    assert len(lines) == 20
    assert lines[2].startswith("! attic")
    assert lines[-1] == "event 98"
    assert any(re.fullmatch(r"\.\.\. \d+ more: \d+ online", line) for line in lines)


def test_a_missing_broker_is_said_and_what_is_shown_is_old():
    lines = shown(problem="connection refused")
    assert lines[1] == "! no broker: connection refused; what stands below is old"
    assert shown((), problem="no answer")[1] == "! no broker: no answer"
    assert shown(())[1] == "connected; no device has said anything yet"
    assert "7 messages came too fast" in shown(skipped=7)[1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.2, "0 s"), (119, "119 s"), (120, "2 m"), (7199, "119 m"), (7200, "2 h"), (172800, "2 d"), (1e12, "999 d")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "ab~"), ("abcd", 1, "~"), ("abcd", 0, ""), ("日本語", 6, "日本語"),
     ("日本語", 5, "日本~"), ("日本語", 4, "日~"), ("日本", 0, "")],
)  # fmt: skip
def test_fit(text, width, expected):
    assert fit(text, width) == expected


NAMES = st.from_regex(r"[a-z0-9]{1,64}", fullmatch=True)
ROWS = st.builds(
    Row, device=NAMES, condition=st.sampled_from(Condition), mode=st.none() | st.text("abcö", max_size=80),
    people=st.none() | st.integers(0, 1 << 62), label=st.none() | st.sampled_from(["happy", "unknown", "日本語" * 9]),
    reason=st.none() | st.text("xy", max_size=80), confidence=st.none() | st.floats(-10, 10),
    age=st.none() | st.floats(0, 1e15), frame_age=st.none() | st.floats(0, 1e15),
    drops=st.none() | st.integers(0, 1 << 62), temperature=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    problem=st.none() | st.text("pq ", max_size=80),
)  # fmt: skip


@given(st.lists(ROWS, max_size=30), st.lists(st.text("ab 語", max_size=150), max_size=20), st.integers(1, 200),
       st.integers(1, 60), st.booleans(), st.none() | st.just("gone"))  # fmt: skip
def test_it_always_fits(rows, events, width, height, colour, problem):
    lines = shown(rows, events, width, height, colour, problem=problem)
    assert 1 <= len(lines) <= height
    for line in lines:
        plain = PAINT.sub("", line)
        assert len(plain) + plain.count("語") + plain.count("日") + plain.count("本") <= width, repr(plain)
