"""Training material and measures of the voice gate: the split, the labels, the mixing, the area, the sounds."""

from __future__ import annotations

import numpy as np
import pytest
from workbench import voice_material as material
from workbench.data.speech import Clip
from workbench.voice_evaluation import area, mixed, openings, windows
from workbench.voice_sounds import SOUNDS, make
from workbench.voice_training import FRAMES, LAYERS, example, write

from emoedge.audio.voice_net import read_layers
from emoedge.config.speech import SpeechConfig


def clip(dataset, speaker):
    return Clip(dataset=dataset, file=f"{dataset}/{speaker}.opus", speaker=speaker, emotion="happy", label="happy")


@pytest.mark.parametrize(
    ("dataset", "speaker", "measuring"),
    [("ravdess", "Actor_20", True), ("ravdess", "Actor_15", True), ("ravdess", "Actor_01", False),
     ("tess", "YAF", True), ("tess", "OAF", False)],
)  # fmt: skip
def test_speakers_stand_on_one_side(dataset, speaker, measuring):
    assert material.for_measuring(clip(dataset, speaker)) is measuring


def test_pieces_of_one_recording_stand_on_one_side():
    for recording in range(50):
        sides = {material.noise_for_measuring(f"noise/esc10/rain__{f}-{recording}-{take}.opus") for f in "12" for take in "AB"}
        assert len(sides) == 1
    shares = [material.noise_for_measuring(f"noise/esc10/rain__1-{i}-A.opus") for i in range(400)]
    assert 0.2 < np.mean(shares) < 0.4


def test_words_are_speech_and_short_gaps_belong_to_them():
    power = np.full((200, 40), 1e-9, dtype=np.float32)
    power[50:80] = power[88:120] = 1e-3
    power[150:155] = 1e-7  # 40 dB down: neither speech nor surely silence
    speech, sure = material.speech_frames(power)
    assert np.flatnonzero(speech).tolist() == list(range(50, 120))
    assert not sure[150:155].any()
    assert sure[:150].all()


def test_digital_silence_is_no_speech():
    speech, sure = material.speech_frames(np.zeros((30, 40), dtype=np.float32))
    assert not speech.any()
    assert sure.all()


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [([2, 3], [0, 1], 1.0), ([0, 1], [2, 3], 0.0), ([1, 1], [1, 1], 0.5), ([1, 3], [0, 2], 0.75)],
)
def test_area(positive, negative, expected):
    assert area(np.array(positive, float), np.array(negative, float)) == expected


def test_windows_take_seconds_with_enough_speech():
    scores = np.repeat([0.2, 0.8, 0.5], 50).astype(np.float32)[:140]
    assert windows(scores) == pytest.approx([0.2, 0.8])
    assert windows(scores, np.repeat([False, True], 70)) == pytest.approx([0.8])


@pytest.mark.parametrize("decibels", [-5, 5, 20])
def test_mixing_keeps_the_ratio(speech, decibels):
    noise = np.random.default_rng(0).standard_normal(9000).astype(np.float32)
    added = mixed(speech, noise, decibels) - speech
    active, _ = material.speech_frames(material.mel_power(speech))
    heard = np.mean(np.square(speech[: len(active) * 320][np.repeat(active, 320)]))
    assert 10 * np.log10(heard / np.mean(np.square(added))) == pytest.approx(decibels, abs=0.2)


def test_speech_opens_the_gate_and_hiss_does_not(speech):
    count, share = openings(speech, SpeechConfig(), None)
    assert count >= 1
    assert share > 0.5
    hiss = np.random.default_rng(0).standard_normal(80_000).astype(np.float32) * 0.01
    assert openings(hiss, SpeechConfig(), None) == (0, 0.0)


@pytest.mark.parametrize("kind", SOUNDS)
def test_made_up_sounds_are_sound(kind):
    for seed in range(8):
        sound = make(np.random.default_rng(seed), kind, 2.0)
        assert sound.shape == (32000,)
        assert sound.dtype == np.float32
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() <= 1
        if kind != "silence":
            assert np.abs(sound).max() > 1e-3


def test_examples_are_whole(speech):
    power = material.mel_power(speech)
    stock = material.Material([power], [material.speech_frames(power)], [np.full((100, 40), 1e-5)], [np.full((400, 40), 1e-6)])
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(60):
        frames, label, weight = example(rng, stock)
        assert frames.shape == (FRAMES, 40)
        assert label.shape == weight.shape == (FRAMES,)
        assert np.isfinite(frames).all()
        shares.append(label.mean())
    assert 0.2 < np.mean(np.array(shares) == 0) < 0.6, "about two in five hold no speech"


class Convolution:
    def __init__(self, rng, taps, dilation, inputs, outputs):
        self.dilation_rate = (dilation,)
        self.weights = rng.standard_normal((taps, inputs, outputs)), rng.standard_normal(outputs)

    def get_weights(self):
        return self.weights


def test_weights_come_back_as_written(tmp_path):
    rng, inputs, made = np.random.default_rng(0), 40, []
    for taps, dilation, outputs in (*LAYERS, (1, 1, 1)):
        made.append(Convolution(rng, taps, dilation, inputs, outputs))
        inputs = outputs
    write(made, tmp_path / "deep" / "net.npz")
    layers = read_layers(tmp_path / "deep" / "net.npz")
    assert [layer.dilation for layer in layers] == [1, 2, 4, 8, 16, 1]
    assert sum(layer.context for layer in layers) == 64
    for layer, original in zip(layers, made, strict=True):
        np.testing.assert_allclose(layer.kernel, original.weights[0], atol=2e-3)
        np.testing.assert_allclose(layer.bias, original.weights[1], atol=2e-3)
