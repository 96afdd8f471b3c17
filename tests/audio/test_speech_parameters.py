"""Front end parameters: completed with defaults, refused with a reason."""

from __future__ import annotations

import json

import pytest

from emoedge.audio.front_end import build
from emoedge.errors import ModelError
from emoedge.inference.spec import SPEECH_FRONT_ENDS, FrontEndSpec


@pytest.mark.parametrize("name", SPEECH_FRONT_ENDS)
def test_parameters_are_complete_and_rebuild_the_same(name):
    front_end = build(FrontEndSpec(name))
    stored = json.loads(json.dumps(front_end.parameters))
    again = build(FrontEndSpec(name, stored))
    assert again.parameters == front_end.parameters
    assert again.shape == front_end.shape == front_end.features().shape


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("mfcc", {}, "mfcc_sequence, mfcc_mean"),
        ("face_gray", {}, "not a speech one"),
        ("mfcc_sequence", {"melz": 40}, "unknown parameter 'melz'; it takes seconds"),
        ("log_mel", {"coefficients": 13}, "unknown parameter 'coefficients'"),
        ("summary_162", {"session": "running"}, "unknown parameter 'session'"),
        ("mfcc_sequence", {"mels": 40.5}, "a whole number from 1 to 512"),
        ("mfcc_sequence", {"mels": "40"}, "a whole number from 1 to 512"),
        ("mfcc_sequence", {"mels": True}, "a whole number from 1 to 512"),
        ("mfcc_sequence", {"hop": 0}, "a number from 0.001 to 0.5"),
        ("mfcc_sequence", {"seconds": float("nan")}, "a number from 0.05 to 30"),
        ("mfcc_sequence", {"energy": 1}, "true or false"),
        ("mfcc_sequence", {"taper": "kaiser"}, "one of rect, hann, hamming"),
        ("mfcc_sequence", {"level": 3}, "one of none, window, peak"),
        ("mfcc_sequence", {"log": "sqrt"}, "one of ln, db, root"),
        ("mfcc_sequence", {"log": "root", "root": 0}, "a number from 0.01 to 1"),
        ("mfcc_sequence", {"floor": "low"}, "a number from -200 to 0"),
        ("mfcc_sequence", {"window": 0.1}, "at least as many"),
        ("mfcc_sequence", {"seconds": 0.1, "window": 0.2, "nfft": 4096}, "at least one frame"),
        ("mfcc_sequence", {"fmin": 5000, "fmax": 4000}, "less than fmax"),
        ("mfcc_sequence", {"coefficients": 41}, "at most mels, 40"),
        ("mfcc_sequence", {"mean": [1, 2, 3]}, "mean holds 3 numbers; expected one, or 13"),
        ("mfcc_sequence", {"mean": [1, "2"]}, "a number or a list"),
        ("mfcc_sequence", {"std": [0.0]}, "above 0"),
        ("mfcc_sequence", {"session_mean": [1, 2]}, "expected one, or 40"),
        ("mfcc_functionals", {"session_mean": [1, 2]}, "session_mean holds 2 numbers; expected one, or 247"),
        ("mfcc_functionals", {"mean": [1, 2]}, "expected one, or 247"),
        ("mfcc_functionals", {"energy": True}, "unknown parameter 'energy'"),
        ("mfcc_functionals", {"session_std": 1.0}, "unknown parameter 'session_std'"),
        ("mfcc_functionals", {"hop": 0.03}, "hop is 0.03; expected at most window"),
        ("mfcc_functionals", {"f0_window": 0.02}, "expected window, 0.025, or more"),
        ("mfcc_sequence", {"session_step": 1.0}, "unknown parameter 'session_step'"),
        ("mfcc_pitch_centroid", {"f0_min": 400, "f0_max": 200}, "less than f0_max"),
    ],
)
def test_misfits_are_refused_with_what_would_be_right(name, parameters, message):
    with pytest.raises(ModelError) as caught:
        build(FrontEndSpec(name, parameters))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_none_may_be_written_as_a_word():
    spelled = build(FrontEndSpec("mfcc_sequence", {"floor": "none", "level": None, "session": "none"}))
    assert spelled.parameters["floor"] is None
    assert spelled.parameters["level"] == "none"


def test_standardisation_comes_last():
    plain = build(FrontEndSpec("mfcc_mean"))
    scaled = build(FrontEndSpec("mfcc_mean", {"mean": list(range(13)), "std": 2.0}))
    assert (scaled.features() * 2 + list(range(13))).tolist() == pytest.approx(plain.features().tolist(), rel=1e-5)
