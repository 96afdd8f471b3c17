"""A root in place of the logarithm: between it and power itself, and what is faint gets less room."""

from __future__ import annotations

import numpy as np
import pytest

from emoedge.audio.features import compressed
from emoedge.audio.front_end import build
from emoedge.audio.parameters import SpeechParameters
from emoedge.inference.spec import FrontEndSpec

POWER = np.geomspace(1e-4, 1e4, 33).reshape(3, 11)


def test_a_small_root_is_nearly_the_logarithm():
    root = compressed(POWER, 1.0, SpeechParameters(log="root", root=0.01))
    np.testing.assert_allclose(root, np.log(POWER), rtol=0.05)


def test_a_root_of_one_is_power_less_one():
    np.testing.assert_allclose(compressed(POWER, 2.0, SpeechParameters(log="root", root=1.0)), POWER / 2 - 1)


def test_the_floor_is_taken_before_the_root():
    p = SpeechParameters(log="root", root=0.5, floor=-20.0)
    assert compressed(np.zeros((1, 2)), 0.0, p) == pytest.approx((0.01**0.5 - 1) / 0.5)


def test_noise_under_a_voice_moves_a_root_less_than_the_logarithm(speech):
    noise = np.random.default_rng(0).normal(0, 0.1 * speech.std(), len(speech)).astype(speech.dtype)

    def moved(**parameters):
        front_end = build(FrontEndSpec("log_mel", {"seconds": 2.0, "level": "window", "floor": -50.0, **parameters}))
        told = []
        for samples in (speech, speech + noise):
            front_end.reset()
            front_end.push(samples)
            told.append(front_end.features())
        return np.abs(told[1] - told[0]).mean() / told[0].std()

    assert moved(log="root", root=0.2) < 0.7 * moved(log="ln")
