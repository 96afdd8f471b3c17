"""What a model's file says of its reliability, and what the config says instead."""

import pytest

from emoedge.config import default_config
from emoedge.messages import Modality
from emoedge.pipeline import load_models, reliabilities


@pytest.fixture(scope="module")
def shipped():
    return load_models(default_config())


def test_the_file_says_how_far_its_model_is_trusted(shipped):
    info = shipped.face.info
    found = reliabilities(default_config(), shipped)[Modality.FACE]
    assert 0 < found.abstain_below == info.abstain_below
    assert found.weight == info.reliability
    assert found.prior == info.prior


def test_what_the_config_says_counts_as_it_stands(shipped):
    own = {"fusion.face_abstain": 0.7, "fusion.speech_abstain": 0.0, "fusion.speech_weight": 0.25}
    found = reliabilities(default_config(overrides=own), shipped)
    assert found[Modality.FACE].abstain_below == 0.7
    assert found[Modality.SPEECH].abstain_below == 0.0
    assert found[Modality.SPEECH].weight == 0.25
