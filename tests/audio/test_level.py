"""Level normalisation: with `level` set, loudness does not decide, whatever the front end."""

from __future__ import annotations

import numpy as np
import pytest

from emoedge.audio.front_end import build
from emoedge.audio.parameters import accepted
from emoedge.inference.spec import SPEECH_FRONT_ENDS, FrontEndSpec


def features(name, samples, **parameters):
    front_end = build(FrontEndSpec(name, {"seconds": 2.0, **parameters}))
    front_end.push(samples)
    return front_end.features()


@pytest.mark.parametrize("level", ["window", "peak"])
@pytest.mark.parametrize("name", SPEECH_FRONT_ENDS)
def test_loudness_does_not_decide(speech, name, level):
    energy = {"energy": True} if "energy" in accepted(name) else {}
    loud, faint = (features(name, speech * gain, level=level, floor=-60, **energy) for gain in (1.0, 0.05))
    np.testing.assert_allclose(faint, loud, atol=2e-3)


@pytest.mark.parametrize("name", SPEECH_FRONT_ENDS)
def test_without_it_loudness_shows(speech, name):
    loud, faint = (features(name, speech * np.float32(gain)) for gain in (1.0, 0.05))
    assert np.abs(faint - loud).max() > 0.5


@pytest.mark.parametrize("name", SPEECH_FRONT_ENDS)
@pytest.mark.parametrize("samples", [np.zeros(40_000), np.full(40_000, 1e-30), np.ones(40_000)], ids=["zeros", "tiny", "direct current"])
def test_dead_input_stays_finite(name, samples):
    for level in ("none", "window", "peak"):
        assert np.isfinite(features(name, samples, level=level, floor=-50)).all()
    assert np.isfinite(features(name, samples)).all()


def test_floor_is_relative_to_the_level():
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(32_000) * np.repeat([1e-6, 0.1], 16_000)
    log_mel = features("log_mel", samples, level="window", floor=-40, log="db")
    assert log_mel.min() == pytest.approx(-40)
    assert np.median(log_mel[-40:]) == pytest.approx(0, abs=5)
