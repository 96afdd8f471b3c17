"""Session normalisation: what is learned, faded, frozen and forgotten."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.audio.features import FeatureTransform
from emoedge.audio.front_end import build, mel_power
from emoedge.audio.parameters import SpeechParameters, parse
from emoedge.audio.session import SessionEar, SessionStatistics
from emoedge.inference.spec import FrontEndSpec

RECIPE = {"level": "window", "floor": -50, "coefficients": 40, "session": "running"}


def statistics(**changes):
    return SessionStatistics(SpeechParameters(mels=3, session="running", hop=0.02, **changes))


def frames(mean, count, seed=0, deviation=2.0):
    return mean + deviation * np.random.default_rng(seed).standard_normal((count, 3))


def all_active(count):
    return np.ones(count, dtype=bool)


def test_nothing_heard_gives_the_prior():
    session = statistics(session_mean=(1.0, 2.0, 3.0), session_std=2.0)
    np.testing.assert_allclose(session.normalise(np.array([[1.0, 4.0, 3.0]])), [[0, 1, 0]])


def test_without_a_prior_it_is_mean_and_deviation():
    session, heard = statistics(session_prior=0), frames(5.0, 500)
    session.update(heard, all_active(500))
    normal = session.normalise(heard)
    np.testing.assert_allclose(normal.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(normal.std(axis=0), 1, atol=1e-9)
    assert session.weight == 500


def test_prior_counts_like_its_seconds():
    session = statistics(session_prior=2.0, session_mean=0.0)
    session.update(np.full((100, 3), 6.0), all_active(100))  # 2 s too
    np.testing.assert_allclose(session.mean, 3.0)


def test_silence_is_not_learned():
    session = statistics(session_prior=0)
    session.update(frames(5.0, 50), all_active(50))
    before = session.mean
    session.update(frames(-9.0, 50), np.zeros(50, dtype=bool))
    np.testing.assert_array_equal(session.mean, before)


def test_old_frames_fade_with_the_memory():
    session = statistics(session_prior=0, session_memory=10)
    session.update(np.full((500, 3), 0.0), all_active(500))
    session.update(np.full((500, 3), 1.0), all_active(500))
    np.testing.assert_allclose(session.mean, 1 - np.exp(-1), atol=1e-2)


def test_frozen_statistics_stay():
    session = statistics(session_prior=0, session_freeze=2)
    session.update(np.full((60, 3), 1.0), all_active(60))
    session.update(np.full((60, 3), 2.0), all_active(60))
    np.testing.assert_allclose(session.mean, (60 * 1 + 40 * 2) / 100)
    session.update(np.full((600, 3), 9.0), all_active(600))
    np.testing.assert_allclose(session.mean, 1.4)
    assert session.weight == 100


@pytest.mark.parametrize(("pause", "expected"), [(49, 1.5), (50, 2.0)])
@pytest.mark.parametrize("cut", [0, 10, 120, 139])
def test_a_long_pause_forgets(pause, expected, cut):
    session = statistics(session_prior=0, session_reset=1.0)
    heard = np.concatenate([np.full((100, 3), 1.0), np.zeros((pause, 3)), np.full((100, 3), 2.0)])
    active = np.concatenate([all_active(100), np.zeros(pause, dtype=bool), all_active(100)])
    session.update(heard[:cut], active[:cut])
    session.update(heard[cut:], active[cut:])
    np.testing.assert_allclose(session.mean, expected)


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 400), max_size=8), seed=st.integers(0, 50))
def test_cutting_changes_nothing(cuts, seed):
    rules = {"session_memory": 3, "session_freeze": 5, "session_reset": 0.2, "session_prior": 1}
    heard, active = frames(-4, 400, seed), np.random.default_rng(seed).random(400) < 0.4
    whole, pieces = statistics(**rules), statistics(**rules)
    whole.update(heard, active)
    edges = [0, *sorted(cuts), 400]
    for left, right in pairwise(edges):
        pieces.update(heard[left:right], active[left:right])
    np.testing.assert_allclose(pieces.mean, whole.mean, atol=1e-9)
    np.testing.assert_allclose(pieces.deviation, whole.deviation, atol=1e-9)


def test_a_dead_band_is_not_blown_up():
    session = statistics(session_prior=0, session_std=2.0)
    session.update(np.full((500, 3), -11.5), all_active(500))
    assert np.abs(session.normalise(np.full((1, 3), -11.0))).max() <= 1.0


def test_activity_is_speech_over_the_noise_floor(speech):
    ear = SessionEar(SpeechParameters(level="window"))
    hiss = np.random.default_rng(1).standard_normal(64_000).astype(np.float32) * 0.003
    quiet = mel_power(hiss, FrontEndSpec("log_mel"))
    _, active = ear.hear(quiet)
    assert active.mean() < 0.02
    _, active = ear.hear(mel_power(speech, FrontEndSpec("log_mel")))
    assert 0.3 < active.mean() < 0.95
    _, active = ear.hear(np.zeros((50, 40), dtype=np.float32))
    assert not active.any()


def test_loudness_does_not_matter(speech):
    spec = FrontEndSpec("mfcc_sequence", RECIPE)
    quiet, loud = build(spec), build(spec)
    quiet.push(speech * 0.02)
    loud.push(speech)
    np.testing.assert_allclose(quiet.features(), loud.features(), atol=1e-3)


def test_colour_of_the_microphone_fades(speech):
    """A filter on the microphone moves the features less the more of the session was heard."""
    spec = FrontEndSpec("log_mel", {k: v for k, v in RECIPE.items() if k != "coefficients"})
    power = mel_power(np.tile(speech, 6), spec)
    tilt = np.logspace(0, 1.5, 40, dtype=np.float32)
    plain, tilted = build(spec), build(spec)
    apart = []
    for part in np.array_split(power, 6):
        plain.push_power(part)
        tilted.push_power(part * tilt)
        apart.append(float(np.abs(plain.features() - tilted.features()).mean()))
    assert apart[-1] < 0.5 * apart[0]


def test_stream_equals_pure_pieces_with_a_session(speech):
    spec = FrontEndSpec("mfcc_sequence", RECIPE)
    stream, replayed = build(spec), build(spec)
    for start in range(0, len(speech), 1600):
        stream.push(speech[start : start + 1600])
    power = mel_power(speech, spec)
    replayed.push_power(power)
    np.testing.assert_allclose(replayed.features(), stream.features(), atol=1e-5)
    pure = FeatureTransform(spec.name, parse(spec))(power, stream.statistics)
    np.testing.assert_array_equal(pure, stream.features())


def test_session_needs_its_statistics():
    spec = FrontEndSpec("mfcc_sequence", RECIPE)
    with pytest.raises(ValueError, match="needs the session"):
        FeatureTransform(spec.name, parse(spec))(np.zeros((10, 40)))
