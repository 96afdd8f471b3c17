"""`run` and `replay` name every model that is refused, not only the first."""

import cv2
import numpy as np
import pytest

from emoedge import cli
from emoedge.config import default_config
from emoedge.config.origin import placed
from emoedge.errors import ConfigError, ModelError
from emoedge.pipeline import load_models


def test_both_are_named():
    overrides = {"models.face": "speech.tflite", "models.speech": "nowhere.tflite"}
    with pytest.raises(ModelError) as caught:
        load_models(default_config("demo", overrides=overrides))
    face, speech = str(caught.value).splitlines()
    assert "a speech model where a face model is expected" in face
    assert face.startswith("models.face: ")
    assert speech.startswith("models.speech: nowhere.tflite: no such model file")


def test_a_sense_that_is_off_cannot_be_wrong():
    models = load_models(default_config("demo", overrides={"models.face": "nowhere.tflite"}), camera=False)
    assert models.face is None
    assert models.speech is not None


@pytest.mark.parametrize("asked", [4.0, 10.0])
def test_no_more_voice_is_asked_for_than_a_window_holds(asked):
    config = default_config("demo", overrides={"speech.min_voice": asked})
    with pytest.raises(ConfigError, match=rf"^speech.min_voice: {asked:g}: expected less than 2.985 s, "):
        load_models(config, camera=False)
    assert load_models(config, camera=False, microphone=False).speech is None


def test_check_refuses_what_run_refuses(tmp_path, capsys):
    path = tmp_path / "config.yaml"
    path.write_text("deployment: {context: demo}\ncamera: {source: none}\nspeech: {min_voice: 4}\n")
    assert cli.main(["check", "--config", str(path)]) == 78
    assert capsys.readouterr().err.startswith(f"{path}:3: speech.min_voice: 4: expected less than 2.985 s")
    path.write_text(path.read_text().replace("min_voice: 4", "min_voice: 2"))
    assert cli.main(["check", "--config", str(path)]) == 0


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["run"], ["face", "speech"]),
        (["check"], ["face", "speech"]),
        (["replay", "{clip}", "{voice}"], ["face", "speech"]),
        (["view", "{clip}", "{voice}"], ["face", "speech"]),
        (["view", "{photo}"], ["face"]),
        (["classify", "{voice}"], ["speech"]),
    ],
)
def test_each_verb_names_the_line_of_the_model_that_is_not_there(tmp_path, capsys, clip, voice, command, named):
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((64, 64, 3), np.uint8))
    places = {"clip": clip, "voice": voice, "photo": tmp_path / "photo.png"}
    path = tmp_path / "config.yaml"
    path.write_text(
        f"deployment: {{context: demo}}\ncamera: {{source: {clip}}}\nmicrophone: {{source: {voice}}}\n"
        "mqtt: {host: none}\nmodels:\n  face: no-face.tflite\n  speech: no-speech.tflite\n"
    )
    assert cli.main([word.format(**places) for word in command] + ["--config", str(path)]) == 78
    lines = {"face": 6, "speech": 7}
    assert [line.partition(": no such model file")[0] for line in capsys.readouterr().err.splitlines()] == [
        f"{path}:{lines[kind]}: models.{kind}: no-{kind}.tflite" for kind in named
    ]


def test_a_model_that_the_file_leaves_out_has_its_sections_line_or_the_first(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("deployment: {context: demo}\nmodels: {threads: 1}\n")
    assert placed("models.face: gone", path) == f"{path}:2: models.face: gone"
    assert placed("mqtt.ca: gone", path) == f"{path}:1: mqtt.ca: gone"
    assert placed("credential x: gone", path) == "credential x: gone"
    path.unlink()
    assert placed("models.face: gone", path) == "models.face: gone"
