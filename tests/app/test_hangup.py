"""The daemon whose terminal goes away, as that of an ssh session does."""

import os
import pty
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.broker


@pytest.fixture
def file(broker, clip, tmp_path):
    """A configuration that plays the clip for ever."""
    file = tmp_path / "config.yaml"
    file.write_text(
        f"deployment: {{context: home}}\ndevice: {{id: unit-1}}\ncamera: {{source: {clip}, loop: true}}\n"
        f"microphone: {{source: none}}\nmqtt: {{host: 127.0.0.1, port: {broker.port}}}\n"
    )
    return file


def test_a_terminal_that_goes_away_ends_it_in_good_order(broker, listen, file):
    listener = listen(broker.port)
    ours, theirs = pty.openpty()
    # It leads a session of its own, with this terminal.
    unit = subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-m", "emoedge", "run", "--config", str(file)],
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    try:
        listener.wait("event", where=lambda item: item.json["event_type"] == "emotion_start", timeout=30)
        os.close(ours)
        assert unit.wait(10) == 0
    finally:
        unit.kill()
        unit.wait()
    listener.wait("status", where=lambda item: item.body == b"offline")
    assert [item.json["event_type"] for item in listener.on("event")][-2:] == ["emotion_end", "person_left"]
    assert listener.on("emotion")[-1].json["people"] == 0


def test_nohup_keeps_it_running(broker, listen, file):
    listener = listen(broker.port)
    unit = subprocess.Popen(
        ["nohup", sys.executable, "-m", "emoedge", "run", "--config", str(file)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        listener.wait("status", where=lambda item: item.body == b"online")
        unit.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            unit.wait(2)
        unit.send_signal(signal.SIGTERM)
        assert unit.wait(10) == 0
    finally:
        unit.kill()
        unit.wait()
