"""Moments to show, a server to ask, and the command in a process of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

import emoedge
from emoedge.emotions import CANONICAL, Scores
from emoedge.judging.judgement import Opinion
from emoedge.messages import Box, Mode
from emoedge.view.moment import Mark, Moment
from emoedge.view.screen import Screen
from emoedge.view.server import PageServer

ASSETS = Path(emoedge.__file__).parent / "assets"


def opinion(label, p=0.88):
    values = np.array([p if c == label else (1 - p) / 6 for c in CANONICAL])
    return Opinion.of(Scores(values, np.ones(7, bool)), 0.9, None, 0.1)


def moment(at=0.0, label="happy", box=(60, 50, 40, 40), **changes):
    said = opinion(label)
    mark = Mark(Box(*box), "face-1", said, main=True)
    members = {"mode": Mode.FACE_ONLY, "people": 1, "subject": "face-1", "face": said, "fused": said, "marks": (mark,)}
    return Moment(at, **{**members, **changes})


@pytest.fixture(name="opinion")
def opinion_fixture():
    return opinion


@pytest.fixture(name="moment")
def moment_fixture():
    return moment


class Page:
    """A server in a thread, and requests to it."""

    def __init__(self, listen="127.0.0.1", token=None):
        self.screen = Screen()
        about = {"video": "film.mp4", "audio": "none", "models": ["tiny 1"]}
        self.server = PageServer(self.screen, listen=listen, port=0, token=token, about=about)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def open(self, path, **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=names), timeout=20
        )

    def status(self, path, **headers):
        try:
            with self.open(path, **headers) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def close(self):
        self.screen.close()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def serve():
    """Start page servers: serve(listen=..., token=...)."""
    with contextlib.ExitStack() as stack:

        def start(**options):
            page = Page(**options)
            stack.callback(page.close)
            return page

        yield start


class View:
    """`emoedge view` that serves."""

    def __init__(self, errors, *arguments):
        self.errors = errors.open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "emoedge", "view", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=self.errors, text=True, cwd=errors.parent,
            env={**os.environ, "HOME": str(errors.parent), "TMPDIR": str(errors.parent)},
        )  # fmt: skip
        self.url = self.process.stdout.readline().strip()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(10)

    @property
    def said(self):
        self.errors.seek(0)
        return self.errors.read()


@pytest.fixture
def view(tmp_path):
    """Start the command: view("film.mp4", ...); it is killed in the end."""
    started = []

    def start(*arguments):
        started.append(View(tmp_path / f"view-{len(started)}.err", *arguments))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        one.process.stdout.close()
        one.errors.close()


@pytest.fixture
def emoedge_view(tmp_path):
    """Run the command to its end."""

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "emoedge", "view", *map(str, arguments)],
            capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def demo():
    return ASSETS / "demo.mp4", ASSETS / "demo.wav"


@pytest.fixture
def torn(demo, tmp_path):
    """The sound of the bundled clip, broken off in its middle."""
    path = tmp_path / "torn.flac"
    soundfile.write(path, *soundfile.read(demo[1]))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.fixture(scope="session")
def smile():
    """A frame of the bundled clip: a woman who smiles."""
    film = cv2.VideoCapture(str(ASSETS / "demo.mp4"))
    film.set(cv2.CAP_PROP_POS_MSEC, 7000)
    return film.read()[1]


@pytest.fixture
def photographs(tmp_path, smile):
    """A folder with a face, an empty room, a broken file and another face, larger."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    cv2.imwrite(str(folder / "1-smile.jpg"), smile)
    cv2.imwrite(str(folder / "2-empty.png"), np.full((300, 400, 3), 120, np.uint8))
    (folder / "3-broken.jpg").write_bytes(b"\xff\xd8\xff" + bytes(99))
    cv2.imwrite(str(folder / "10-large.jpg"), cv2.resize(smile, None, fx=2, fy=2))
    return folder
