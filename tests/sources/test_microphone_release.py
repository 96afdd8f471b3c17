"""A microphone that floods or has too few channels is released, whatever it delivers; what it lost is counted."""

import sys
import time
import types

import pytest

from emoedge.ops.clock import SystemClock
from emoedge.sources.microphone import Microphone
from emoedge.sources.portaudio import MOST_CHANNELS

OVERFLOWED = -9981
"""PortAudio's paInputOverflowed."""


class PortAudio(types.ModuleType):
    """Stands for PyAudio: one device of more channels than can be opened at once; counts what is open."""

    def __init__(self):
        super().__init__("pyaudio")
        self.paInt16 = 8
        self.instances = self.streams = self.begun = 0
        self.PyAudio = lambda: Instance(self)
        self.stream = Flood
        self.default_rate = 16000.0
        self.only_rate = self.refusal = None
        self.most, self.channels = 2, None


class Instance:
    def __init__(self, fake):
        self.fake = fake
        fake.instances += 1

    def terminate(self):
        self.fake.instances -= 1

    def get_device_count(self):
        return 1

    def get_device_info_by_index(self, index):
        return {"name": "array", "index": index, "maxInputChannels": MOST_CHANNELS + 1,
                "defaultSampleRate": self.fake.default_rate}  # fmt: skip

    def get_default_input_device_info(self):
        return {"index": 0}

    def is_format_supported(self, rate, *, input_channels, **_):
        return input_channels <= self.fake.most and self.fake.only_rate in (None, rate)

    def open(self, *, channels, **_):
        self.fake.begun += 1
        self.fake.channels = channels
        if self.fake.refusal is not None:
            raise self.fake.refusal
        return self.fake.stream(self.fake)


class Flood:
    """A stream whose every read tells of an overflow."""

    def __init__(self, fake):
        self.fake = fake
        fake.streams += 1

    def read(self, frames, **_):
        time.sleep(0.01)
        raise OSError(OVERFLOWED, "Input overflowed")

    def close(self):
        self.fake.streams -= 1


class Stumbling(Flood):
    """A stream of which every third read tells of an overflow."""

    reads = 0

    def read(self, frames, **_):
        self.reads += 1
        if self.reads % 3 == 0:
            return super().read(frames)
        time.sleep(0.01)
        return bytes(2 * frames * self.fake.channels)


@pytest.fixture
def portaudio(monkeypatch):
    library = PortAudio()
    monkeypatch.setitem(sys.modules, "pyaudio", library)
    return library


def test_an_overflow_without_end_does_not_keep_it_open(portaudio, microphone_config, quick, until):
    microphone = Microphone(microphone_config("array"), SystemClock(), quick)
    microphone.start()
    until(lambda: portaudio.streams == 1)
    microphone.stop()
    until(lambda: portaudio.streams == portaudio.instances == 0, 1)


@pytest.mark.parametrize(("channel", "most", "opened"), [(None, 2, 2), (1, 2, 2), (2, 2, 2), (5, 6, 5), (None, 1, 1), (1, 1, 1)])
def test_a_plugin_gives_the_channel_that_is_asked_for(portaudio, microphone_config, quick, until, channel, most, opened):
    portaudio.most = most
    microphone = Microphone(microphone_config("array", channel=channel), SystemClock(), quick)
    microphone.start()
    until(lambda: portaudio.begun)
    microphone.stop()
    assert portaudio.channels == opened


def test_a_channel_that_is_not_there_leaves_nothing_open(portaudio, microphone_config, quick, until):
    microphone = Microphone(microphone_config("array", channel=3), SystemClock(), quick)
    microphone.start()
    until(lambda: portaudio.begun >= 3)
    assert "no channel 3 there" in microphone.problem
    microphone.stop()
    assert portaudio.streams == portaudio.instances == 0


def test_what_overflows_is_counted_as_dropped(portaudio, microphone_config, quick, until):
    portaudio.stream = Stumbling
    microphone = Microphone(microphone_config("array"), SystemClock(), quick)
    microphone.start()
    blocks = []
    until(lambda: blocks.extend(microphone.take()) or sum(block.lost > 0 for block in blocks) >= 3)
    microphone.stop()
    lost = sum(block.lost for block in blocks)
    assert lost >= 3 * 800, "at least as long as what was not read"
    assert microphone.counters["dropped"] >= lost
    assert microphone.counters["reopened"] == 0


@pytest.mark.parametrize("refusal", [OSError(-9985, "Device unavailable"), ValueError("Invalid"), SystemError("odd")])
def test_whatever_opening_ends_in_leaves_nothing_open(portaudio, microphone_config, quick, until, refusal):
    portaudio.refusal = refusal
    microphone = Microphone(microphone_config("array"), SystemClock(), quick)
    microphone.start()
    until(lambda: portaudio.begun >= 3)
    microphone.stop()
    assert portaudio.streams == portaudio.instances == 0


def test_a_device_of_rates_that_we_do_not_know_is_refused_in_one_line(portaudio, microphone_config, quick, until):
    portaudio.only_rate = portaudio.default_rate = 384_000
    microphone = Microphone(microphone_config("array"), SystemClock(), quick)
    microphone.start()
    until(lambda: microphone.problem != "opening")
    assert microphone.problem == "array: offers no sample rate that we know; is another program using it?"
    microphone.stop()
    assert portaudio.streams == portaudio.instances == 0
