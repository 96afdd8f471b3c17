"""A real capture: PyAudio, ALSA and a PulseAudio whose null sink plays the part of the room."""

import json
import queue
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from emoedge.messages import SAMPLE_RATE

pytestmark = pytest.mark.microphone


class Listener:
    def __init__(self, pulse, tmp_path, source="default", stall=1.0, channel=None):
        self.file = tmp_path / "heard.npy"
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "listener.py"), source, str(stall), str(self.file), json.dumps(channel)],
            env=pulse.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines = queue.Queue()
        threading.Thread(target=lambda: [self.lines.put(json.loads(x)) for x in self.process.stdout], daemon=True).start()

    def expect(self, status, timeout=10.0, problem=""):
        """Seconds until this status, and a problem that begins so, was told; and the line."""
        begun = time.monotonic()
        while True:
            line = self.lines.get(timeout=timeout)
            if line["status"] == status and (line.get("problem") or "").startswith(problem):
                return time.monotonic() - begun, line

    def stop(self):
        self.process.stdin.close()
        _, line = self.expect("offline")
        self.process.wait(10)
        return line, np.load(self.file), self.process.stderr.read()


@pytest.fixture
def voice(tmp_path):
    """Two seconds of noise with a rhythm, which correlates with itself at one place only."""
    rng = np.random.default_rng(1)
    samples = np.convolve(rng.normal(0, 0.2, 2 * SAMPLE_RATE), np.ones(8) / 8, "same") * (np.arange(2 * SAMPLE_RATE) % 4000 > 900)
    path = tmp_path / "voice.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path, samples


def test_what_is_played_is_heard(pulse, tmp_path, voice):
    path, played = voice
    listener = Listener(pulse, tmp_path)
    listener.expect("online")
    assert pulse.play(path).wait(20) == 0
    time.sleep(0.5)
    line, heard, errors = listener.stop()
    assert errors == ""
    assert line["stopped"] < 1
    assert line["counters"]["delivered"] == len(heard) > len(played)
    assert line["counters"]["dropped"] == line["counters"]["invalid"] == 0
    match = np.correlate(heard, played, "valid")
    at = int(match.argmax())
    assert np.corrcoef(heard[at : at + len(played)], played)[0, 1] > 0.99


@pytest.mark.parametrize("pulse", [2], indirect=True, ids=["stereo"])
@pytest.mark.parametrize("channel", [None, 1, 2])
def test_a_balanced_line_is_heard_through_a_sound_server_too(pulse, tmp_path, voice, channel):
    """Whose plugin would average both its channels, were it opened with one."""
    path, played = voice
    both = np.stack([played, -played], axis=1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((both * 32767).astype("<i2").tobytes())
    listener = Listener(pulse, tmp_path, channel=channel)
    listener.expect("online")
    assert pulse.play(path).wait(20) == 0
    time.sleep(0.5)
    _, heard, errors = listener.stop()
    assert ("cancel each other" in errors) is (channel is None)
    match = np.correlate(heard, played if channel != 2 else -played, "valid")
    at = int(match.argmax()) + SAMPLE_RATE // 5  # what came before it was found out
    said = (played if channel != 2 else -played)[SAMPLE_RATE // 5 :]
    assert np.corrcoef(heard[at : at + len(said)], said)[0, 1] > 0.99


def test_a_stalled_server_is_noticed_and_survived(pulse, tmp_path):
    listener = Listener(pulse, tmp_path, stall=1.0)
    listener.expect("online")
    pulse.freeze()
    seconds, line = listener.expect("reconnecting", timeout=5)
    assert 0.5 < seconds < 3
    assert "nothing came" in line["problem"]
    pulse.thaw()
    listener.expect("online")
    line, _, _ = listener.stop()
    assert line["counters"]["reopened"] == 1


def test_a_vanished_server_is_noticed_and_found_again(pulse, tmp_path):
    listener = Listener(pulse, tmp_path, stall=2.0)
    listener.expect("online")
    pulse.stop()
    seconds, line = listener.expect("reconnecting", timeout=5)
    assert seconds < 5
    assert line["problem"]
    pulse.start()
    listener.expect("online", timeout=20)
    line, _, _ = listener.stop()
    assert line["counters"]["reopened"] == 1


def test_stop_does_not_wait_for_a_blocked_read(pulse, tmp_path):
    listener = Listener(pulse, tmp_path, stall=30)
    listener.expect("online")
    pulse.freeze()
    time.sleep(0.5)
    listener.process.stdin.close()
    _, line = listener.expect("offline", timeout=5)
    assert line["stopped"] < 1
    pulse.thaw()
    listener.process.wait(10)


def test_an_unknown_name_lists_those_there_are(pulse, tmp_path):
    listener = Listener(pulse, tmp_path, source="no such thing")
    _, line = listener.expect("reconnecting", problem="no such thing: no such microphone; there are ")
    assert "default" in line["problem"]
    listener.stop()


def test_devices_lists_the_name_that_the_config_takes(pulse, tmp_path):
    listing = subprocess.run(
        [sys.executable, "-m", "emoedge", "devices", "--json"],
        env=pulse.environment, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert listing.stderr == ""
    names = [m["source"] for m in json.loads(listing.stdout)["microphones"]]
    assert "pulse" in names
    listener = Listener(pulse, tmp_path, source="pulse")
    listener.expect("online")
    listener.stop()
