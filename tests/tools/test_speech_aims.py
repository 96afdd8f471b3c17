"""The directions in which a teacher's values tell emotions apart."""

import numpy as np
import pytest
from workbench.data.speech import Clip
from workbench.recipes.speech_aims import aims, less_usual

EMOTIONS = ("angry", "sad", "neutral")


def clips(corpus, speakers, takes):
    return [
        Clip(dataset=corpus, file=f"{speaker}-{emotion}-{take}", speaker=speaker, emotion=emotion, label=emotion)
        for speaker in speakers for emotion in EMOTIONS for take in range(takes)
    ]  # fmt: skip


@pytest.fixture
def spoken():
    """Clips, and means of 12 values: an emotion moves the third and the fifth, a speaker all, words the rest most."""
    rng = np.random.default_rng(0)
    own = clips("a", "pqr", 80) + clips("b", "st", 40)
    means = rng.normal(0, 3, (len(own), 12))
    means[:, [2, 4]] *= 0.1
    for number, speaker in enumerate("pqrst"):
        means[[clip.speaker == speaker for clip in own]] += rng.normal(0, 5, 12) * (number + 1)
    for emotion, step in zip(EMOTIONS, ((2, 0), (-2, 0), (0, 2)), strict=True):
        means[np.ix_([clip.emotion == emotion for clip in own], [2, 4])] += step
    return own, means.astype(np.float32)


def test_they_are_those_in_which_an_emotion_moves_the_values(spoken):
    own, means = spoken
    found = aims(means, own)
    assert found.shape == (12, 3)
    told = less_usual(means, [f"{clip.dataset}/{clip.speaker}" for clip in own]).std(axis=0)[:, None] * found
    assert (np.square(told[[2, 4]]).sum(axis=0) > 0.8 * np.square(told).sum(axis=0)).all()


def test_what_they_tell_spreads_by_one_within_speakers(spoken):
    own, means = spoken
    usual = less_usual(means, [f"{clip.dataset}/{clip.speaker}" for clip in own])
    np.testing.assert_allclose((usual @ aims(means, own)).std(axis=0), 1, rtol=1e-3)


def test_a_speaker_heard_often_is_all_their_own(spoken):
    _, means = spoken
    many = less_usual(np.repeat(means[:1], 4000, axis=0), ["p"] * 4000)
    np.testing.assert_allclose(many, 0, atol=1e-3)
    both = less_usual(np.array([[0.0], [10.0]], dtype=np.float32), ["p", "q"])
    np.testing.assert_allclose(both[:, 0], [-5 * 20 / 21, 5 * 20 / 21])  # almost only everybody's is known


def test_one_emotion_alone_is_refused(spoken):
    own, means = spoken
    angry = [row for row, clip in enumerate(own) if clip.emotion == "angry"]
    with pytest.raises(ValueError, match="of one emotion"):
        aims(means[angry], [own[row] for row in angry])
