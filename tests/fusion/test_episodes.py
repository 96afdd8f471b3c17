"""Episodes: hysteresis, dwell, change of label, frame-rate independence."""

from itertools import count

import numpy as np
import pytest

from emoedge.config.fusion import FusionConfig
from emoedge.emotions import CANONICAL, Scores
from emoedge.fusion.episodes import EpisodeTracker
from emoedge.messages import Belief, EventType
from emoedge.outputs.payloads import event as event_payload

CONFIG = FusionConfig(enter=0.6, leave=0.4, dwell=0.5, update_interval=2.0)


def belief(at, label="happy", confidence=0.8):
    rest = (1 - confidence) / 6
    values = np.array([confidence if c == label else rest for c in CANONICAL])
    return Belief(at, "face-1", label, confidence, Scores(values, np.ones(7, bool)))


def unknown(at):
    return Belief(at, "face-1", "unknown", 0.0, None)


def tracker(config=CONFIG):
    ids = count(1)
    return EpisodeTracker(config, "face-1", lambda: f"ep-{next(ids)}")


def play(steps, config=CONFIG):
    t = tracker(config)
    return [(e.type.value, round(e.at, 2), e.details["label"]) for b in steps for e in t.step(b)]


def series(*parts, step=0.1):
    """(seconds, label, confidence) parts as beliefs on a grid."""
    out, at = [], 0.0
    for seconds, label, confidence in parts:
        for _ in range(round(seconds / step)):
            out.append(belief(at, label, confidence) if label else unknown(at))
            at += step
    return out


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([(0.4, "happy", 0.8), (2, "happy", 0.5)], [], id="shorter than the dwell"),
        pytest.param([(1, "happy", 0.8)], [("emotion_start", 0.5, "happy")], id="starts after the dwell"),
        pytest.param([(1, "happy", 0.8), (2, "happy", 0.5)],
                     [("emotion_start", 0.5, "happy"), ("emotion_update", 2.5, "happy")], id="between leave and enter"),
        pytest.param([(1, "happy", 0.8), (0.4, "happy", 0.3), (0.5, "happy", 0.8)],
                     [("emotion_start", 0.5, "happy")], id="a short dip"),
        pytest.param([(1, "happy", 0.8), (1, "happy", 0.3)],
                     [("emotion_start", 0.5, "happy"), ("emotion_end", 1.5, "happy")], id="fades"),
        pytest.param([(1, "happy", 0.8), (1, "sad", 0.8)],
                     [("emotion_start", 0.5, "happy"), ("emotion_end", 1.5, "happy"), ("emotion_start", 1.5, "sad")],
                     id="changes"),
        pytest.param([(1, "happy", 0.8), (1, None, 0)],
                     [("emotion_start", 0.5, "happy"), ("emotion_end", 1.5, "happy")], id="becomes unknown"),
        pytest.param([(0.3, "happy", 0.8), (0.3, "sad", 0.8)] * 5, [], id="flicker"),
    ],
)  # fmt: skip
def test_table(parts, expected):
    assert play(series(*parts)) == expected


def test_end_carries_duration_peak_and_mean():
    t = tracker()
    events = [e for b in series((1, "happy", 0.8), (1, "happy", 0.9), (1, "happy", 0.2)) for e in t.step(b)]
    end = events[-1]
    assert end.type is EventType.EMOTION_END
    assert end.episode_id == events[0].episode_id == "ep-1"
    assert end.details["duration"] == pytest.approx(2.0, abs=0.01)
    assert end.details["peak"] == pytest.approx(0.9)
    assert end.details["mean"] == pytest.approx(0.85, abs=1e-6), "of the time that the duration tells"
    assert end.details["cause"] == "faded"


@pytest.mark.parametrize("seconds", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("after", ["happy", "sad"])
def test_the_mean_is_that_of_the_episode_and_not_of_what_follows(seconds, after):
    t = tracker()
    weak = (2, after, 0.1 if after == "happy" else 0.85)
    told = [e for b in series((seconds, "happy", 0.9), weak) for e in t.step(b)]
    (end,) = [e for e in told if e.type is EventType.EMOTION_END]
    assert end.details["duration"] == pytest.approx(seconds)
    assert end.details["mean"] == pytest.approx(0.9)
    if after == "sad":
        finished = t.finish(belief(seconds + 2, "sad", 0.85), "stopped")[0].details
        assert (finished["mean"], finished["peak"]) == (pytest.approx(0.85), 0.85)


def test_a_peak_within_the_dwell_is_the_episodes():
    t = tracker()
    for b in series((0.3, "happy", 0.95), (1, "happy", 0.7)):
        t.step(b)
    assert t.finish(belief(1.3, confidence=0.7), "stopped")[0].details["peak"] == 0.95


def test_the_confidence_told_is_that_in_the_label_told():
    t = tracker()
    steps = series((1, "happy", 0.8), (1.6, "sad", 0.55), (1, "sad", 0.9))
    events = [event for step in steps for event in t.step(step)]
    events += t.finish(belief(3.6, "surprise", 0.7), "left")
    told = [event_payload({"boot_id": "a", "seq": 1}, event) for event in events]
    assert [(one["event_type"], one["label"], one["confidence"]) for one in told] == [
        ("emotion_start", "happy", 0.8), ("emotion_end", "happy", 0.075), ("emotion_start", "sad", 0.9),
        ("emotion_end", "sad", 0.05),
    ]  # fmt: skip


def test_finish_ends_once():
    t = tracker()
    for b in series((1, "happy", 0.8)):
        t.step(b)
    (end,) = t.finish(belief(1.0), "person_left")
    assert end.details["cause"] == "person_left"
    assert t.finish(belief(1.0), "person_left") == []


def test_zero_dwell_counts_at_once():
    config = FusionConfig(enter=0.6, leave=0.4, dwell=0.0)
    assert play([belief(0.0), belief(0.1, confidence=0.1)], config) == [
        ("emotion_start", 0.0, "happy"),
        ("emotion_end", 0.1, "happy"),
    ]


@pytest.mark.parametrize("rate", [5, 25])
def test_start_and_end_do_not_depend_on_the_rate(rate):
    film = series((1.0, "neutral", 0.45), (2.0, "happy", 0.8), (2.0, "happy", 0.2), step=1 / rate)
    events = play(film)
    assert [(e[0], e[2]) for e in events] == [("emotion_start", "happy"), ("emotion_end", "happy")]
    assert events[0][1] == pytest.approx(1.5, abs=0.15)
    assert events[1][1] == pytest.approx(3.5, abs=0.15)
