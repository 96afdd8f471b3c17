"""What a belief fades to: mostly neutral, and never a finding of its own."""

from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from emoedge.config.fusion import FusionConfig
from emoedge.emotions import CANONICAL, INDEX, NEUTRAL, Reason, Scores
from emoedge.fusion.belief import Evidence, ForwardFilter, Reliability, resting
from emoedge.fusion.subject import make_subject
from emoedge.messages import Modality

RELIABILITY = {m: Reliability(weight=1.0, decorrelation=1.0) for m in Modality}
CONFIG = FusionConfig(forget=20.0)


def scores(known=CANONICAL, **given):
    rest = (1 - sum(given.values())) / max(1, len(known) - len(given))
    return Scores.from_labels(known, np.array([given.get(c, rest) for c in known]))


def subject(config=CONFIG):
    ids = count(1)
    return make_subject("face-1", 0.0, config, RELIABILITY, lambda: f"ep-{next(ids)}")


def face(at, known=CANONICAL, **given):
    return Evidence(Modality.FACE, at, 1.0, scores(known, **given))


def test_the_first_observation_is_weighed_against_what_people_mostly_show():
    one = subject()
    one.observe(face(0.0, happy=0.4, neutral=0.3))
    expected = resting(CONFIG.neutral) * scores(happy=0.4, neutral=0.3).values
    assert one.at(0.0).scores.values == pytest.approx(expected / expected.sum())


@pytest.mark.parametrize("neutral", [1 / 7, 0.3, 0.9])
def test_the_state_fades_to_rest(neutral):
    rest = resting(neutral)
    assert (rest.sum(), rest[NEUTRAL]) == pytest.approx((1.0, neutral))
    filter_ = ForwardFilter(tau=1.0, reliability=RELIABILITY, rest=rest)
    filter_.observe(face(0.0, happy=0.9), None)
    assert filter_.probabilities(50.0) == pytest.approx(rest, abs=1e-6)


def test_a_look_that_says_nothing_is_not_called_neutral():
    one = subject()
    for at in np.arange(0.0, 5.0, 0.2):
        one.observe(face(at))
    now = one.at(5.0)
    assert (now.label, now.reason) == ("unknown", Reason.LOW_MARGIN)


def test_an_emotion_that_fades_leaves_no_neutral_behind():
    one = subject()
    one.observe(face(0.0, happy=0.97))
    told = {one.at(at).label for at in np.arange(0.0, 20.0, 0.1)}
    assert told == {"happy", "unknown"}


def test_a_neutral_look_is_called_neutral():
    one = subject()
    one.observe(face(0.0, neutral=0.5))
    assert one.at(0.0).label == "neutral"


def test_a_model_without_neutral_rests_on_the_labels_it_knows():
    six = [c for c in CANONICAL if c != "neutral"]
    one = subject()
    one.observe(face(0.0, six, sad=0.6))
    now = one.at(0.0)
    assert now.label == "sad"
    assert now.scores.values[NEUTRAL] == 0
    assert now.confidence == pytest.approx(0.6)


def test_an_even_rest_favours_nobody():
    one = subject(replace(CONFIG, neutral=1 / 7))
    one.observe(face(0.0, happy=0.5))
    assert one.at(0.0).confidence == pytest.approx(0.5)


def test_a_surer_look_is_needed_where_people_are_mostly_neutral():
    doubtful = face(0.0, sad=0.45, neutral=0.4)
    even, everyday = subject(replace(CONFIG, neutral=1 / 7)), subject()
    even.observe(doubtful)
    everyday.observe(doubtful)
    assert even.at(0.0).scores.values.argmax() == INDEX["sad"]
    assert everyday.at(0.0).scores.values.argmax() == NEUTRAL
