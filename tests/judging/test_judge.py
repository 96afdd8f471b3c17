"""Single photographs and recorded phrases through the Python interface."""

import subprocess
import sys
import wave
from pathlib import Path

import cv2
import numpy as np
import pytest

import emoedge
from emoedge import load_model
from emoedge.config import default_config
from emoedge.emotions import CANONICAL, Reason, Scores
from emoedge.errors import MediaError, ModelError
from emoedge.judging.judge import modality_of
from emoedge.judging.judgement import Opinion
from emoedge.judging.phrase import blocks_of
from emoedge.messages import Modality

ASSETS = Path(emoedge.__file__).parent / "assets"


def read_wave(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()


@pytest.fixture(scope="module")
def smile():
    """A frame of the bundled clip: a woman who smiles, her face about 150 px wide at (252, 142)."""
    film = cv2.VideoCapture(str(ASSETS / "demo.mp4"))
    film.set(cv2.CAP_PROP_POS_MSEC, 7000)
    return film.read()[1]


@pytest.fixture(scope="module")
def face_model():
    return load_model("face")


@pytest.fixture(scope="module")
def speech_model():
    return load_model("speech.tflite")


def test_importing_emoedge_is_cheap():
    code = "import emoedge, sys; print([m for m in ('numpy', 'cv2', 'yaml') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = emoedge.nothing_like_it


def test_a_smile(face_model, smile):
    said = face_model.classify_image(smile)
    assert (said.label, said.reason, said.modality) == ("happy", None, Modality.FACE)
    assert said.valence > 0.3
    (face,) = said.faces
    assert face.opinion is said.opinion
    assert abs(face.box.x - 252) < 25
    assert abs(face.box.width - 150) < 40


def test_all_faces_the_largest_first(face_model, smile):
    small = cv2.resize(smile, None, fx=0.5, fy=0.5)
    wide = np.full((480, 1000, 3), 160, np.uint8)
    wide[120:360, :320] = small
    wide[:, 340:980] = smile
    said = face_model.classify_image(wide)
    assert len(said.faces) == 2
    areas = [face.box.area for face in said.faces]
    assert areas == sorted(areas, reverse=True)
    assert said.faces[0].box.x > 340 > said.faces[1].box.x
    assert said.opinion is said.faces[0].opinion


def test_a_large_photograph_is_searched_small_and_cut_out_large(face_model, smile):
    said = face_model.classify_image(cv2.resize(smile, None, fx=5, fy=5))
    assert said.label == "happy"
    assert abs(said.faces[0].box.width - 750) < 200


@pytest.mark.parametrize("shape", ["gray", "bgra", "uint16", "float"])
def test_pictures_as_opencv_has_them(face_model, smile, shape):
    pictures = {
        "gray": cv2.cvtColor(smile, cv2.COLOR_BGR2GRAY), "bgra": cv2.cvtColor(smile, cv2.COLOR_BGR2BGRA),
        "uint16": smile.astype(np.uint16) << 8, "float": smile / 255,
    }  # fmt: skip
    assert face_model.classify_image(pictures[shape]).label == "happy"


def test_a_model_that_tells_nothing_is_no_opinion(face_model, smile, monkeypatch):
    monkeypatch.setattr(face_model._model, "classify", lambda _features: None)
    said = face_model.classify_image(smile)
    assert (said.label, said.reason, said.scores, len(said.faces)) == ("unknown", Reason.LOW_MARGIN, None, 1)


def test_no_face_is_not_neutral(face_model):
    said = face_model.classify_image(np.full((200, 300, 3), 90, np.uint8))
    assert (said.label, said.reason, said.scores, said.faces) == ("unknown", Reason.NO_FACE, None, ())
    assert (said.confidence, said.valence) == (0.0, None)


def test_crop_judges_the_whole_picture(face_model, smile):
    face = cv2.resize(smile[142:292, 252:402], (64, 64))
    said = face_model.classify_image(face, crop=True)
    assert said.label == "happy"
    box = said.faces[0].box
    assert (box.x, box.y, box.width, box.height) == (0, 0, 64, 64)


def test_too_small_a_crop_abstains(face_model, smile):
    said = face_model.classify_image(cv2.resize(smile[142:292, 252:402], (20, 20)), crop=True)
    assert (said.label, said.reason) == ("unknown", Reason.FACE_TOO_SMALL)


@pytest.mark.parametrize("image", [None, np.zeros((5, 5, 3), np.uint8), np.zeros((40, 40, 2), np.uint8), "face.jpg"])
def test_no_picture_is_refused(face_model, image):
    with pytest.raises(MediaError, match="expected gray, BGR or BGRA"):
        face_model.classify_image(image)


def test_a_huge_picture_is_refused(face_model, huge):
    with pytest.raises(MediaError, match=r"huge\.png: more pixels than can be decoded"):
        face_model.classify_file(huge)


def test_a_phrase_in_memory_is_judged_as_its_file(speech_model):
    samples, rate = read_wave(ASSETS / "demo.wav")
    from_file = speech_model.classify_file(ASSETS / "demo.wav")
    from_memory = speech_model.classify_sound(samples, rate)
    assert from_file.modality is Modality.SPEECH
    assert from_file.windows
    assert any(window.counted for window in from_file.windows)
    np.testing.assert_allclose(from_memory.scores.values, from_file.scores.values, atol=0.02)
    floats = speech_model.classify_sound(np.stack([samples, samples], 1) / 32768, rate)
    np.testing.assert_allclose(floats.scores.values, from_memory.scores.values, atol=0.02)


def test_recordings_do_not_hear_each_other(speech_model):
    samples, rate = read_wave(ASSETS / "demo.wav")
    first = speech_model.classify_sound(samples, rate).as_dict()
    assert speech_model.classify_sound(samples, rate).as_dict() == first


def test_a_recording_that_ends_amid_speech_is_judged_to_its_end(speech_model):
    samples, rate = read_wave(ASSETS / "demo.wav")
    cut = samples[: round(7.2 * rate)]
    said = speech_model.classify_sound(cut, rate)
    assert said.windows[-1].end == pytest.approx(7.2, abs=0.15)


def test_silence_is_no_voice(speech_model):
    said = speech_model.classify_sound(np.zeros(16000), 16000)
    assert (said.label, said.reason, said.scores, said.windows) == ("unknown", Reason.NO_VOICE, None, ())


@pytest.mark.parametrize(
    ("samples", "rate"),
    [(np.zeros(0), 16000), (np.zeros((2, 2, 2)), 16000), (np.zeros(99, complex), 16000), (np.zeros(99), 0),
     (np.zeros(99), 16000.5), (np.zeros((2, 16000)), 16000)],
)  # fmt: skip
def test_no_sound_is_refused(speech_model, samples, rate):
    with pytest.raises(MediaError, match="expected"):
        speech_model.classify_sound(samples, rate)


def test_a_sound_without_the_channel_to_be_heard_is_refused():
    config = default_config(overrides={"microphone.channel": 2})
    with pytest.raises(MediaError, match="the sound: no channel 2 there"):
        blocks_of(np.zeros(100), 16000, config)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32])
