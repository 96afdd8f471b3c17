"""Payloads against their schemas: every event type, every abstention, any number, never above a kilobyte."""

import json
import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from emoedge.aggregates.aggregator import Aggregate, Figures
from emoedge.aggregates.visit import LABELS
from emoedge.emotions import CANONICAL, Reason, Scores
from emoedge.messages import Belief, Contribution, Event, EventType, Modality, Mode, State
from emoedge.ops.clock import ManualClock
from emoedge.outputs import payloads
from emoedge.outputs.schema_files import NAMES, schema
from emoedge.outputs.stamp import Stamp, iso_ms

VALIDATORS = {name: Draft202012Validator(schema(name)) for name in NAMES}


def stamp():
    return Stamp(ManualClock(100.0, wall=datetime(2026, 5, 1, tzinfo=UTC)), "feedbeef")


def decoded(payload):
    return json.loads(payloads.encode(payload))


units = st.floats(0, 1)
labels = st.sampled_from(CANONICAL)


@st.composite
def any_scores(draw):
    known = np.array(draw(st.lists(st.booleans(), min_size=7, max_size=7).filter(any)))
    values = np.array(draw(st.lists(st.floats(1e-6, 1), min_size=7, max_size=7))) * known
    return Scores(values / values.sum(), known)


@st.composite
def any_belief(draw):
    scores = draw(st.none() | any_scores())
    parts = draw(
        st.lists(
            st.builds(Contribution, st.sampled_from(Modality), units, st.floats(0, 1e6), units, labels), max_size=2
        )
    )
    return Belief(
        draw(st.floats(0, 1e6)), draw(st.text(min_size=1, max_size=400)), draw(labels | st.just("unknown")),
        draw(units), scores, draw(st.none() | st.sampled_from(Reason)), tuple(parts), draw(st.none() | units),
    )  # fmt: skip


any_state = st.builds(
    State, st.floats(0, 100), st.sampled_from(Mode), st.integers(0, 99), st.none() | any_belief(),
    st.lists(any_belief(), max_size=9).map(tuple), st.none() | st.sampled_from(Reason), st.booleans(),
)  # fmt: skip


@given(any_state)
def test_emotion_fits_its_schema_and_a_kilobyte(state):
    payload = payloads.emotion(stamp().envelope("emotion"), state)
    VALIDATORS["emotion"].validate(decoded(payload))
    assert len(payloads.encode(payload)) <= 1024


def test_four_more_people_of_usual_names_all_fit(tell):
    others = tuple(tell.belief(subject=f"face-{n}") for n in range(12345, 12352))
    state = State(0.0, Mode.FUSED, 8, tell.belief(), others, None, speaking=True)
    assert len(payloads.emotion(stamp().envelope("emotion"), state)["subjects"]) == 4


def test_nobody_is_unknown_and_never_neutral():
    payload = payloads.emotion(stamp().envelope("emotion"), State(0.0, Mode.IDLE, 0, None, (), Reason.NO_FACE))
    assert (payload["label"], payload["reason"], payload["valence"]) == ("unknown", "no_face", None)
    assert payload["scores"] == {}


DETAILS = {
    "duration": np.float32(1.25), "peak": np.float64(0.9), "mean": 0.5, "people": np.int64(2), "mode": Mode.FUSED,
    "previous": None, "sensor": "camera", "problem": None, "cause": "left", "seq": 99, "event_id": "mine",
    "odd": {"nan": math.nan, "list": (1, np.float32(2.5), Mode.IDLE), "object": object()},
}  # fmt: skip


@pytest.mark.parametrize("kind", EventType)
@given(belief=st.none() | any_belief())
def test_event_fits_its_schema_whatever_its_details(kind, belief):
    item = Event(kind, 12.0, "face-1", "7", belief, DETAILS)
    payload = decoded(payloads.event(stamp().envelope("event", item.at), item))
    VALIDATORS["event"].validate(payload)
    assert payload["event_type"] == kind.value
    assert payload["event_id"] == "feedbeef-1", "details never displace the envelope"
    assert payload["odd"]["nan"] is None


def test_an_event_names_what_made_it(tell):
    payload = payloads.event(stamp().envelope("event"), tell.start(3, 0.0))
    assert payload["episode_id"] == "feedbeef-3"
    assert payload["modalities"] == [
        {"modality": "face", "weight": 0.8, "age": 0.04, "quality": 0.9, "label": "happy"}
    ]


def test_the_episode_label_wins_over_the_present_one(tell):
    item = Event(EventType.EMOTION_END, 0.0, "face-1", "1", tell.belief("sad"), {"label": "happy"})
    assert payloads.event(stamp().envelope("event"), item)["label"] == "happy"


