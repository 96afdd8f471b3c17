"""The bundled clip: what is in it, and that every machine can read it."""

from __future__ import annotations

import wave
from importlib import resources
from itertools import pairwise

import cv2
import numpy as np
import pytest

ASSETS = resources.files("emoedge") / "assets"


@pytest.fixture(scope="module")
def pictures():
    with resources.as_file(ASSETS / "demo.mp4") as path:
        capture = cv2.VideoCapture(str(path))
        assert capture.get(cv2.CAP_PROP_FPS) == 15
        read = []
        while (answer := capture.read())[0]:
            read.append(answer[1])
        capture.release()
    return read


@pytest.fixture(scope="module")
def sound():
    with (ASSETS / "demo.wav").open("rb") as file, wave.open(file) as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (16_000, 1, 2)
        return np.frombuffer(reader.readframes(reader.getnframes()), "<i2") / 32768


def level(sound, start, end):
    """Root mean square between two seconds, dB of full scale."""
    return 20 * np.log10(np.sqrt(np.mean(sound[int(start * 16_000) : int(end * 16_000)] ** 2)))


def test_both_files_together_are_under_a_megabyte():
    assert sum(len((ASSETS / name).read_bytes()) for name in ("demo.mp4", "demo.wav")) < 1_000_000


def test_the_clip_has_the_length_that_leaves_the_demo_its_30_seconds(pictures, sound):
    assert len(pictures) == 225
    assert {picture.shape for picture in pictures} == {(480, 640, 3)}
    assert len(sound) == 15 * 16_000


def test_nobody_is_there_then_one_face_then_nobody(pictures):
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    found = [
        len(cascade.detectMultiScale(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), 1.2, 4, minSize=(60, 60)))
        for picture in pictures[::3]
    ]
    before, within, after = found[:9], found[14:60], found[68:]
    assert not any(before)
    assert not any(after)
    assert within.count(1) >= len(within) - 1
    assert max(found) == 1


def test_the_empty_room_stands_still_and_the_person_moves(pictures):
    def change(start, end):
        gray = [cv2.cvtColor(p, cv2.COLOR_BGR2GRAY).astype(np.float32) for p in pictures[start:end]]
        return np.mean([np.abs(a - b).mean() for a, b in pairwise(gray)])

    assert change(0, 20) < 0.5
    assert change(205, 225) < 0.5
    assert change(60, 180) > 0.5


def test_a_voice_speaks_only_in_the_middle(sound):
    assert level(sound, 0, 4.5) < -60
    assert level(sound, 5, 8) > -30
    assert level(sound, 9, 15) < -60
    assert np.abs(sound).max() < 0.99


def test_origin_and_terms_lie_beside_the_clip():
    text = (ASSETS / "README.md").read_text()
    for part in ("public domain", "Carnegie Mellon University", "Permission to use", "DISCLAIM"):
        assert part in text
