"""The high-pass: what a recursion would give, however the stream is cut; rumble and hum gone, voices as they were."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.audio.front_end import build, mel_power
from emoedge.audio.high_pass import BLOCK, HighPass
from emoedge.inference.spec import FrontEndSpec

RATE = 16000
CUT = 110.0


def gain(hertz, cut=CUT):
    """Decibels that a lasting tone keeps."""
    tone = np.sin(2 * np.pi * hertz * np.arange(4 * RATE) / RATE)
    heard = HighPass(cut).push(tone)[RATE:]
    return 10 * np.log10(np.square(heard).mean() / np.square(tone[RATE:]).mean())


def test_it_is_butterworths_of_fourth_order():
    for hertz in (20, 50, 90, 110, 200, 1000):
        wanted = -10 * np.log10(1 + (np.tan(np.pi * CUT / RATE) / np.tan(np.pi * hertz / RATE)) ** 8)
        assert gain(hertz) == pytest.approx(wanted, abs=0.05)


def test_an_offset_dies_away():
    assert np.abs(HighPass(CUT).push(np.full(RATE, 0.3))[RATE // 2 :]).max() < 1e-9


def test_without_a_frequency_nothing_changes():
    samples = np.arange(7, dtype=np.float32)
    assert HighPass(0.0).push(samples) is samples


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 3 * BLOCK), max_size=20))
def test_any_cutting_gives_the_same(cuts):
    samples = np.random.default_rng(0).normal(size=20 * BLOCK + 7)
    whole = HighPass(CUT).push(samples)
    pieces, at, parts = HighPass(CUT), 0, []
    for cut in [*cuts, len(samples)]:
        parts.append(pieces.push(samples[at : at + cut]))
        at = min(at + cut, len(samples))
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-12)
    assert np.abs(np.concatenate(parts)).max() > 1


def test_a_new_stream_begins_in_silence():
    high_pass, samples = HighPass(CUT), np.random.default_rng(1).normal(size=500)
    first = high_pass.push(samples)
    high_pass.reset()
    np.testing.assert_array_equal(high_pass.push(samples), first)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [[0], [BLOCK], [499], [3, 130, 498]])
def test_what_is_no_number_counts_as_silence(wrong, at):
    samples = np.random.default_rng(3).normal(size=1500)
    silent, broken = samples.copy(), samples.copy()
    silent[at], broken[at] = 0.0, wrong
    one, other = HighPass(CUT), HighPass(CUT)
    for start in range(0, 1500, 500):
        heard = one.push(broken[start : start + 500])
        np.testing.assert_array_equal(heard, other.push(silent[start : start + 500]))


@pytest.mark.parametrize("name", ["mfcc_sequence", "log_mel", "summary_162", "mfcc_functionals"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_front_end_behind_it_recovers(name, wrong):
    voice = np.random.default_rng(4).normal(0, 0.1, 2 * RATE).astype(np.float32)
    silent, broken = voice.copy(), voice.copy()
    silent[5000:5003], broken[5000:5003] = 0.0, wrong
    one, other = (build(FrontEndSpec(name, {"highpass": CUT})) for _ in range(2))
    for start in range(0, len(voice), 1600):
        one.push(broken[start : start + 1600])
        other.push(silent[start : start + 1600])
    np.testing.assert_array_equal(one.power(), other.power())
    assert np.isfinite(one.power()).all()


@pytest.mark.parametrize("name", ["mfcc_sequence", "log_mel", "summary_162", "mfcc_functionals"])
def test_a_front_end_hears_past_it(name):
    noise = np.random.default_rng(2).normal(0, 0.05, 2 * RATE)
    rumble = np.sin(2 * np.pi * 30 * np.arange(2 * RATE) / RATE)
    spec = FrontEndSpec(name, {"highpass": 300.0})
    there, gone, plain = (
        mel_power(samples, FrontEndSpec(name, parameters))[20:, :40].sum()
        for samples, parameters in (
            (noise + rumble * 0.3, spec.parameters),
            (noise, spec.parameters),
            (noise + rumble * 0.3, {}),
        )
    )
    assert plain > 2 * gone
    assert there == pytest.approx(gone, rel=0.01)
    whole = mel_power(noise + rumble * 0.3, spec)
    stream = build(spec)
    for start in range(0, len(noise), 1111):
        stream.push((noise + rumble * 0.3)[start : start + 1111])
    np.testing.assert_allclose(stream.power()[-5:], whole[-5:], rtol=1e-4, atol=1e-7)
