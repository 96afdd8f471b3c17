"""Channels as one: the mean of all, unless they cancel each other."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.sources.mix_down import MixDown, mean

RATE = 16_000


def voice(seconds, rate=RATE, seed=0, level=0.1):
    """Syllables of a voice-like buzz, four a second."""
    at = np.arange(round(seconds * rate)) / rate
    grain = np.random.default_rng(seed).normal(0, 1, (30, 1))
    buzz = sum(np.sin(2 * np.pi * (140 * (k + 1) * at + grain[k])) / (k + 1) for k in range(25))
    return (level * buzz * (np.sin(2 * np.pi * 4 * at) > -0.5)).astype(np.float32)


def noise(seconds, seed, level=0.003, rate=RATE):
    return np.random.default_rng(seed).normal(0, level, round(seconds * rate)).astype(np.float32)


def hum(seconds, level, rate=RATE):
    return (level * np.sin(2 * np.pi * 50 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def mixed(*channels, rate=RATE, block=0.02):
    taker = MixDown(rate=rate, channels=len(channels), name="line")
    samples = np.stack(channels, axis=1)
    size = round(rate * block)
    return np.concatenate([taker.push(samples[i : i + size]) for i in range(0, len(samples), size)])


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
def test_the_mean_is_exactly_that_of_numpy(channels):
    samples = np.random.default_rng(channels).uniform(-1, 1, (800, channels)).astype(np.float32)
    mono = mean(samples)
    assert mono.dtype == np.float32
    np.testing.assert_array_equal(mono, samples.mean(axis=1))


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("share", [0.95, 0.7])
def test_a_balanced_line_is_heard_from_its_first_tenth_of_a_second(caplog, rate, share):
    said = voice(2, rate) + noise(2, 1, rate=rate)
    heard = mixed(said * share, -said, rate=rate)
    begun = rate // 10
    np.testing.assert_array_equal(heard[begun:], -said[begun:])
    (line,) = caplog.messages
    assert line.startswith("line: its channels cancel each other")
    assert "channel 2 alone" in line
    assert "microphone.channel: 2" in line


def test_two_of_eight_channels_that_cancel_each_other_are_heard():
    said, still = voice(1), np.zeros(RATE, np.float32)
    heard = mixed(still, said, -said, *[still] * 5)
    np.testing.assert_array_equal(heard[1600:], said[1600:])


@pytest.mark.parametrize(
    "channels",
    [
        pytest.param((voice(4), voice(4)), id="the same twice"),
        pytest.param((voice(4), np.zeros(4 * RATE, np.float32)), id="one without a microphone"),
        pytest.param((noise(4, 1, 0.1), noise(4, 2, 0.1)), id="nothing in common"),
        pytest.param(tuple(noise(4, n, 0.1) for n in range(8)), id="eight with nothing in common"),
        pytest.param((voice(4), np.roll(voice(4), 11) + noise(4, 1)), id="a quarter of a metre apart"),
        pytest.param((voice(4), np.roll(voice(4), 57) + noise(4, 1)), id="more than a metre apart"),
        pytest.param((voice(4), voice(4, seed=9)), id="two people"),
        pytest.param((voice(4, level=0.01) + hum(4, 0.2), voice(4, level=0.01) - hum(4, 0.2)), id="hum that cancels out"),
        pytest.param((noise(4, 1, 1e-4) + 0.01, noise(4, 2, 1e-4) - 0.01), id="offsets of two converters"),
        pytest.param(tuple(np.float32([0, sign, 0, -sign] * RATE) / 65536 for sign in (1, -1)), id="less than a step"),
    ],
)
def test_ordinary_channels_are_averaged_to_the_bit(caplog, channels):
    channels = [channel.astype(np.float32) for channel in channels]
    np.testing.assert_array_equal(mixed(*channels), mean(np.stack(channels, axis=1)))
    assert caplog.messages == []


def test_pauses_with_hum_in_both_wires_do_not_turn_it_back(caplog):
    """A phrase is heard from its very begin, however long nobody has spoken."""
    pause = noise(60, 1, 1e-4) + hum(60, 0.02)
    said = voice(2)
    one, other = np.concatenate([said, pause, said]), np.concatenate([-said, pause, -said])
    np.testing.assert_array_equal(mixed(one, other)[1600:], one[1600:])
    assert len(caplog.messages) == 1


def test_channels_that_cancel_each_other_no_longer_are_averaged_again(caplog):
    caplog.set_level(logging.INFO)
    said, more = voice(1), voice(3)
    heard = mixed(np.concatenate([said, more]), np.concatenate([-said, more / 2]))
    np.testing.assert_array_equal(heard[3 * RATE :], (more * 0.75)[2 * RATE :])
    assert ["cancel each other" in line for line in caplog.messages] == [True, True]


def test_a_bang_in_opposite_phase_is_got_over():
    bang, said = noise(0.05, 1, 0.3), np.tile(voice(10, level=0.05), 20)
    heard = mixed(np.concatenate([bang, said]), np.concatenate([-bang, said / 2]), block=1.0)
    np.testing.assert_array_equal(heard[-RATE:], (said * 0.75)[-RATE:])


@settings(max_examples=25)
@given(sizes=st.lists(st.integers(0, 9000), max_size=12), seed=st.integers(0, 3))
def test_blocks_do_not_matter(sizes, seed):
    """So that a file and a live device, which come in blocks of other lengths, are heard alike."""
    said = voice(3, seed=seed)
    channels = np.stack([said, np.concatenate([said[:RATE], -said[RATE:]])], axis=1)
    taker, parts, at = MixDown(rate=RATE, channels=2, name="line"), [], 0
    for size in [*sizes, len(said)]:
        parts.append(taker.push(channels[at : at + size]))
        at = min(at + size, len(said))
    whole = mixed(*channels.T)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert np.abs(whole[2 * RATE :]).max() > 0.1
