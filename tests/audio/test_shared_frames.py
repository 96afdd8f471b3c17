"""The gate and the front end share the analysis of each frame where they may."""

import numpy as np
import pytest

from emoedge.audio.front_end import build
from emoedge.audio.voice_net import VoiceNet
from emoedge.inference.spec import FrontEndSpec


@pytest.mark.parametrize(
    ("change", "shared"), [({}, True), ({"hop": 0.01}, False), ({"nfft": 1024}, False), ({"energy": True}, False)]
)
def test_only_the_same_rows_are_taken_from_the_gate(change, shared):
    same = {"window": 0.025, "hop": 0.02, "nfft": 512, "taper": "hann", "preemphasis": 0.0, "mels": 40, "fmin": 40.0,
            "fmax": 7800.0, "filters": "htk", "coefficients": 20}  # fmt: skip
    front_end = build(FrontEndSpec("mfcc_sequence", {**same, **change}))
    assert front_end.analysis.rows_like(VoiceNet().analysis) is shared


def test_rows_taken_from_the_gate_give_the_same_features():
    spec = FrontEndSpec("mfcc_sequence", {"window": 0.025, "hop": 0.02, "nfft": 512, "taper": "hann",
                                          "preemphasis": 0.0, "mels": 40, "fmin": 40.0, "fmax": 7800.0,
                                          "filters": "htk", "coefficients": 20})  # fmt: skip
    sound = np.random.default_rng(4).normal(0, 0.1, 40_000).astype(np.float32)
    alone, beside, net = build(spec), build(spec), VoiceNet()
    for start in range(0, len(sound), 1600):
        alone.push(sound[start : start + 1600])
        beside.push_power(net.push(sound[start : start + 1600])[0])
    assert beside.frames == alone.frames
    np.testing.assert_array_equal(beside.features(), alone.features())
