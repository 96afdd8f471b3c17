"""Speech for the audio tests: the recorded voice of the demo clip, and espeak-ng speaking when the tests run."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from importlib import resources

import numpy as np
import pytest

from emoedge.sources.resample import StreamingResampler

TEXT = "The quick brown fox jumps over the lazy dog. Did sixty seven ships really sail on Thursday? Oh, how nice!"


def wav(data: bytes) -> tuple[np.ndarray, int]:
    with wave.open(io.BytesIO(data)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(10_000_000), dtype="<i2")
    return samples.astype(np.float32) / 32768, rate


def recorded() -> np.ndarray:
    samples, rate = wav(resources.files("emoedge.assets").joinpath("demo.wav").read_bytes())
    assert rate == 16000
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    return samples[max(0, loud[0] - 8000) : loud[-1] + 4000][-112_000:]


def synthetic() -> np.ndarray:
    program = shutil.which("espeak-ng")
    assert program, "espeak-ng is missing: make setup installs it"
    spoken = subprocess.run([program, "--stdout", "-v", "en", TEXT], check=True, capture_output=True).stdout
    samples, rate = wav(spoken)
    resampler = StreamingResampler(rate)
    clean = np.concatenate([resampler.push(samples), resampler.flush()])
    hiss = np.random.default_rng(5).standard_normal(len(clean)) * 3e-4
    return (clean + hiss).astype(np.float32)


@pytest.fixture(scope="session", params=["recorded", "synthetic"])
def speech(request):
    """About seven seconds of speech, float32 at 16 kHz."""
    return recorded() if request.param == "recorded" else synthetic()
