"""Sounds that nobody makes: the gate stays shut, so that the model is never asked what they feel."""

import numpy as np
import pytest
from workbench import voice_sounds

from emoedge.audio.front_end import build
from emoedge.audio.hearing import Hearing
from emoedge.config.speech import SpeechConfig
from emoedge.inference.model import load_model
from emoedge.inference.shipped import resolve
from emoedge.messages import SAMPLE_RATE, AudioBlock

SECONDS = 4.0
KINDS = ("silence", "hum", "tone", "dtmf", "noise")
CLIPPED = ("hum", "tone", "noise")


@pytest.fixture(scope="module")
def model():
    return load_model(resolve("speech"))


def made(kind, seed, gain=1.0):
    return np.clip(gain * voice_sounds.make(np.random.default_rng(seed), kind, SECONDS), -1, 1)


def sounds():
    for kind in KINDS:
        for seed in range(4):
            yield f"{kind} {seed}", made(kind, seed)
    for kind in CLIPPED:
        for seed in range(2):
            yield f"clipped {kind} {seed}", made(kind, seed, gain=30.0)
    t = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    yield "50 Hz", 0.5 * np.sin(2 * np.pi * 50 * t)
    yield "square wave", 0.9 * np.sign(np.sin(2 * np.pi * 220 * t))
    yield "white noise", np.random.default_rng(0).uniform(-0.3, 0.3, len(t))
    yield "full scale", np.ones(len(t))


def classified(samples, model):
    """Scores that the shipped model gave to the sound, with the daemon's own settings."""
    hearing = Hearing(SpeechConfig(), build(model.info.front_end), model)
    heard = []
    for end in range(320, len(samples) + 1, 320):
        block = AudioBlock(samples[end - 320 : end].astype(np.float32), end / SAMPLE_RATE,
                           clipped=float((np.abs(samples[end - 320 : end]) >= 0.999).mean()))  # fmt: skip
        heard += hearing.hear(block).observations
    heard += hearing.finish(SECONDS).observations
    return [o.scores for o in heard if o.scores is not None]


@pytest.mark.parametrize(("name", "samples"), [pytest.param(*case, id=case[0]) for case in sounds()])
def test_nothing_is_named(name, samples, model):
    worst = max((s.confidence for s in classified(samples, model)), default=None)
    assert worst is None, f"{name}: classified, the surest with {worst:.2f}"
