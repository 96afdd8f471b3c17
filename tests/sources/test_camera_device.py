"""A Video4Linux device through OpenCV's own V4L2 code: formats, unplugging, silence, a frozen picture."""

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """The preloaded library that plays the driver; PyAudio needs the same compiler."""
    built = tmp_path_factory.mktemp("shim") / "fake_camera.so"
    compiler = shutil.which("cc") or "gcc"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", built, HERE / "fake_camera.c", "-ldl"], check=True)
    return built


class Watched:
    """A camera in /dev, seen by a process of its own."""

    def __init__(self, shim, device, **keys):
        self.device = device
        self.mode("l")
        overrides = {"camera.source": str(device), **{f"camera.{key}": value for key, value in keys.items()}}
        self.process = subprocess.Popen(
            [sys.executable, HERE / "watcher.py", json.dumps(overrides)],
            env={**os.environ, "LD_PRELOAD": str(shim), "FAKE_CAMERA": str(device)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines = queue.Queue()
        threading.Thread(target=lambda: [self.lines.put(json.loads(x)) for x in self.process.stdout], daemon=True).start()

    def mode(self, letter):
        Path(f"{self.device}.mode").write_text(letter)

    def expect(self, status, timeout=10.0, problem=""):
        begun = time.monotonic()
        while True:
            line = self.lines.get(timeout=timeout)
            if line["status"] == status and (line.get("problem") or "").startswith(problem):
                return time.monotonic() - begun, line

    def stop(self):
        self.process.stdin.close()
        _, line = self.expect("offline")
        self.mode("u")
        self.process.wait(10)
        return line, self.process.stderr.read()


@pytest.fixture
def device():
    """A file that lies where devices lie, with the two pictures that the camera sends as MJPG."""
    path = Path(f"/dev/shm/video-{os.getpid()}")
    path.touch()
    for number, level in enumerate((30, 200)):
        cv2.imwrite(f"{path}.{number}.jpg", np.full((240, 320, 3), level, np.uint8))
    yield path
    for left in path.parent.glob(path.name + "*"):
        left.unlink()


@pytest.mark.parametrize(("fourcc", "levels"), [("MJPG", [30, 200]), ("YUYV", [28, 121])])
def test_pictures_arrive_in_the_format_and_size_asked(shim, device, fourcc, levels):
    watched = Watched(shim, device, fourcc=fourcc, size="320x240")
    watched.expect("online")
    time.sleep(0.5)
    line, errors = watched.stop()
    assert errors == ""
    assert line["shape"] == [240, 320, 3]
    assert len(line["levels"]) == 2
    assert np.abs(np.subtract(line["levels"], levels)).max() <= 2
    assert line["counters"]["invalid"] == 0
    assert line["stopped"] < 1


@pytest.mark.parametrize(
    ("letter", "words"), [("u", "no picture comes any more"), ("s", "nothing came"), ("f", "nothing new for 4 s")]
)
def test_losses_are_noticed_within_5_s_and_repaired(shim, device, letter, words):
    watched = Watched(shim, device)
    watched.expect("online")
    watched.mode(letter)
    seconds, line = watched.expect("reconnecting", timeout=6)
    assert seconds < 5
    assert line["problem"].startswith(words)
    if letter == "u":
        watched.expect("reconnecting", problem=f"{device}: cannot be opened as a camera")
    watched.mode("l")
    watched.expect("online", timeout=20)
    line, _ = watched.stop()
    assert line["counters"]["reopened"] == 1


def test_stop_does_not_wait_for_a_silent_camera(shim, device):
    watched = Watched(shim, device)
    watched.expect("online")
    watched.mode("s")
    time.sleep(0.3)
    line, _ = watched.stop()
    assert line["stopped"] < 1
