"""A window as one vector: what is told of it, the same however the stream is cut, less what the voice always does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.audio.front_end import build, mel_power
from emoedge.audio.functionals import LEAST, Functionals, size
from emoedge.audio.parameters import parse
from emoedge.audio.pitch import Periodicity
from emoedge.audio.summary import FunctionalsTransform
from emoedge.audio.voice_net import VoiceNet
from emoedge.errors import ModelError
from emoedge.inference.spec import FrontEndSpec

RATE = 16000
SHARED = {"window": 0.025, "hop": 0.02, "nfft": 512, "taper": "hann", "preemphasis": 0.0, "mels": 40, "fmin": 40.0,
          "fmax": 7800.0, "filters": "htk"}  # fmt: skip
SPEC = FrontEndSpec("mfcc_functionals", {**SHARED, "level": "window", "floor": -50.0, "session": "running",
                                         "session_prior": 2.0, "session_mean": 1.0})  # fmt: skip
VOICES = FrontEndSpec(SPEC.name, {**SPEC.parameters, "voice": 0.5})
TELL = Functionals(np.linspace(100, 7000, 8), hop=0.02, voicing=0.5)


def tone(hertz, seconds, loudness=0.3):
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, round(seconds * RATE))) / RATE
    return loudness * sum(np.sin(k * phase) / k for k in range(1, 6))


def told(cepstra, pitch=200.0, periodicity=0.9, at=None, frames=60):
    """By name, of frames with one cepstrum."""
    n = len(cepstra)
    values = TELL(
        np.asarray(cepstra, dtype=float)[:, None], np.ones((n, 8)), np.broadcast_to(pitch, n),
        np.broadcast_to(periodicity, n), np.arange(n) if at is None else np.asarray(at), np.ones(frames),
    )  # fmt: skip
    assert values.shape == (size(1),)
    names = [f"{part} of {line}" for part in ("mean", "deviation", "low", "high", "change")
             for line in ("cepstrum", "alpha", "hammarberg", "loudness", "periodicity")]  # fmt: skip
    names += ["voiced mean", "voiced deviation"]
    names += [f"{part} of pitch" for part in ("mean", "deviation", "low", "high", "change", "slope")]
    names += ["voiced", "stretches", "length", "active", "flux", "flux deviation", *"abcde"]
    return dict(zip(names, values, strict=True))


@pytest.mark.parametrize("hertz", [70, 120, 210, 330, 480])
def test_a_tone_has_its_pitch(hertz):
    frames = np.lib.stride_tricks.sliding_window_view(tone(hertz, 0.5), 640)[::320]
    pitch, periodicity = Periodicity(640, lowest=60, highest=500)(frames)
    np.testing.assert_allclose(pitch, hertz, rtol=0.01)
    assert periodicity.min() > 0.9


def test_noise_has_none_and_silence_is_not_periodic():
    find = Periodicity(640, lowest=60, highest=500)
    hiss = find(np.random.default_rng(0).normal(size=(200, 640)))[1]
    assert np.median(hiss) < 0.3
    assert (hiss > 0.5).mean() < 0.02
    assert find(np.zeros((3, 640)))[1].tolist() == [0, 0, 0]


def test_what_is_told_of_frames():
    found = told(np.arange(11.0))
    assert found["mean of cepstrum"] == 5
    assert found["deviation of cepstrum"] == pytest.approx(np.std(np.arange(11)))
    assert (found["low of cepstrum"], found["high of cepstrum"]) == (1, 9)
    assert found["change of cepstrum"] == found["flux"] == 1
    assert found["voiced mean"] == 5
    assert found["mean of pitch"] == pytest.approx(np.log2(200))
    assert (found["deviation of pitch"], found["slope of pitch"], found["voiced"]) == (0, 0, 1)
    assert (found["stretches"], found["length"], found["active"]) == (pytest.approx(1 / 0.22), pytest.approx(0.22), 1)


def test_a_change_is_told_between_neighbours_only():
    found = told([0, 1, 50, 51, 52], at=[0, 1, 30, 31, 32])
    assert found["change of cepstrum"] == 1
    assert found["active"] == pytest.approx(5 / 33)


def test_pitch_that_rises_by_an_octave_a_second():
    at = np.arange(40)
    found = told(np.zeros(40), pitch=100 * 2 ** (at * 0.02))
    assert found["slope of pitch"] == pytest.approx(1)
    assert found["change of pitch"] == pytest.approx(0.02)


def test_what_cannot_be_told_is_no_number():
    assert np.isnan(list(told(np.zeros(LEAST - 1)).values())).all()
    found = told(np.zeros(20), periodicity=0.1)
    assert {name for name, value in found.items() if np.isnan(value)} == {
        name for name in found if name.startswith("voiced ") or name.endswith("of pitch")
    }
    assert found["voiced"] == found["stretches"] == 0


def test_syllables_show_in_the_swing_of_the_loudness():
    slow, fast = (
        TELL(np.zeros((149, 1)), np.ones((149, 8)), np.full(149, 200.0), np.ones(149), np.arange(149),
             1.1 + np.sin(2 * np.pi * hertz * np.arange(149) * 0.02))[-5:]
        for hertz in (2, 6)
    )  # fmt: skip
    assert slow.argmax() == 1
    assert fast.argmax() == 3


@pytest.mark.parametrize("spec", [SPEC, VOICES], ids=["loud", "voices"])
@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 9000), min_size=1, max_size=30))
def test_cutting_the_stream_otherwise_changes_nothing(speech, spec, cuts):
    whole, pieces = build(spec), build(spec)
    whole.push(speech)
    at = 0
    for cut in [*cuts, len(speech)]:
        pieces.push(speech[at : at + cut])
        at += cut
    assert pieces.frames == whole.frames
    np.testing.assert_allclose(pieces.features(), whole.features(), atol=1e-4)


@pytest.mark.parametrize("spec", [SPEC, VOICES], ids=["loud", "voices"])
def test_frames_of_the_gate_give_the_same_features(speech, spec):
    alone, beside, net = build(spec), build(spec), VoiceNet()
    assert alone.analysis.rows_like(net.analysis)
    for start in range(0, len(speech) - 1600, 1600):
        block = speech[start : start + 1600]
        alone.push(block)
        beside.push_beside(block, *net.push(block))
    assert beside.frames == alone.frames > 0
    np.testing.assert_allclose(beside.features(), alone.features(), atol=1e-4)
    alone.interrupt(800)
    beside.interrupt(800)
    net.reset()
    alone.push(speech[:8000])
    beside.push_beside(speech[:8000], *net.push(speech[:8000]))
    np.testing.assert_allclose(beside.features(), alone.features(), atol=1e-4)


def test_a_bang_beside_a_voice_is_not_a_part_of_it(speech):
    rng = np.random.default_rng(2)
    banged = np.concatenate([speech, np.zeros(RATE // 2, dtype=np.float32)])
    knocks = np.arange(len(speech), len(banged) - 800, 1600)  # after the last word
    for knock in knocks:
        banged[knock : knock + 800] += (0.3 * rng.normal(size=800) * np.hanning(800)).astype(np.float32)

    def active(spec, samples):
        rows = mel_power(samples, spec)
        return rows[:, -1] > 0

    after = len(speech) // 320
    assert active(SPEC, banged)[after:].sum() >= 3 * len(knocks)
    assert active(VOICES, banged)[after:].sum() <= len(knocks)
    kept = active(VOICES, speech).sum() / active(SPEC, speech).sum()
    assert kept > 0.8


def test_voices_are_told_only_of_the_gates_frames():
    with pytest.raises(ModelError, match=r"voice is 0\.5; with it the frames must be the voice gate's, hop=0\.02"):
        build(FrontEndSpec(VOICES.name, {**VOICES.parameters, "hop": 0.01}))


@pytest.mark.parametrize("spec", [SPEC, VOICES], ids=["loud", "voices"])
def test_the_stream_equals_its_pure_pieces(speech, spec):
    stream, replayed = build(spec), build(spec)
    stream.push(speech)
    rows = mel_power(speech, spec)
    assert rows.shape == (stream.frames, stream.width) == (stream.frames, 43)
    replayed.push_power(rows)
    np.testing.assert_allclose(replayed.features(), stream.features(), atol=1e-5)
    pure = FunctionalsTransform(spec.name, parse(spec), spec.weights)
    np.testing.assert_array_equal(pure(rows, stream.statistics), replayed.features())
    with pytest.raises(ValueError, match="needs the session"):
        pure(rows)


def test_only_active_frames_are_searched_for_a_pitch(speech, monkeypatch):
    searched = []
    find = Periodicity.__call__
    monkeypatch.setattr(Periodicity, "__call__", lambda self, frames: searched.append(len(frames)) or find(self, frames))
    front_end = build(SPEC)
    front_end.push(np.random.default_rng(1).normal(0, 0.003, 64_000))
    assert sum(searched) < 5
    rows = mel_power(speech, SPEC)
    assert sum(searched) < 0.95 * len(rows)
    assert (rows[rows[:, -1] == 0, 40:] == 0).all()


def test_what_a_voice_always_does_is_taken_away(speech):
    """The mean cepstra of a voice through a dull microphone come near those through a plain one."""
    dull = np.convolve(speech, [0.6, 0.3, 0.1])[: len(speech)]
    apart = {}
    for session in ("none", "running"):
        plain, other = (build(FrontEndSpec(SPEC.name, {**SPEC.parameters, "session": session})) for _ in range(2))
        for _ in range(12):
            plain.push(speech)
            other.push(dull)
        apart[session] = float(np.abs(plain.features() - other.features())[:30].mean())
    assert apart["running"] < 0.4 * apart["none"]


def test_only_windows_of_a_voice_enter_the_session(speech):
    front_end = build(SPEC)
    front_end.push(speech)
    heard = front_end.statistics.weight
    assert heard > 25
    noise = np.random.default_rng(2).normal(0, 0.1, 5 * RATE) * (np.arange(5 * RATE) % 8000 < 2000)
    front_end.interrupt(0)
    front_end.push(noise)
    assert front_end.statistics.weight == heard


def test_a_window_of_which_nothing_can_be_told_counts_as_usual():
    fixed = FrontEndSpec(SPEC.name, {**SPEC.parameters, "session": "none"})
    for spec, expected in ((SPEC, 0.0), (fixed, 1.0)):
        front_end = build(spec)
        front_end.push(np.zeros(4 * RATE))
        np.testing.assert_array_equal(front_end.features(), np.full(front_end.shape, expected, dtype=np.float32))


@pytest.mark.parametrize("bands", [{"fmin": 3000}, {"fmax": 100}, {"fmin": 2500, "fmax": 4000}, {"mels": 1, "coefficients": 1}])
def test_bands_that_cannot_be_compared_are_refused_before_somebody_speaks(bands):
    with pytest.raises(ModelError, match="front end mfcc_functionals: no mel band is centred below 2000 Hz, or none"):
        build(FrontEndSpec("mfcc_functionals", bands))
