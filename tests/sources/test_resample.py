"""The resampler on tones and cut streams."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.sources.resample import StreamingResampler

RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000)


def tone(rate, hertz, seconds=1.0):
    return np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate).astype(np.float32)


def converted(rate, samples):
    resampler = StreamingResampler(rate)
    return np.concatenate([resampler.push(samples), resampler.flush()])


@pytest.mark.parametrize("rate", [*RATES, 16001, 47999])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.93])
def test_passband_keeps_tones_in_place(rate, share):
    hertz = share * min(rate, 16000) / 2
    result = converted(rate, tone(rate, hertz))
    inner = slice(2000, 14000)
    expected = tone(16000, hertz)
    assert abs(len(result) - 16000) <= 1
    exact = 2e-3 if rate in RATES else 1e-2
    np.testing.assert_allclose(result[inner], expected[inner], atol=exact)


@pytest.mark.parametrize("rate", [22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("hertz", [8010, 8500, 9300, 10900])
def test_aliases_are_70_decibels_down(rate, hertz):
    result = converted(rate, tone(rate, hertz))[2000:14000]
    assert 20 * np.log10(np.sqrt(2 * np.mean(result**2))) < -70


def test_upsampling_leaves_no_image():
    result = converted(8000, tone(8000, 3000, 2.0))[4096:20480]
    spectrum = np.abs(np.fft.rfft(result * np.blackman(len(result))))
    hertz = np.fft.rfftfreq(len(result), 1 / 16000)
    assert 20 * np.log10(spectrum[hertz > 4100].max() / spectrum.max()) < -70


@settings(max_examples=25, deadline=None)
@given(rate=st.sampled_from(RATES), sizes=st.lists(st.integers(0, 9000), max_size=12), seed=st.integers(0, 99))
def test_cutting_changes_nothing(rate, sizes, seed):
    samples = np.random.default_rng(seed).standard_normal(sum(sizes) + 500).astype(np.float32)
    whole = StreamingResampler(rate).push(samples)
    resampler, pieces, at = StreamingResampler(rate), [], 0
    for size in [*sizes, 500]:
        pieces.append(resampler.push(samples[at : at + size]))
        at += size
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_reset_forgets():
    resampler = StreamingResampler(48000)
    first = resampler.push(tone(48000, 500))
    resampler.reset()
    np.testing.assert_array_equal(resampler.push(tone(48000, 500)), first)


@pytest.mark.parametrize("rate", [0, 7999, 192001])
def test_odd_rates_are_refused(rate):
    with pytest.raises(ValueError, match="8000 to 192000"):
        StreamingResampler(rate)


@pytest.mark.parametrize(("rate", "most"), [(32000, 100), (48000, 100), (96000, 100), (192000, 250), (44100, 1700)])
def test_a_block_takes_little_memory(rate, most):
    """Kilobytes: what is copied for each output costs more time than the filter itself."""
    resampler = StreamingResampler(rate)
    block = tone(rate, 500, 0.05)
    resampler.push(block)
    tracemalloc.start()
    try:
        resampler.push(block)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most * 1000


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate != 16000])
def test_every_output_is_its_phase_of_the_filter_over_its_inputs(rate):
    resampler = StreamingResampler(rate)
    half = round(resampler.delay * rate)
    samples = np.random.default_rng(rate).standard_normal(3000).astype(np.float32)
    line = np.concatenate([np.zeros(half, np.float32), samples])
    taps = resampler._taps.astype(np.float64)
    for k, value in enumerate(resampler.push(samples)):
        whole, part = divmod(k * rate, 16000)
        inputs = line[whole + 1 : whole + 1 + 2 * half]
        assert value == pytest.approx(inputs @ taps[part * len(taps) // 16000], abs=1e-5)
