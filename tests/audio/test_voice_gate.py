"""The voice gate: shut on sounds that are no voice; its state machine; the net against a plain reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.audio.hearing import Hearing
from emoedge.audio.voice_gate import VoiceGate
from emoedge.audio.voice_net import WEIGHTS, VoiceInput, VoiceNet, read_layers
from emoedge.config.speech import SpeechConfig
from emoedge.messages import AudioBlock

SECONDS = 20
T = np.arange(SECONDS * 16000) / 16000
RNG = np.random.default_rng(11)


def noise(slope):
    spectrum = np.fft.rfft(RNG.standard_normal(len(T)))
    hertz = np.maximum(np.fft.rfftfreq(len(T), 1 / 16000), 20)
    sound = np.fft.irfft(spectrum * hertz ** (-slope / 2))
    return sound / np.abs(sound).max()


def rain():
    drops = np.zeros(len(T))
    drops[RNG.integers(0, len(T), 3000)] = RNG.uniform(0.2, 1, 3000)
    return 0.2 * noise(0) + np.convolve(drops, np.exp(-np.arange(60) / 8) * np.sin(np.arange(60) * 1.9))[: len(T)] * 0.3


def engine():
    phase = 2 * np.pi * np.cumsum(35 + 8 * np.sin(0.7 * T)) / 16000
    return sum(np.sin(k * phase + k) / k for k in range(1, 25)) * 0.2 + 0.3 * noise(2)


def chords():
    sound = np.zeros(len(T))
    for i, root in enumerate([220, 174.6, 261.6, 196] * 5):
        place = slice(i * 16000, (i + 1) * 16000)
        for ratio in (1, 1.26, 1.5):
            for k in range(1, 7):
                sound[place] += np.sin(2 * np.pi * root * ratio * k * T[:16000]) / k**1.5 * np.exp(-T[:16000] * 1.5)
    return sound * 0.1


def dialling():
    keys = [(697, 1209), (770, 1336), (852, 1477), (941, 1633)] * 10
    sound = np.zeros(len(T))
    for i, (low, high) in enumerate(keys):
        place = slice(i * 8000, i * 8000 + 4000)
        sound[place] = np.sin(2 * np.pi * low * T[:4000]) + np.sin(2 * np.pi * high * T[:4000])
    return sound * 0.3


SOUNDS = {
    "silence": lambda: np.zeros(len(T)),
    "sensor hiss": lambda: 1e-4 * RNG.standard_normal(len(T)),
    "white noise": lambda: 0.3 * noise(0),
    "brown noise": lambda: 0.5 * noise(2),
    "rain": rain,
    "engine": engine,
    "music-like chords": chords,
    "50 Hz hum": lambda: sum(np.sin(2 * np.pi * 50 * k * T) / k for k in range(1, 8)) * 0.3,
    "tone of 440 Hz": lambda: 0.5 * np.sin(2 * np.pi * 440 * T),
    "tone of 1 kHz": lambda: 0.5 * np.sin(2 * np.pi * 1000 * T),
    "dialling": dialling,
    "clipped tone": lambda: np.clip(20 * np.sin(2 * np.pi * 300 * T), -1, 1),
    "clipped noise": lambda: np.clip(20 * noise(0), -1, 1),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_gate_stays_shut(name):
    samples = np.asarray(SOUNDS[name](), dtype=np.float32)
    hearing = Hearing(SpeechConfig(), None, None)
    speaking = [
        hearing.hear(AudioBlock(samples[i : i + 1600], (i + 1600) / 16000)).speaking
        for i in range(0, len(samples), 1600)
    ]
    assert np.mean(speaking) < 0.03, f"open {np.mean(speaking):.0%} of the time"


def test_speech_scores_above_noise(speech):
    _, voiced = VoiceNet().push(speech)
    _, quiet = VoiceNet().push(np.asarray(0.3 * noise(0), dtype=np.float32))
    assert np.median(voiced) > 0.8
    assert np.quantile(quiet, 0.95) < 0.2


def test_loudness_does_not_matter(speech):
    _, loud = VoiceNet().push(speech)
    _, faint = VoiceNet().push(speech * np.float32(0.03))
    np.testing.assert_allclose(faint, loud, atol=2e-2)


def test_weights_are_small(tmp_path):
    from importlib import resources

    assert len(resources.files("emoedge.audio").joinpath(WEIGHTS).read_bytes()) <= 60_000


def test_net_equals_a_plain_convolution(speech):
    net = VoiceNet()
    power, streamed = net.push(speech[:32000])
    x = VoiceInput().frames(power).astype(np.float64)
    layers = read_layers()
    for i, layer in enumerate(layers):
        padded = np.concatenate([np.zeros((layer.context, x.shape[1])), x])
        y = np.zeros((len(x), len(layer.bias))) + layer.bias
        for t in range(len(x)):
            for tap in range(len(layer.kernel)):
                y[t] += padded[t + tap * layer.dilation] @ layer.kernel[tap]
        x = y if i == len(layers) - 1 else np.maximum(y, 0)
    np.testing.assert_allclose(streamed, 1 / (1 + np.exp(-x[:, 0])), atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(sizes=st.lists(st.integers(0, 9000), max_size=6))
def test_cutting_changes_nothing(sizes):
    samples = np.asarray(0.2 * noise(1)[:48000], dtype=np.float32)
    whole, net, pieces, at = VoiceNet().push(samples)[1], VoiceNet(), [], 0
    for size in [*sizes, len(samples)]:
        pieces.append(net.push(samples[at : at + size])[1])
        at += size
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-5)


def states(probabilities, **rules):
    config = SpeechConfig(**{"gate_open": 0.6, "gate_close": 0.3, "gate_onset": 0.1, "gate_hang_over": 0.2, **rules})
    return VoiceGate(config).update(np.asarray(probabilities, dtype=np.float32))


def test_opens_at_the_mean_of_the_onset():
    opened = states([0.0] * 10 + [1.0] * 10)
    assert int(opened.argmax()) == 10 + 2  # three of five frames


def test_a_short_burst_does_not_open():
    assert not states([0.0] * 10 + [1.0] * 2 + [0.0] * 10).any()


def test_hangs_over_and_shuts():
    opened = states([1.0] * 20 + [0.0] * 30)
    shut = int(np.flatnonzero(opened)[-1]) + 1
    assert shut - 20 == 3 + 10  # the mean falls below 0.3 with the fourth quiet frame, then 0.2 s


def test_between_the_thresholds_it_stays_as_it_was():
    assert states([1.0] * 10 + [0.45] * 200)[-1]
    assert not states([0.45] * 200).any()


def test_reset_shuts():
    gate = VoiceGate(SpeechConfig())
    gate.update(np.ones(50, dtype=np.float32))
    assert gate.open
    gate.reset()
    assert not gate.open