def test_full_scale_is_that_of_the_integers(dtype):
    limits = np.iinfo(dtype)
    config = default_config()
    at_the_end = np.full(1600, limits.max, dtype)
    below = np.full(1600, limits.max - max(1, limits.max // 2**16), dtype)
    assert max(block.clipped for block in blocks_of(at_the_end, 16000, config)) == 1
    assert max(block.clipped for block in blocks_of(below, 16000, config)) == 0


def test_each_model_refuses_the_other_sense(face_model, speech_model, smile):
    with pytest.raises(ModelError, match="load a speech model"):
        face_model.classify_sound(np.zeros(16000), 16000)
    with pytest.raises(ModelError, match="load a face model"):
        speech_model.classify_image(smile)
    with pytest.raises(ModelError, match="load a speech model"):
        face_model.classify_file(ASSETS / "demo.wav")
    with pytest.raises(ModelError, match="a face model where a speech model"):
        load_model("face", "speech")


def test_the_margin_comes_from_the_config(smile):
    config = default_config(overrides={"fusion.margin": 1.0})
    said = load_model("face", config=config).classify_image(smile)
    assert (said.label, said.reason) == ("unknown", Reason.LOW_MARGIN)
    assert said.scores is not None


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.jpg", b"whatever", Modality.FACE),
        ("a.WAV", b"whatever", Modality.SPEECH),
        ("recording", b"RIFF\x00\x00\x00\x00WAVE", Modality.SPEECH),
        ("recording", b"OggS", Modality.SPEECH),
        ("memo.m4a", b"\0\0\0 ftypM4A ", Modality.SPEECH),
    ],
)
def test_what_a_file_is(tmp_path, name, head, kind):
    path = tmp_path / name
    path.write_bytes(head)
    assert modality_of(str(path)) is kind


def test_a_film_is_neither(tmp_path):
    (tmp_path / "a.avi").write_bytes(b"RIFF\0\0\0\0AVI LIST")
    with pytest.raises(MediaError, match="`emoedge replay` and `emoedge view` take films"):
        modality_of(str(tmp_path / "a.avi"))


def test_pictures_without_an_ending_are_known(tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(cv2.imencode(".png", np.zeros((20, 20, 3), np.uint8))[1].tobytes())
    assert modality_of(str(path)) is Modality.FACE


def test_opinions():
    even = Scores(np.full(7, 1 / 7), np.ones(7, bool))
    assert Opinion.of(even, 0.5, None, 0.1).as_dict()["reason"] == "low_margin"
    sure = Scores.from_labels(CANONICAL, np.eye(7)[4])
    assert Opinion.of(sure, 0.5, None, 0.1).as_dict() == {
        "label": "sad", "reason": None, "confidence": 1.0,
        "scores": {c: float(c == "sad") for c in CANONICAL}, "valence": -0.72, "arousal": -0.4, "quality": 0.5,
    }  # fmt: skip
