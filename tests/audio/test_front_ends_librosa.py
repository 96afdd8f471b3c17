"""The other front ends against librosa on speech, each with its tolerance."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from emoedge.audio.front_end import build
from emoedge.inference.spec import FrontEndSpec

FRAME, HOP = 2048, 512
LIBROSA = {"window": FRAME / 16000, "nfft": FRAME, "hop": HOP / 16000}
"""Frames as librosa cuts them with center=False."""


def streamed(name, samples, **parameters):
    front_end = build(FrontEndSpec(name, {**LIBROSA, "seconds": 3.0, **parameters}))
    for start in range(0, len(samples), 1111):
        front_end.push(samples[start : start + 1111])
    return front_end.features(), front_end.shape


def newest(matrix, frames):
    """Columns of librosa's matrix that our newest window covers, time first."""
    return matrix[:, -frames:].T


@pytest.fixture(scope="module")
def mel(speech):
    return librosa.feature.melspectrogram(
        y=speech.astype(np.float64), sr=16000, n_fft=FRAME, hop_length=HOP, n_mels=128, fmin=0, fmax=8000, center=False
    )


SLANEY = {"mels": 128, "fmin": 0, "fmax": 8000, "filters": "slaney", "log": "db"}


def test_log_mel_within_a_thousandth_of_a_decibel(speech, mel):
    features, shape = streamed("log_mel", speech, **SLANEY, floor=-100)
    assert features.shape == shape == (90, 128)
    expected = librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=None)
    np.testing.assert_allclose(features, newest(expected, 90), atol=1e-3)


def test_log_mel_relative_to_the_peak(speech, mel):
    features, _ = streamed("log_mel", speech, **SLANEY, level="peak", floor=-80)
    expected = librosa.power_to_db(mel[:, -90:], ref=np.max, amin=1e-30, top_db=80)
    np.testing.assert_allclose(features, expected.T, atol=1e-3)


def test_log_mel_band_mean_within_a_thousandth_of_a_decibel(speech, mel):
    features, shape = streamed("log_mel_band_mean", speech, **SLANEY, floor=-100)
    assert features.shape == shape == (90,)
    expected = librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=None)
    np.testing.assert_allclose(features, newest(expected, 90).mean(axis=1), atol=1e-3)


@pytest.fixture(scope="module")
def cepstra(mel):
    return librosa.feature.mfcc(S=librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=None), n_mfcc=20)


CEPSTRA = {**SLANEY, "coefficients": 20, "floor": -100}


def test_mfcc_mean_within_a_hundredth(speech, cepstra):
    features, shape = streamed("mfcc_mean", speech, **CEPSTRA)
    assert features.shape == shape == (20,)
    np.testing.assert_allclose(features, newest(cepstra, 90).mean(axis=0), atol=1e-2)


@pytest.mark.parametrize("order", ["coefficient", "time"])
def test_mfcc_flat_within_a_hundredth(speech, cepstra, order):
    features, shape = streamed("mfcc_flat", speech, **CEPSTRA, order=order)
    assert features.shape == shape == (1800,)
    expected = cepstra[:, -90:] if order == "coefficient" else newest(cepstra, 90)
    np.testing.assert_allclose(features, expected.ravel(), atol=1e-2)


def test_summary_within_a_thousandth_of_each_part(speech, mel, cepstra):
    features, shape = streamed("summary_162", speech)
    assert features.shape == shape == (162,)
    y = speech.astype(np.float64)
    cut = {"frame_length": FRAME, "hop_length": HOP, "center": False}
    magnitude = np.abs(librosa.stft(y, n_fft=FRAME, hop_length=HOP, center=False))
    parts = [
        librosa.feature.zero_crossing_rate(y, **cut),
        librosa.feature.chroma_stft(S=magnitude, sr=16000, n_fft=FRAME, tuning=0.0),
        cepstra,
        librosa.feature.rms(y=y, **cut),
        mel,
    ]
    expected = np.concatenate([newest(part, 90).mean(axis=0) for part in parts])
    scale = np.concatenate([np.full(len(part), np.abs(newest(part, 90).mean(axis=0)).max()) for part in parts])
    assert np.abs((features - expected) / scale).max() < 1e-3


def test_centroid_and_pitch(speech):
    frame, hop = 1024, 256
    parameters = {
        "window": frame / 16000, "nfft": frame, "hop": hop / 16000, "filters": "slaney", "log": "db", "floor": -100,
        "mels": 40, "fmin": 40, "fmax": 7800, "coefficients": 13,
    }  # fmt: skip
    features, shape = streamed("mfcc_pitch_centroid", speech, **parameters)
    assert features.shape == shape == (184, 15)
    y = speech.astype(np.float64)
    centroid = librosa.feature.spectral_centroid(y=y, sr=16000, n_fft=frame, hop_length=hop, center=False)
    np.testing.assert_allclose(features[:, 14], newest(centroid, 184)[:, 0], rtol=1e-3)
    reference, voiced, _ = librosa.pyin(
        y, fmin=65, fmax=500, sr=16000, frame_length=frame, hop_length=hop, center=False
    )
    voiced, reference, f0 = voiced[-184:], reference[-184:], features[:, 13]
    found = f0 > 0
    assert (found == voiced).mean() > 0.8, "another voicing than pYIN's (which smooths over time) on a fifth of the frames"
    both = found & voiced
    assert (np.abs(f0[both] / reference[both] - 1) < 0.05).mean() > 0.95, "another pitch than pYIN's by 5 %"


@pytest.mark.parametrize("hertz", [70, 110.5, 237, 440])
def test_pitch_of_a_known_tone(hertz):
    t = np.arange(16000) / 16000
    tone = sum(np.sin(2 * np.pi * hertz * k * t) / k for k in range(1, 6)) * 0.1
    front_end = build(FrontEndSpec("mfcc_pitch_centroid", {"seconds": 0.5}))
    front_end.push(tone)
    np.testing.assert_allclose(front_end.features()[:, 13], hertz, rtol=0.005)


def test_noise_and_silence_have_no_pitch():
    front_end = build(FrontEndSpec("mfcc_pitch_centroid", {"seconds": 0.5}))
    front_end.push(np.zeros(16000))
    assert not front_end.features()[:, 13:].any()
    front_end.push(np.random.default_rng(0).standard_normal(16000) * 0.1)
    assert (front_end.features()[:, 13] > 0).mean() < 0.1
