"""Models that tell valence and arousal themselves: their file, their scores, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from emoedge.emotions import CANONICAL, VALENCE_AROUSAL
from emoedge.errors import ModelError
from emoedge.inference.metadata import decode, encode
from emoedge.inference.model import calibrated, dimensions, load_model
from emoedge.inference.model_file import ModelFile

FIVE = CANONICAL[:5]
ENDS = {"valence": (-0.7, 0.9), "arousal": (-0.2, 0.4)}


@pytest.fixture
def told(model_file, tmp_path):
    """The network of seven outputs, taken as five labels and two dimensions."""
    path = tmp_path / "told.tflite"
    model_file(labels=FIVE, label_map=FIVE, dimensions=ENDS, output="logits").write(path)
    return path


def test_the_file_keeps_its_dimensions(told):
    info = ModelFile.read(told).info
    assert info.dimensions == ENDS
    assert list(info.dimensions) == ["valence", "arousal"]
    assert info.outputs == 7


def test_scores_carry_what_the_outputs_after_the_labels_say(told):
    model = load_model(told)
    batch = np.random.default_rng(0).random((6, 12, 12, 1), dtype=np.float32)
    outputs = model.outputs(batch)
    for row, scores in zip(outputs.astype(np.float64), model.classify_batch(batch), strict=True):
        share = 1 / (1 + np.exp(-row[5:]))
        assert scores.valence == pytest.approx(-0.7 + 1.6 * share[0], abs=1e-6)
        assert scores.arousal == pytest.approx(-0.2 + 0.6 * share[1], abs=1e-6)
        assert scores.values[:5] == pytest.approx(np.exp(row[:5]) / np.exp(row[:5]).sum())
        assert not scores.known[5:].any()


def test_without_dimensions_they_are_expected_from_the_labels(tiny):
    model = load_model(tiny)
    assert model.info.dimensions == {}
    scores = model.classify(np.zeros((12, 12, 1), np.float32))
    assert scores.affect is None
    assert (scores.valence, scores.arousal) == pytest.approx(tuple(scores.values @ VALENCE_AROUSAL))


def test_an_output_that_is_no_number_is_the_middle(model_file):
    info = replace(model_file().info, labels=FIVE, label_map=FIVE, dimensions=ENDS, output="logits")
    rows = np.full((2, 7), np.nan)
    rows[1] = [0, 0, 0, 0, 0, 1e9, -1e9]
    assert dimensions(rows, info) == pytest.approx(np.array([[0.1, 0.1], [0.9, -0.2]]))
    assert calibrated(rows, info).shape == (2, 5)


@pytest.mark.parametrize(("given", "cause"), [
    ({"valence": [-1, 1]}, "expected valence, arousal or none"),
    ({"arousal": [-1, 1], "valence": [-1, 1]}, "expected valence, arousal or none"),
    ({"valence": [1, -1], "arousal": [-1, 1]}, "expected ascending values"),
    ({"valence": [-1, 1], "arousal": [-2, 1]}, "expected ascending values"),
    ({"valence": [float("nan"), 1], "arousal": [-1, 1]}, "expected ascending values"),
    ({"valence": [-1], "arousal": [-1, 1]}, "not given by two numbers"),
    ({"valence": [True, 1], "arousal": [-1, 1]}, "not given by two numbers"),
    ({"valence": "wide", "arousal": [-1, 1]}, "not given by two numbers"),
    (["valence", "arousal"], "no JSON object"),
])  # fmt: skip
def test_dimensions_that_make_no_sense_are_refused(model_file, given, cause):
    document = json.loads(encode(model_file().info)) | {"dimensions": given}
    with pytest.raises(ValueError, match=cause):
        decode(document)


def test_a_file_from_before_dimensions_is_read_as_it_was(model_file):
    document = json.loads(encode(model_file().info))
    del document["dimensions"]
    assert decode(document).dimensions == {}


def test_outputs_that_are_too_few_are_refused(model_file, tmp_path):
    path = tmp_path / "m.tflite"
    model_file(dimensions=ENDS).write(path)
    with pytest.raises(ModelError, match=r"7 labels and 2 dimensions, but its golden\.npz has outputs of shape"):
        load_model(path)
