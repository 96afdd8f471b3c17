"""`run` and `replay` name every model that is refused, not only the first."""

import pytest

from emoedge.config import default_config
from emoedge.errors import ModelError
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
