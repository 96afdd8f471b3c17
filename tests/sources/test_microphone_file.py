"""A sound file as a microphone, the intake's counting, and the ring that never grows."""

import threading
import time
import wave

import numpy as np
import pytest

from emoedge.config import default_config
from emoedge.errors import SourceError
from emoedge.messages import SAMPLE_RATE, AudioBlock, SensorStatus
from emoedge.ops.clock import SystemClock
from emoedge.sources.factory import open_microphone
from emoedge.sources.intake import Intake, Tally
from emoedge.sources.microphone import Microphone
from emoedge.sources.ring import Ring


@pytest.fixture
def make_wav(tmp_path):
    def make(samples, rate=SAMPLE_RATE):
        samples = np.atleast_2d(np.asarray(samples).T).T
        path = tmp_path / "a.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(samples.shape[1])
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes((samples * 32767).astype("<i2").tobytes())
        return path

    return make


def listen(config, longest=10.0):
    microphone = Microphone(config, SystemClock())
    microphone.start()
    blocks = []
    begun = time.monotonic()
    while not microphone.ended and time.monotonic() - begun < longest:
        blocks.extend(microphone.take())
        time.sleep(0.01)
    return microphone, blocks


TONE = np.sin(np.arange(SAMPLE_RATE) * 2 * np.pi * 440 / SAMPLE_RATE) * 0.5


def test_paced_file_takes_its_own_time_and_loses_nothing(make_wav, microphone_config):
    begun = time.monotonic()
    microphone, blocks = listen(microphone_config(make_wav(TONE)))
    assert 0.9 < time.monotonic() - begun < 5
    heard = np.concatenate([b.samples for b in blocks])
    assert np.abs(heard - TONE).max() < 1e-4
    assert microphone.status is SensorStatus.OFFLINE
    assert microphone.counters == {"delivered": len(TONE), "dropped": 0, "clipped": 0, "invalid": 0, "reopened": 0}
    assert all(b.lost == 0 for b in blocks)


def test_whoever_listens_begins_anew_where_the_device_was_closed(make_wav, microphone_config):
    """What was heard before a pause must not be judged together with what is heard after it."""
    microphone = Microphone(microphone_config(make_wav(TONE)), SystemClock())
    heard = []
    for _ in range(3):
        microphone.start()
        blocks = []
        deadline = time.monotonic() + 10
        while len(blocks) < 3 and time.monotonic() < deadline:
            blocks.extend(microphone.take())
            time.sleep(0.01)
        microphone.stop()
        heard.append(blocks)
        time.sleep(0.3)
    assert [[block.lost > 0 for block in blocks[:3]] for blocks in heard] == [[False] * 3, *[[True, False, False]] * 2]
    assert 0.2 * SAMPLE_RATE < heard[1][0].lost < 10 * SAMPLE_RATE


def test_unpaced_file_waits_for_whoever_listens(make_wav, microphone_config):
    microphone = Microphone(microphone_config(make_wav(np.tile(TONE, 20)), paced=False), SystemClock())
    microphone.start()
    time.sleep(0.5)
    heard = sum(len(b.samples) for b in microphone.take())
    assert 0 < heard < 7 * SAMPLE_RATE, "the ring is not filled to the brim"
    while not microphone.ended:
        heard += sum(len(b.samples) for b in microphone.take())
        time.sleep(0.01)
    assert heard == 20 * SAMPLE_RATE
    assert microphone.counters["dropped"] == 0


def test_looping_file_goes_on(make_wav, microphone_config):
    microphone = Microphone(microphone_config(make_wav(TONE[:1600]), paced=False, loop=True), SystemClock())
    microphone.start()
    heard = 0
    while heard < SAMPLE_RATE:
        heard += sum(len(b.samples) for b in microphone.take())
        time.sleep(0.01)
    microphone.stop()
    assert not microphone.ended
    assert microphone.take() == ()


def test_a_looping_file_of_another_format_is_heard_as_it_is(tmp_path, make_wav, microphone_config, until):
    square = np.repeat([0.25, -0.25], 24_000)
    other = make_wav(np.stack([square, square], axis=1), rate=48_000).rename(tmp_path / "b.wav")
    path = make_wav(TONE[:1600])
    microphone = Microphone(microphone_config(path, paced=False, loop=True), SystemClock())
    microphone.start()
    until(microphone.take)
    other.replace(path)
    heard, begun, halves = np.zeros(0), time.monotonic(), np.zeros(0)
    while len(halves) < 4 and time.monotonic() - begun < 10:
        heard = np.concatenate([heard, *(b.samples for b in microphone.take())])
        turns = np.diff(np.flatnonzero(np.diff(heard > 0)))
        halves = turns[turns > 1000]
        time.sleep(0.005)
    microphone.stop()
    assert halves[:4] == pytest.approx(8000, abs=2), "half a second at 48 kHz is half a second"


@pytest.mark.parametrize(
    ("samples", "keys", "words"),
    [(TONE[:0], {}, "nothing usable in it"), (TONE, {"channel": 2}, "set microphone.channel to at most 1")],
)
def test_a_file_without_samples_or_channel_is_told(
    make_wav, microphone_config, quick, until, samples, keys, words
):
    microphone = Microphone(microphone_config(make_wav(samples), **keys), SystemClock(), quick)
    microphone.start()
    until(lambda: microphone.problem != "opening")
    assert microphone.status is SensorStatus.RECONNECTING
    assert words in microphone.problem
    microphone.stop()