def test_the_envelope_tells_when_it_happened_not_when_it_was_sent():
    envelope = stamp().envelope("event", at=98.5)
    assert envelope["ts"] == "2026-05-01T00:01:38.500Z"
    assert list(envelope) == ["v", "ts", "clock", "boot_id", "seq"]


def test_each_kind_of_payload_counts_for_itself():
    one = stamp()
    assert [one.envelope(kind)["seq"] for kind in ("a", "a", "b", "a")] == [1, 2, 1, 3]


def test_milliseconds_are_cut_and_never_round_into_the_next_second():
    assert iso_ms(datetime(2026, 1, 1, 23, 59, 59, 999999, tzinfo=UTC)) == "2026-01-01T23:59:59.999Z"


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_valid_and_small(name):
    Draft202012Validator.check_schema(schema(name))
    assert len(payloads.encode(schema(name))) < 4096


def test_every_label_and_reason_of_the_code_stands_in_the_schemas():
    properties = schema("event")["properties"]
    assert set(properties["event_type"]["enum"]) == {kind.value for kind in EventType}
    assert set(properties["reason"]["enum"]) == {reason.value for reason in Reason} | {None}
    assert set(schema("emotion")["properties"]["mode"]["enum"]) == {mode.value for mode in Mode}
    assert schema("aggregate")["properties"]["shares"]["propertyNames"]["enum"] == list(LABELS)
    assert schema("emotion")["properties"]["scores"]["propertyNames"]["enum"] == list(CANONICAL)


shares = st.lists(units, min_size=8, max_size=8).map(lambda values: dict(zip(LABELS, values, strict=True)))
figures = st.builds(
    Figures, st.integers(3, 10_000), shares, st.none() | st.floats(-1, 1), st.none() | st.floats(-1, 1)
)
windows = st.builds(
    Aggregate, minutes=st.sampled_from([1, 5, 15]), start=st.integers(0, 4_000_000_000 // 900).map(lambda n: n * 900.0),
    covered=units, k=st.integers(3, 1000), figures=st.none() | figures,
)  # fmt: skip


@settings(deadline=None)
@given(windows)
def test_aggregate_fits_its_schema_and_names_nobody(item):
    payload = decoded(payloads.aggregate(stamp().envelope("aggregate/1m"), item))
    VALIDATORS["aggregate"].validate(payload)
    assert payload["suppressed"] is (item.figures is None)
    assert not {"subject", "subjects", "episode_id", "event_id", "label", "scores", "confidence"} & set(payload)


@pytest.mark.parametrize("name", ["people", "shares", "valence", "arousal"])
def test_the_schema_of_aggregates_refuses_figures_of_few(name):
    item = Aggregate(minutes=5, start=0.0, covered=1.0, k=5, figures=Figures(7, {"happy": 1.0}, 0.5, 0.5))
    payload = decoded(payloads.aggregate(stamp().envelope("aggregate/5m"), item))
    assert (payload["start"], payload["end"]) == ("1970-01-01T00:00:00.000Z", "1970-01-01T00:05:00.000Z")
    bare = {key: value for key, value in payload.items() if key not in {"people", "shares", "valence", "arousal"}}
    assert VALIDATORS["aggregate"].is_valid({**bare, "suppressed": True})
    assert not VALIDATORS["aggregate"].is_valid({**bare, "suppressed": True, name: payload[name]})
    assert not VALIDATORS["aggregate"].is_valid({key: value for key, value in payload.items() if key != name})


# What version 1 promised; a name may be added to the schemas, none may leave them.
PROMISED = {
    "aggregate": "v ts clock boot_id seq start end covered k suppressed",
    "emotion": "v ts clock boot_id seq mode people label reason confidence scores valence arousal subject subjects",
    "event": "v ts clock boot_id seq event_id event_type subject episode_id",
    "health": "v ts clock boot_id seq fps latency_ms drops ages_s temperature_c rss_mb queue duty",
    "info": "v ts clock boot_id seq versions models config_hash board privacy",
    "log": "v ts clock boot_id seq level logger message",
    "raw": "v ts clock boot_id seq scores",
    "control": "v ts clock boot_id seq value",
    "response": "v ts clock boot_id seq status data error transaction",
}


@pytest.mark.parametrize("name", PROMISED)
def test_version_one_only_grows(name):
    assert set(PROMISED[name].split()) <= set(schema(name)["required"])
    assert schema(name)["properties"]["v"] == {"type": "integer", "const": 1}
    assert "additionalProperties" not in schema(name)
