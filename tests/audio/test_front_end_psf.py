"""The streaming MFCC against python_speech_features, however the stream is cut."""

from __future__ import annotations

import numpy as np
import pytest
import python_speech_features as psf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emoedge.audio.features import FeatureTransform
from emoedge.audio.front_end import build, mel_power
from emoedge.audio.parameters import parse
from emoedge.inference.spec import FrontEndSpec

PSF = {
    "window": 0.025, "hop": 0.01, "nfft": 512, "taper": "rect", "preemphasis": 0.97, "filters": "psf", "mels": 26,
    "fmin": 0, "fmax": 8000, "coefficients": 13, "lifter": 22, "energy": True,
}  # fmt: skip
TOLERANCE = 1e-3


def spec(seconds: float = 3.0, **changes: object) -> FrontEndSpec:
    return FrontEndSpec("mfcc_sequence", {**PSF, "seconds": seconds, **changes})


def cut(samples, sizes):
    at = 0
    for size in sizes:
        yield samples[at : at + size]
        at += size
    yield samples[at:]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(0, 20_000), max_size=30), length=st.integers(400, 60_000))
def test_any_cutting_equals_psf(speech, sizes, length):
    samples = speech[:length]
    front_end = build(spec())
    for block in cut(samples, sizes):
        front_end.push(block)
    whole = 1 + (len(samples) - 400) // 160
    reference = psf.mfcc(samples, 16000, nfft=512)[:whole]
    assert front_end.frames == whole
    shown = min(whole, 298)
    np.testing.assert_allclose(front_end.features()[-shown:], reference[-shown:], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    ("changes", "arguments"),
    [
        ({}, {}),
        ({"energy": False}, {"appendEnergy": False}),
        ({"taper": "hamming"}, {"winfunc": lambda n: np.hamming(n + 1)[:-1]}),
        ({"preemphasis": 0.0, "lifter": 0.0}, {"preemph": 0, "ceplifter": 0}),
        ({"mels": 40, "coefficients": 40, "fmin": 100, "fmax": 7000},
         {"nfilt": 40, "numcep": 40, "lowfreq": 100, "highfreq": 7000}),
        ({"window": 0.032, "hop": 0.016}, {"winlen": 0.032, "winstep": 0.016}),
        ({"window": 0.01, "hop": 0.015}, {"winlen": 0.01, "winstep": 0.015}),
    ],
)  # fmt: skip
def test_settings_equal_psf(speech, changes, arguments):
    front_end = build(spec(2.0, **changes))
    for start in range(0, len(speech), 777):
        front_end.push(speech[start : start + 777])
    reference = psf.mfcc(speech, 16000, nfft=512, **arguments)[: front_end.frames]
    np.testing.assert_allclose(front_end.features(), reference[-front_end.shape[0] :], atol=TOLERANCE, rtol=0)


def test_digital_silence_equals_psf():
    front_end = build(spec(1.0))
    front_end.push(np.zeros(16000, dtype=np.float32))
    reference = psf.mfcc(np.zeros(16000), 16000, nfft=512)[:98]
    np.testing.assert_allclose(front_end.features(), reference, atol=TOLERANCE, rtol=0)


def test_short_stream_is_preceded_by_silence(speech):
    short, long = build(spec(1.0)), build(spec(1.0))
    samples = speech[8000:12000]
    short.push(samples)
    long.push(np.concatenate([np.zeros(16000, dtype=np.float32), samples]))
    np.testing.assert_allclose(short.features()[-20:], long.features()[-20:], atol=1e-5)
    silent = psf.mfcc(np.zeros(400), 16000, nfft=512)[0]
    np.testing.assert_allclose(short.features()[0], silent, atol=TOLERANCE)


def test_pure_pieces_are_the_stream(speech):
    asked = spec(2.0)
    front_end = build(asked)
    for block in cut(speech, [1, 399, 5000, 12, 160]):
        front_end.push(block)
    power = mel_power(speech, asked)
    assert power.shape == (front_end.frames, 27)
    assert power.dtype == np.float32
    np.testing.assert_array_equal(FeatureTransform(asked.name, parse(asked))(power), front_end.features())


def test_reset_forgets(speech):
    front_end, fresh = build(spec(1.0)), build(spec(1.0))
    front_end.push(speech)
    front_end.reset()
    assert front_end.frames == 0
    np.testing.assert_array_equal(front_end.features(), fresh.features())
    front_end.push(speech[:5000])
    fresh.push(speech[:5000])
    np.testing.assert_array_equal(front_end.features(), fresh.features())
