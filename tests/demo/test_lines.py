"""Readable lines: what each event type says, and that nothing on the wire can break them."""

from __future__ import annotations

import json
from datetime import UTC

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emoedge.messages import EventType
from emoedge.outputs.lines import bar, event_line, line_of, printable

TS = "2026-03-01T12:00:00.123Z"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            {"event_type": "person_appeared", "subject": "face-1", "people": 1},
            "12:00:00.123  person_appeared  face-1    1 person here",
        ),
        (
            {"event_type": "person_left", "subject": "face-1", "people": 0, "duration": 10.04, "cause": "left"},
            "12:00:00.123  person_left      face-1    0 people here  stayed 10.0 s  (left)",
        ),
        (
            {"event_type": "emotion_start", "subject": "face-1", "label": "happy", "confidence": 0.7, "valence": 0.61,
             "arousal": -0.2, "modalities": [{"modality": "face"}, {"modality": "speech"}]},
            "12:00:00.123  emotion_start    face-1    happy     [#######...] 0.70  valence +0.61 arousal -0.20"
            "  from face + speech",
        ),
        (
            {"event_type": "emotion_end", "subject": "face-1", "label": "happy", "peak": 0.93, "duration": 3.26,
             "cause": "faded"},
            "12:00:00.123  emotion_end      face-1    happy     [#########.] 0.93  lasted 3.3 s  (faded)",
        ),
        (
            {"event_type": "voice_start", "subject": "face-1", "attribution": "only_face"},
            "12:00:00.123  voice_start      face-1    the only person in view",
        ),
        (
            {"event_type": "voice_end", "subject": "voice", "duration": 2.5, "late": True},
            "12:00:00.123  voice_end        voice     spoke 2.5 s  (late)",
        ),
        (
            {"event_type": "mode_changed", "subject": None, "mode": "fused", "previous": "idle"},
            "12:00:00.123  mode_changed     -         idle -> fused",
        ),
        (
            {"event_type": "sensor_lost", "subject": None, "sensor": "camera", "status": "reconnecting",
             "problem": "unplugged"},
            "12:00:00.123  sensor_lost      -         camera  reconnecting  unplugged",
        ),
    ],
)  # fmt: skip
def test_an_event_is_one_readable_line(event, line):
    assert event_line({"ts": TS, **event}, UTC) == line


def test_the_time_is_shown_in_the_zone_that_is_asked_for():
    from datetime import timedelta, timezone

    assert event_line({"ts": TS, "event_type": "voice_end"}, timezone(timedelta(hours=2))).startswith("14:00:00.123")


@pytest.mark.parametrize(
    ("name", "payload", "expected"),
    [
        ("status", b"online", "device: online"),
        ("sensor/camera/status", b"reconnecting", "camera: reconnecting"),
        ("sensor/mic/status", b"\xff\x1b[2J", "microphone: \N{REPLACEMENT CHARACTER}?[2J"),
        ("event", b"{", "unreadable event of 1 bytes"),
        ("event", b"[1]", "unreadable event of 3 bytes"),
        ("event", b"\xff", "unreadable event of 1 bytes"),
    ],
)
def test_other_messages_are_told_in_a_line(name, payload, expected):
    assert line_of(name, payload).strip() == expected


@pytest.mark.parametrize("name", ["health", "emotion", "info", "schema/event", "log", "sensor/nose/status"])
def test_what_no_reader_needs_is_left_out(name):
    assert line_of(name, b"{}") is None


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "[..........] 0.00"), (1, "[##########] 1.00"), (0.449, "[####......] 0.45"), (None, ""), (1.1, ""),
     (float("nan"), ""), ("0.5", ""), (True, "")],
)  # fmt: skip
def test_a_bar_is_as_long_as_its_share(share, text):
    assert bar(share) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
KEYS = st.sampled_from([
    "ts", "subject", "label", "confidence", "valence", "arousal", "peak", "duration", "people", "cause", "modalities",
    "attribution", "mode", "previous", "sensor", "status", "problem", "late",
])  # fmt: skip


# Random JSON is slow to make on a busy machine, which says nothing of the code.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(list(EventType)), rest=st.dictionaries(KEYS, JSON, max_size=6))
def test_whatever_members_hold_the_line_is_one_printable_line_with_its_type(kind, rest):
    line = line_of("event", json.dumps({**rest, "event_type": kind}).encode())
    assert kind.value in line
    assert line.isprintable()


@given(st.text())
def test_printable_keeps_the_length_and_drops_control(text):
    assert len(printable(text)) == len(text)
    assert printable(text).isprintable()
