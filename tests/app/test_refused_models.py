"""`run` and `replay` name every model that is refused, not only the first."""

import pytest

from emoedge import cli
from emoedge.config import default_config
from emoedge.errors import ConfigError, ModelError
from emoedge.pipeline import load_models


def test_both_are_named():
    overrides = {"models.face": "speech.tflite", "models.speech": "nowhere.tflite"}
    with pytest.raises(ModelError) as caught:
        load_models(default_config("demo", overrides=overrides))
    face, speech = str(caught.value).splitlines()
    assert "a speech model where a face model is expected" in face
    assert speech.startswith("nowhere.tflite: no such model file")


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
    assert capsys.readouterr().err.startswith("speech.min_voice: 4: expected less than 2.985 s")
    path.write_text(path.read_text().replace("min_voice: 4", "min_voice: 2"))
    assert cli.main(["check", "--config", str(path)]) == 0
