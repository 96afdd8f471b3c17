"""The hearing room: the same observations however the stream is cut; shut on what is no voice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emoedge.audio.front_end import build
from emoedge.audio.hearing import Hearing
from emoedge.config.speech import SpeechConfig
from emoedge.emotions import CANONICAL, Reason, Scores
from emoedge.inference.spec import FrontEndSpec
from emoedge.messages import AudioBlock

SPEC = FrontEndSpec("mfcc_sequence", {"level": "window", "floor": -50, "coefficients": 40, "session": "running"})


class Listener:
    """A classifier that remembers its inputs and answers something that depends on them."""

    def __init__(self):
        self.seen = []

    def classify(self, features):
        self.seen.append(features.copy())
        weights = np.abs(features[:7, 0]) + 1.0
        return Scores.from_labels(CANONICAL, weights / weights.sum())


class Mute:
    """A classifier whose outputs are no numbers."""

    def classify(self, features):
        return None


def quiet(seconds, seed=3):
    return (np.random.default_rng(seed).standard_normal(int(seconds * 16000)) * 3e-4).astype(np.float32)


def blocks(samples, sizes, start=0.0):
    at = 0
    for size in [*sizes, len(samples) - sum(sizes)]:
        piece = samples[at : at + max(size, 0)]
        at += len(piece)
        yield AudioBlock(piece, start + at / 16000)


def listen(samples, sizes=(), config=None):
    listener = Listener()
    hearing = Hearing(config or SpeechConfig(), build(SPEC), listener)
    results = [hearing.hear(block) for block in blocks(samples, sizes)]
    return hearing, listener, results


def observed(results):
    return [o for result in results for o in result.observations]


@pytest.fixture(scope="module")
def scene(speech):
    return np.concatenate([quiet(2), speech, quiet(2)])


@pytest.fixture(scope="module")
def whole(scene):
    _, listener, results = listen(scene, [320] * 500)
    return listener, observed(results)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(0, 30_000), max_size=12))
def test_any_cutting_gives_the_same_observations(scene, whole, sizes):
    expected_listener, expected = whole
    sizes = [size for i, size in enumerate(sizes) if sum(sizes[: i + 1]) <= len(scene)]
    _, listener, results = listen(scene, sizes)
    found = observed(results)
    assert [o.at for o in found] == pytest.approx([o.at for o in expected])
    assert [(o.quality, o.snr, o.reason) for o in found] == [(o.quality, o.snr, o.reason) for o in expected]
    assert len(listener.seen) == len(expected_listener.seen)
    for one, other in zip(listener.seen, expected_listener.seen, strict=True):
        np.testing.assert_array_equal(one, other)


def test_speech_is_classified_every_hop_and_at_the_end(scene, whole):
    _, observations = whole
    _, _, results = listen(scene, [1600] * (len(scene) // 1600))
    speaking = [result.at for result in results if result.speaking]
    assert observations
    assert all(o.scores is not None for o in observations if o.reason is None)
    assert observations[0].at >= speaking[0]
    gaps = np.diff([o.at for o in observations if o.at <= speaking[-1]])
    assert gaps.min() == pytest.approx(0.5, abs=0.41)
    assert observations[-1].at == pytest.approx(speaking[-1] + 0.1)
    assert not results[-1].speaking


def test_most_of_the_speech_passes(scene):
    _, _, results = listen(scene, [1600] * (len(scene) // 1600))
    loud = np.array([np.sqrt(np.mean(scene[i * 1600 : (i + 1) * 1600] ** 2)) > 0.02 for i in range(len(results) - 1)])
    speaking = np.array([result.speaking for result in results[:-1]])
    late = speaking | np.append(speaking[1:], False) | np.append(speaking[2:], [False, False])
    assert late[loud].mean() > 0.95


def test_only_the_gate_without_a_model(scene):
    hearing = Hearing(SpeechConfig(), None, None)
    results = [hearing.hear(block) for block in blocks(scene, [8000] * 10)]
    assert any(result.speaking for result in results)
    assert not observed(results)


def test_a_loss_starts_the_streams_anew(scene):
    listener = Listener()
    hearing = Hearing(SpeechConfig(), build(SPEC), listener)
    half = len(scene) // 2
    hearing.hear(AudioBlock(scene[:half], half / 16000))
    result = hearing.hear(AudioBlock(quiet(0.5), half / 16000 + 1.5, lost=16000))
    assert not result.speaking
    assert hearing.counters["losses"] == 1
    fresh_listener = Listener()
    fresh = Hearing(SpeechConfig(), build(SPEC), fresh_listener)
    fresh.hear(AudioBlock(quiet(0.5), 0.5))
    after = [hearing.hear(block) for block in blocks(scene, [4000] * 9, start=10.0)]
    again = [fresh.hear(block) for block in blocks(scene, [4000] * 9, start=10.0)]
    assert [o.at for o in observed(after)] == pytest.approx([o.at for o in observed(again)])


def test_broken_samples_are_silence_and_counted(scene):
    broken = scene.copy()
    broken[40_000:40_100] = np.nan
    broken[50_000:50_010] = np.inf
    hearing, listener, results = listen(broken, [5000] * 20)
    assert hearing.counters["invalid"] == 110
    assert observed(results)
    assert all(np.isfinite(features).all() for features in listener.seen)


def test_overdriven_speech_is_not_classified(scene):
    _, listener, results = listen(np.clip(scene * 60, -1, 1), [1600] * 50)
    assert not listener.seen
    assert {o.reason for o in observed(results)} <= {Reason.CLIPPED, Reason.NO_VOICE}


def test_clipping_before_the_resampler_counts(scene):
    listener = Listener()
    hearing = Hearing(SpeechConfig(), build(SPEC), listener)
    result = hearing.hear(AudioBlock(scene, len(scene) / 16000, clipped=0.2))
    assert {o.reason for o in result.observations} <= {Reason.CLIPPED, Reason.NO_VOICE}
    assert result.observations
    assert not listener.seen


def test_quality_falls_with_noise(scene):
    means = []
    for level in (0.0, 0.03, 0.1):
        noise = np.random.default_rng(0).standard_normal(len(scene)).astype(np.float32) * level
        _, _, results = listen(scene + noise, [1600] * 50)
        found = observed(results)
        means.append(np.mean([o.quality for o in found]) if found else 0.0)
    assert means[0] > means[1] > means[2]


@pytest.mark.parametrize(("cut", "judged"), [(0.0, False), (110.0, True)])
def test_a_voice_that_the_front_end_cannot_make_out_is_not_judged(scene, cut, judged):
    class Voter:
        seen = 0

        def classify(self, features):
            self.seen += 1
            return Scores.from_labels(CANONICAL, np.full(7, 1 / 7))

    hum = 0.3 * np.sin(2 * np.pi * 50 * np.arange(len(scene)) / 16000)
    voter = Voter()
    hearing = Hearing(SpeechConfig(), build(FrontEndSpec("mfcc_functionals", {"voice": 0.5, "highpass": cut})), voter)
    results = [hearing.hear(block) for block in blocks(scene * 0.5 + hum.astype(np.float32), [4000] * 20)]
    found = observed(results)
    assert len([o for o in found if o.reason is None]) == voter.seen
    assert (voter.seen > len(found) / 2) is judged
    if not judged:
        assert {(o.reason, o.quality) for o in found} <= {(Reason.LOW_SNR, 0.0), (Reason.NO_VOICE, 0.0)}
        assert Reason.LOW_SNR in {o.reason for o in found}
        assert all(o.scores is None for o in found)


def test_what_was_saved_up_in_silence_is_heard_before_the_voice(speech):
    ends = []
    for silence in (1.0, 1.1, 1.5):
        listener = Listener()
        hearing = Hearing(SpeechConfig(), build(SPEC), listener)
        sound = np.concatenate([quiet(3)[: int(silence * 16000)], speech])
        observed([hearing.hear(block) for block in blocks(sound, [1600] * (len(sound) // 1600))])
        alone = build(SPEC)
        alone.push(sound[: len(sound) // 1600 * 1600])
        assert hearing._front_end.frames == alone.frames
        np.testing.assert_allclose(hearing._front_end.features(), alone.features(), atol=1e-4)
        ends.append(len(listener.seen))
    assert min(ends) > 0


def test_empty_blocks_do_no_harm():
    hearing = Hearing(SpeechConfig(), build(SPEC), Listener())
    for _ in range(3):
        result = hearing.hear(AudioBlock(np.zeros(0, dtype=np.float32), 1.0))
    assert not result.speaking
    assert result.observations == ()


def test_a_model_that_tells_nothing_is_no_opinion(scene):
    hearing = Hearing(SpeechConfig(), build(SPEC), Mute())
    heard = observed([hearing.hear(block) for block in blocks(scene, ())])
    assert heard
    assert {o.scores for o in heard} == {None}
    assert Reason.LOW_MARGIN in {o.reason for o in heard}
    assert hearing.counters["classified"] == 0
