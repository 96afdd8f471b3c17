"""The belief filter and the weighted mean, held to tables."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.emotions import CANONICAL, INDEX, Reason, Scores
from emoedge.fusion.belief import Evidence, ForwardFilter, Reliability, SubjectBelief, WeightedMean
from emoedge.messages import Modality

RELIABILITY = {
    Modality.FACE: Reliability(weight=1.0, decorrelation=0.5),
    Modality.SPEECH: Reliability(weight=0.5, decorrelation=1.5),
}


def scores(known=CANONICAL, **given_scores):
    rest = (1 - sum(given_scores.values())) / max(1, len(known) - len(given_scores))
    return Scores.from_labels(known, np.array([given_scores.get(c, rest) for c in known]))


def subject(method="bayes", margin=0.1, forget=5.0, tau=4.0, abstain=0.0):
    filter_ = (
        ForwardFilter(tau=tau, reliability=RELIABILITY)
        if method == "bayes"
        else WeightedMean(forget=forget, reliability=RELIABILITY)
    )
    reliability = {m: replace(r, abstain_below=abstain) for m, r in RELIABILITY.items()}
    return SubjectBelief("face-1", filter_, reliability=reliability, margin=margin, forget=forget)


def face(at, quality=1.0, reason=None, **s):
    return Evidence(Modality.FACE, at, quality, scores(**s) if s else None, reason)


def speech(at, quality=1.0, **s):
    return Evidence(Modality.SPEECH, at, quality, scores(**s), None, "only_face")


def test_first_observation_enters_in_full():
    belief = subject()
    belief.observe(face(0.0, happy=0.7))
    # Uniform state, uniform prior: the posterior is the observation itself.
    assert belief.at(0.0).scores.values == pytest.approx(scores(happy=0.7).values)
    assert belief.at(0.0).label == "happy"


def test_exponent_is_weight_times_quality():
    belief = subject()
    belief.observe(speech(0.0, quality=0.5, sad=0.6))
    expected = scores(sad=0.6).values ** 0.25
    assert belief.at(0.0).scores.values == pytest.approx(expected / expected.sum())


def test_state_forgets_with_tau():
    belief = subject(tau=2.0, forget=100)
    belief.observe(face(0.0, happy=0.8))
    keep = np.exp(-1.0)
    expected = keep * scores(happy=0.8).values + (1 - keep) / 7
    assert belief.at(2.0).scores.values == pytest.approx(expected)


@pytest.mark.parametrize("rate", [5, 10, 25])
def test_evidence_grows_with_time_not_with_frames(rate):
    belief = subject()
    for i in range(4 * rate + 1):
        belief.observe(face(i / rate, happy=0.4))
    fast = subject()
    for i in range(4 * 50 + 1):
        fast.observe(face(i / 50, happy=0.4))
    assert belief.at(4.0).confidence == pytest.approx(fast.at(4.0).confidence, abs=0.03)
    assert belief.at(4.0).confidence > 0.4


def test_label_unknown_to_the_model_is_no_evidence_against_it():
    belief = subject()
    belief.observe(speech(0.0, disgust=0.6))
    before = belief.at(0.0).scores.values
    six = [c for c in CANONICAL if c != "disgust"]
    flat = Scores.from_labels(six, np.full(6, 1 / 6))
    belief.observe(Evidence(Modality.FACE, 0.0, 1.0, flat))
    # A flat observation over the six that it knows says nothing at all, about disgust neither.
    assert belief.at(0.0).scores.values == pytest.approx(before)


def test_class_prior_of_the_model_is_divided_out():
    prior = (0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1)
    reliability = {Modality.FACE: Reliability(weight=1.0, decorrelation=0.5, prior=prior)}
    filter_ = ForwardFilter(tau=4.0, reliability=reliability)
    filter_.observe(Evidence(Modality.FACE, 0.0, 1.0, Scores(np.array(prior), np.ones(7, bool))), None)
    assert filter_.probabilities(0.0) == pytest.approx(np.full(7, 1 / 7))


def test_silence_contributes_nothing_and_both_contribute_when_heard():
    belief = subject()
    belief.observe(face(0.0, happy=0.6))
    assert [c.modality for c in belief.at(0.0).contributions] == [Modality.FACE]
    assert belief.at(0.0).agreement is None
    belief.observe(speech(0.1, happy=0.6))
    now = belief.at(0.1)
    assert [c.modality for c in now.contributions] == [Modality.FACE, Modality.SPEECH]
    assert now.agreement == pytest.approx(1.0)
    assert now.confidence > 0.6
    assert belief.at(5.05).contributions[0].modality is Modality.SPEECH


def test_disagreeing_senses_say_so():
    belief = subject()
    belief.observe(face(0.0, happy=0.94))
    belief.observe(speech(0.0, sad=0.94))
    assert belief.at(0.0).agreement < 0.2


@pytest.mark.parametrize(
    ("evidence", "label", "reason"),
    [
        ([], "unknown", Reason.LOW_MARGIN),
        ([face(0.0, reason=Reason.BLUR)], "unknown", Reason.BLUR),
        ([face(0.0, happy=0.16, sad=0.15)], "unknown", Reason.LOW_MARGIN),
        ([face(0.0, happy=0.16, sad=0.15), face(0.1, reason=Reason.LOW_LIGHT)], "unknown", Reason.LOW_LIGHT),
        ([face(0.0, happy=0.9), face(0.1, reason=Reason.LOW_LIGHT)], "happy", None),
    ],
)
def test_abstention_has_a_reason(evidence, label, reason):
    belief = subject()
    for one in evidence:
        belief.observe(one)
    now = belief.at(0.1)
    assert (now.label, now.reason) == (label, reason)


def test_nothing_observed_is_never_neutral():
    belief = subject().at(0.0)
    assert belief.scores is None
    assert belief.label == "unknown"


def test_old_observations_are_forgotten():
    belief = subject(forget=3.0)
    belief.observe(face(0.0, happy=0.9))
    assert belief.at(3.0).label == "happy"
    assert belief.at(3.01).label == "unknown"


def test_weighted_mean_is_the_plain_one():
    belief = subject("weighted")
    belief.observe(face(0.0, happy=0.8))
    belief.observe(speech(0.0, sad=0.8))
    expected = (1.0 * scores(happy=0.8).values + 0.5 * scores(sad=0.8).values) / 1.5
    assert belief.at(0.0).scores.values == pytest.approx(expected)


def test_weighted_mean_averages_a_label_over_the_models_that_know_it():
    belief = subject("weighted")
    six = [c for c in CANONICAL if c != "disgust"]
    belief.observe(Evidence(Modality.FACE, 0.0, 1.0, Scores.from_labels(six, np.full(6, 1 / 6))))
    belief.observe(speech(0.0, disgust=0.7))
    assert belief.at(0.0).label == "disgust"


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1), st.sampled_from(list(Modality)), st.floats(0, 1), st.lists(st.floats(0, 1), min_size=7, max_size=7)
        ),
        max_size=40,
    ),
    st.sampled_from(["bayes", "weighted"]),
)
def test_belief_stays_a_distribution(steps, method):
    belief = subject(method)
    at = 0.0
    for dt, modality, quality, raw in steps:
        at += dt
        values = np.array(raw) + 1e-9
        belief.observe(Evidence(modality, at, quality, Scores(values / values.sum(), np.ones(7, bool))))
    now = belief.at(at)
    if now.scores is not None:
        assert now.scores.values.sum() == pytest.approx(1.0)
        assert (now.scores.values >= 0).all()
    assert now.label in INDEX or now.reason is not None


def test_unsure_looks_count_but_name_nothing():
    belief, named = subject(abstain=0.75), subject()
    for at in np.arange(0.0, 3.0, 0.5):
        belief.observe(face(at, happy=0.6))
        named.observe(face(at, happy=0.6))
    said, sure = belief.at(3.0), named.at(3.0)
    assert (said.label, said.reason) == ("unknown", Reason.LOW_MARGIN)
    assert sure.label == "happy"
    assert said.scores.values == pytest.approx(sure.scores.values)


def test_one_sure_look_names_until_it_is_forgotten():
    belief = subject(abstain=0.75, forget=5.0, tau=100)
    belief.observe(face(0.0, happy=0.8))
    for at in np.arange(0.5, 6.0, 0.5):
        belief.observe(face(at, happy=0.6))
        assert belief.at(at).label == ("happy" if at <= 5.0 else "unknown")


def test_one_sure_look_among_doubtful_ones_names_nothing():
    """Looks within the decorrelation time (0.5 s) are one look: a moment's certainty is that of all of them."""
    belief = subject(abstain=0.75, tau=100)
    for at in np.arange(0.0, 3.0, 0.125):
        belief.observe(face(at, happy=0.9 if at == 1.0 else 0.6))
    assert belief.at(3.0).label == "unknown"
    assert belief.at(3.0).scores.label == "happy"


