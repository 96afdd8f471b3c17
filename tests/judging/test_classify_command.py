"""`emoedge classify`: a line for each file, and clear words for what cannot be read."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import emoedge

ASSETS = Path(emoedge.__file__).parent / "assets"


@pytest.fixture
def classify(tmp_path):
    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "emoedge", "classify", *map(str, arguments)],
            capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.splitlines()

    return run


@pytest.fixture
def photograph(tmp_path):
    film = cv2.VideoCapture(str(ASSETS / "demo.mp4"))
    film.set(cv2.CAP_PROP_POS_MSEC, 7000)
    path = tmp_path / "smile.jpg"
    cv2.imwrite(str(path), film.read()[1])
    return path


def test_a_photograph_and_a_phrase(classify, photograph):
    code, (face, speech), errors = classify(photograph, ASSETS / "demo.wav")
    assert (code, errors) == (0, [])
    assert (face["file"], face["modality"], face["label"]) == (str(photograph), "face", "happy")
    assert len(face["faces"]) == 1
    assert speech["modality"] == "speech"
    assert abs(sum(speech["scores"].values()) - 1) < 0.01
    for line in (face, speech):
        assert {"label", "scores", "valence", "arousal", "quality", "reason", "confidence", "model"} <= line.keys()


def test_a_name_that_is_no_utf_8(classify, photograph, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:strict")  # as it is wherever the locale names a language
    odd = photograph.with_name("l\udce4cheln.jpg")  # as an old camera or a Windows archive wrote it
    photograph.rename(odd)
    code, (line,), errors = classify(odd)
    assert (code, errors) == (0, [])
    assert line["file"] == str(odd)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8:strict"])
def test_a_name_that_the_terminal_cannot_show(classify, photograph, monkeypatch, encoding):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    odd = photograph.with_name("Lächeln \N{CJK UNIFIED IDEOGRAPH-4EBA} \N{GRINNING FACE}.jpg")
    photograph.rename(odd)
    code, (line,), errors = classify(odd)
    assert (code, errors) == (0, [])
    assert line["file"] == str(odd)


def test_unreadable_files_are_told_and_the_others_judged(classify, photograph, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("neither")
    code, lines, errors = classify("gone.jpg", "broken.png", photograph, "empty.wav", "notes.txt", ASSETS / "demo.mp4")
    assert code == 65
    assert [line["label"] for line in lines] == ["happy"]
    assert len(errors) == 5
    for name in ("gone.jpg", "broken.png", "empty.wav", "notes.txt", "demo.mp4"):
        assert sum(name in error for error in errors) == 1


def test_a_sound_without_the_channel_to_be_heard_is_one_of_them(classify, photograph, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("microphone: {channel: 2}\n")
    mono = ASSETS / "demo.wav"
    code, lines, errors = classify(mono, photograph, "--config", config)
    assert code == 65
    assert [line["file"] for line in lines] == [str(photograph)]
    assert errors == [f"{mono}: no channel 2 there; set microphone.channel to at most 1"]


def test_a_cut_out_face_without_a_find_is_told(classify, tmp_path):
    noise = np.random.default_rng(0).integers(60, 200, (48, 48), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "face.png"), noise)
    code, (line,), errors = classify("face.png")
    assert (code, line["label"], line["reason"], line["faces"]) == (0, "unknown", "no_face", [])
    assert len(errors) == 1
    assert "--crop" in errors[0]
    code, (line,), errors = classify("--crop", "face.png")
    assert (code, errors) == (0, [])
    assert line["faces"][0]["box"] == [0, 0, 48, 48]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "nothing.tflite"), "nothing.tflite"),
        (("--model", "./broken.tflite"), "broken.tflite"),
        (("--model", "face", "--model", "face"), "a second face model"),
        (("--config", "c.yaml"), "models.face: none"),
    ],
)
def test_refused_models_end_with_78(classify, photograph, tmp_path, arguments, words):
    (tmp_path / "broken.tflite").write_bytes(b"TFL3 nonsense")
    (tmp_path / "c.yaml").write_text("models: {face: none}\n")
    code, lines, errors = classify(photograph, *arguments)
    assert (code, lines) == (78, [])
    assert len(errors) == 1
    assert words in errors[0]


def test_usage(classify):
    assert classify()[0] == 2