def test_factory_knows_none():
    assert open_microphone(default_config(overrides={"microphone.source": "none"})) is None
    assert isinstance(open_microphone(default_config()), Microphone)


def intake(microphone_config, channels=1, rate=SAMPLE_RATE, **keys):
    tally = Tally()
    return Intake(microphone_config("default", **keys), tally, rate=rate, channels=channels), tally


@pytest.mark.parametrize(("channel", "level"), [(None, 0.3), (1, 0.1), (3, 0.5)])
def test_channels_are_averaged_or_one_is_chosen(microphone_config, channel, level):
    taker, _ = intake(microphone_config, channels=3, channel=channel)
    block = taker.block(np.tile(np.float32([0.1, 0.3, 0.5]), (100, 1)), at=1.0)
    assert block.samples == pytest.approx(np.full(100, level))
    assert (block.at, block.clipped, block.samples.dtype) == (1.0, 0.0, np.float32)


def test_gain_is_decibels_and_may_clip(microphone_config):
    taker, tally = intake(microphone_config, gain=20.0)
    block = taker.block(np.float32([[0.05], [0.05], [-0.5], [0.0]]), at=0.0)
    assert block.samples == pytest.approx([0.5, 0.5, -1.0, 0.0])
    assert (block.clipped, tally.clipped) == (0.25, 1)


def test_what_is_no_number_becomes_silence_and_is_counted(microphone_config):
    taker, tally = intake(microphone_config)
    block = taker.block(np.float32([[np.nan], [np.inf], [-np.inf], [0.25], [1e38]]), at=0.0)
    assert block.samples == pytest.approx([0, 0, 0, 0.25, 1])
    assert tally.invalid == 3


def test_full_scale_samples_are_clipped(microphone_config):
    taker, tally = intake(microphone_config)
    block = taker.block(np.float32([[32767 / 32768], [-1.0], [0.9], [0.9]]), at=0.0)
    assert (block.clipped, tally.clipped) == (0.5, 1)
    assert taker.block(np.float32([[0.99]]), at=0.0).clipped == 0


@pytest.mark.parametrize("silent", [0, 1, 7])
def test_a_channel_without_a_microphone_hides_no_clipping(microphone_config, silent):
    taker, _ = intake(microphone_config, channels=1 + silent)
    samples = np.zeros((10, 1 + silent), np.float32)
    samples[:3, 0] = 1.0
    assert taker.block(samples, at=0.0).clipped == pytest.approx(0.3)


def test_gain_clips_what_is_heard_not_one_of_its_channels(microphone_config):
    taker, tally = intake(microphone_config, channels=2, gain=6.0)
    block = taker.block(np.float32([[0.6, 0.0], [0.6, 0.6]] * 4), at=0.0)
    assert block.clipped == 0.5
    assert block.samples == pytest.approx(np.tile([0.6 * 10**0.3 / 2, 1.0], 4), abs=1e-6)
    assert taker.block(np.float32([[0.6, 0.0]]), at=0.0).clipped == 0
    assert tally.clipped == 1


def test_other_rates_become_16_khz(microphone_config):
    taker, _ = intake(microphone_config, rate=48000)
    tone = np.sin(np.arange(48000) * 2 * np.pi * 440 / 48000).astype(np.float32) * 0.5
    parts = [taker.block(part[:, None], 0.0).samples for part in np.array_split(tone, 37)]
    heard = np.concatenate([*parts, taker.rest(0.0).samples])
    assert len(heard) == SAMPLE_RATE
    assert np.abs(heard[200:-200] - TONE[200:-200]).max() < 1e-3


def block(samples, lost=0):
    return AudioBlock(np.zeros(samples, np.float32), 0.0, lost=lost)


def test_ring_drops_the_oldest_and_says_so():
    ring = Ring(capacity=100)
    for lost in (0, 7, 0, 0):
        ring.put(block(40, lost))
    first, second = ring.take()
    assert (first.lost, second.lost) == (40 + 40 + 7, 0)
    assert ring.dropped == 80
    ring.put(block(500))
    (only,) = ring.take()
    assert (len(only.samples), only.lost) == (500, 0)
    assert ring.take() == ()


def test_ring_stays_bounded_when_nobody_listens():
    ring = Ring(capacity=1000)
    for _ in range(500):
        ring.put(block(10))
    blocks = ring.take()
    assert sum(len(b.samples) for b in blocks) == 1000
    assert blocks[0].lost == ring.dropped == 4000


def test_waiting_for_room_ends_with_the_reader():
    ring = Ring(capacity=10)
    ring.put(block(10))
    cancelled = threading.Event()
    waiter = threading.Thread(target=ring.wait_room, args=(cancelled,))
    waiter.start()
    cancelled.set()
    waiter.join(1)
    assert not waiter.is_alive()


def test_channel_beyond_the_device_is_refused(microphone_config):
    with pytest.raises(SourceError, match="at most 2"):
        intake(microphone_config, channels=2, channel=3)