def test_certainty_of_a_change_is_that_of_what_is_seen_since():
    belief = subject(abstain=0.75, tau=1.0)
    for at in np.arange(0.0, 6.0, 0.125):
        belief.observe(face(at, **({"neutral": 0.9} if at < 3.0 else {"happy": 0.9})))
        if belief.at(at).label == "happy":
            break
    # 1 - exp(-t / 0.5) of 0.9 and the rest of 0.1 / 6 reach 0.75 after 0.9 s.
    assert at == pytest.approx(3.0 + 0.9, abs=0.125)


def test_without_a_decorrelation_time_each_look_stands_for_itself(monkeypatch):
    monkeypatch.setitem(RELIABILITY, Modality.FACE, Reliability(weight=1.0, decorrelation=0.0))
    belief = subject(abstain=0.75, tau=100)
    belief.observe(face(0.0, happy=0.6))
    belief.observe(face(0.1, happy=0.8))
    assert belief.at(0.1).label == "happy"


def test_being_sure_of_one_label_does_not_name_another():
    belief = subject(abstain=0.75, tau=100)
    belief.observe(face(0.0, happy=0.8))
    for at in np.arange(0.5, 4.0, 0.5):
        belief.observe(face(at, sad=0.7))
    said = belief.at(4.0)
    assert (said.scores.label, said.label) == ("sad", "unknown")


