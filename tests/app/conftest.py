"""Running the command as its users do: in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "emoedge" / "assets"


class Daemon:
    """`emoedge run` with a configuration of one's own."""

    def __init__(self, config: Path):
        self.errors = config.with_suffix(".err").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "emoedge", "run", "--config", str(config)],
            stdout=subprocess.PIPE, stderr=self.errors, cwd=config.parent, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def stop(self, number=signal.SIGTERM, timeout=10.0):
        """Exit code, and seconds that the end took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout)
        return code, time.monotonic() - begun

    @property
    def said(self):
        self.errors.seek(0)
        return self.errors.read()


@pytest.fixture
def daemon(tmp_path):
    """Start daemons: daemon(text of the config); all are killed in the end."""
    running = []

    def start(text):
        config = tmp_path / f"config-{len(running)}.yaml"
        config.write_text(text)
        running.append(Daemon(config))
        return running[-1]

    yield start
    for one in running:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def emoedge(tmp_path):
    """Run a command to its end: emoedge("replay", ...) gives a CompletedProcess."""

    def run(*arguments, **options):
        return subprocess.run(
            [sys.executable, "-m", "emoedge", *map(str, arguments)],
            capture_output=True, text=True, cwd=options.pop("cwd", tmp_path), timeout=120, check=False, **options,
        )  # fmt: skip

    return run


@pytest.fixture
def clip():
    return ASSETS / "demo.mp4"


@pytest.fixture
def voice():
    return ASSETS / "demo.wav"


@pytest.fixture
def short_film(tmp_path):
    """Two seconds of moving noise at 15 Hz."""
    path = tmp_path / "short.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 15, (320, 240))
    random = np.random.default_rng(0)
    for _ in range(30):
        writer.write(random.integers(0, 256, (240, 320, 3), dtype=np.uint8))
    writer.release()
    return path
