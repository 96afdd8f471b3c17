"""Other people's programs: how each is installed in an environment of its own, and how it is run.

What a fresh install needs to work at all is named with the peer. One that cannot be installed or run is
reported with the reason.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

INSTALL_TIMEOUT = 1500.0
"""Seconds: TensorFlow alone is half a gigabyte."""

RUN_TIMEOUT = 900.0
"""Seconds."""

REASON = 160
"""Characters of an error that are worth a cell of the table."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One program."""

    name: str
    packages: tuple[str, ...]
    """What pip or npm is asked to install."""
    repairs: str = ""
    """What of that a plain install does not bring, and why it is needed."""
    node: bool = False


PEERS = (
    Peer("mediapipe", ("mediapipe==0.10.21",), "FaceMesh: landmarks, no emotions; later wheels lack it"),
    Peer("fer", ("fer==25.10.3", "opencv-python<4.12", "opencv-contrib-python<4.12", "moviepy<2", "setuptools<81",
                 "numpy<2", "tensorflow==2.15.1", "werkzeug", "requests", "tqdm", "pandas", "Pillow"),
         "older OpenCV, moviepy and setuptools: a plain install fails at import"),
    Peer("deepface", ("deepface", "tf-keras<2.16", "tensorflow==2.15.1", "numpy<2", "opencv-python<4.12", "werkzeug"),
         "older OpenCV and TensorFlow; weights come from GitHub at the first run"),
    Peer("human", ("@vladmandic/human@3.3.6", "@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0"),
         "WebAssembly backend in Node", node=True),
)


class PeerError(Exception):
    """A peer could not be installed or run; the message is the reason, in one line."""


def peer(name: str) -> Peer:
    """The peer of that name; KeyError where there is none."""
    found = next((each for each in PEERS if each.name == name), None)
    if found is None:
        raise KeyError(f"{name}: no such peer; there are {', '.join(each.name for each in PEERS)}")
    return found


def build(what: Peer, folder: Path) -> Path:
    """Make the peer's environment below `folder` unless it is there; returns its place, raises PeerError."""
    place = folder / what.name
    if (place / ".ready").exists():
        return place
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if what.node:
        (place / "package.json").write_text('{"private": true}\n')
        _run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *what.packages], place, INSTALL_TIMEOUT)
    else:
        _run([sys.executable, "-m", "venv", str(place)], folder, INSTALL_TIMEOUT)
        _run([str(place / "bin/pip"), "install", "-q", *what.packages], folder, INSTALL_TIMEOUT)
    (place / ".ready").touch()
    return place


def run(what: Peer, place: Path, frames: Path, *, pinned: bool) -> dict[str, Any]:
    """Let the peer look at the frames in `frames` (raw BGR, 640 x 480); what it measured. Raises PeerError."""
    if what.node:
        shutil.copy(HERE / "peer_human.mjs", place)
        command = ["node", str(place / "peer_human.mjs"), str(frames)]
    else:
        command = [str(place / "bin/python"), str(HERE / "peer_loop.py"), what.name, str(frames)]
    said = _run(command, place, RUN_TIMEOUT, pinned=pinned)
    try:
        result: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise PeerError(f"said nothing that can be read: {_short(said)}") from error
    result["installed_mb"] = sum(f.stat().st_size for f in place.rglob("*") if f.is_file() and not f.is_symlink()) / 1e6
    return result


def _run(command: list[str], folder: Path, timeout: float, *, pinned: bool = False) -> str:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "GLOG_minloglevel": "3", "CUDA_VISIBLE_DEVICES": ""}
    environment.pop("PYTHONPATH", None)
    if pinned:
        command = ["taskset", "-c", str(max(os.sched_getaffinity(0))), *command]
        environment |= {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )
    except FileNotFoundError as error:
        raise PeerError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"{Path(command[0]).name} took longer than {timeout:.0f} s") from error
    if done.returncode:
        raise PeerError(_short(done.stderr or done.stdout or f"exit code {done.returncode}"))
    return done.stdout


def _short(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    errors = [line for line in lines if "rror" in line]
    return (errors or lines or ["no output"])[-1][:REASON]