@pytest.mark.parametrize(("heard", "label"), [({"sad": 0.5}, "sad"), ({"angry": 0.5}, "unknown")])
def test_two_unsure_senses_name_what_they_agree_on(heard, label):
    belief = subject(abstain=0.75)
    belief.observe(face(0.0, sad=0.7))
    assert belief.at(0.0).label == "unknown"
    belief.observe(speech(0.0, **heard))
    assert belief.at(0.0).label == label


def told(at, affect, quality=1.0, **s):
    heard = speech(at, quality, **s)
    return replace(heard, scores=replace(heard.scores, affect=affect))


def test_a_voice_alone_tells_its_own_valence_and_arousal():
    belief = subject()
    belief.observe(told(0.0, (-0.5, 0.4), happy=0.9))
    assert (belief.at(0.0).valence, belief.at(0.0).arousal) == pytest.approx((-0.5, 0.4))


def test_a_face_that_tells_none_counts_as_expectation():
    belief = subject()
    belief.observe(face(0.0, quality=0.5, happy=0.9))
    belief.observe(told(0.0, (-0.5, 0.4), sad=0.3))
    plain = subject()
    plain.observe(face(0.0, quality=0.5, happy=0.9))
    plain.observe(speech(0.0, sad=0.3))
    expected = plain.at(0.0)
    # The face weighs 1.0 x 0.5, the voice 0.5 x 1.0: half and half.
    assert belief.at(0.0).valence == pytest.approx((expected.valence - 0.5) / 2)
    assert belief.at(0.0).arousal == pytest.approx((expected.arousal + 0.4) / 2)
    assert belief.at(0.0).scores.values == pytest.approx(expected.scores.values)


def test_own_valence_and_arousal_are_smoothed_and_forgotten():
    belief = subject(forget=5.0)
    belief.observe(told(0.0, (1.0, -1.0), happy=0.5))
    belief.observe(told(1.0, (0.0, 1.0), happy=0.5))
    keep = np.exp(-1 / 5)
    assert (belief.at(1.0).valence, belief.at(1.0).arousal) == pytest.approx((keep, 1 - 2 * keep))
    belief.observe(told(9.0, (0.2, 0.3), happy=0.5))
    assert (belief.at(9.0).valence, belief.at(9.0).arousal) == pytest.approx((0.2, 0.3))
    assert belief.at(20.0).scores is None
