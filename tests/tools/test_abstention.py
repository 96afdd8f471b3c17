"""Risk over coverage, and the threshold that is fitted into a model file."""

import json

import evaluate
import numpy as np
import pytest
from workbench.abstention import RiskCoverage, of_predictions
from workbench.metrics import Predictions

from emoedge.emotions import INDEX
from emoedge.inference.model import load_model
from emoedge.inference.model_file import ModelFile
from emoedge.vision.crop import FaceFrontEnd


def curve(*rows):
    confidence, correct = zip(*rows, strict=True)
    return RiskCoverage.of(np.array(confidence), np.array(correct, dtype=bool))


def test_a_table_by_hand():
    made = curve((0.9, 1), (0.6, 0), (0.8, 1), (0.5, 1))
    assert made.accuracy == pytest.approx([1, 1, 2 / 3, 3 / 4])
    assert made.area == pytest.approx(1 - (1 + 1 + 2 / 3 + 3 / 4) / 4)
    assert made.coverage(0.8) == 0.5
    assert made.accuracy_above(0.8) == 1
    assert made.accuracy_above(0.95) is None


def test_rows_of_one_confidence_stand_and_fall_together():
    """The order in which rows come must not make the curve look better."""
    rows = [(0.7, i % 2) for i in range(40)]
    for order in (rows, rows[::-1], sorted(rows, key=lambda row: -row[1])):
        assert curve(*order).threshold(0.6) == 1.0
        assert not curve(*order).reaches(0.6)
        assert curve(*order).area == pytest.approx(0.5)


def test_the_threshold_keeps_as_many_as_the_accuracy_allows():
    rows = [(0.99 - i / 1000, i < 60 or i % 3 == 0) for i in range(200)]
    made = curve(*rows)
    least = made.threshold(0.8)
    assert made.accuracy_above(least) >= 0.8
    below = made.confidence[made.confidence < least]
    assert all(made.accuracy_above(c) < 0.8 for c in below)


def test_a_lucky_row_at_the_top_is_no_threshold():
    rows = [(0.99, 1)] + [(0.9 - i / 1000, i % 2) for i in range(100)]
    assert curve(*rows).threshold(0.95) == 1.0


def test_rows_that_cannot_be_right_are_left_out():
    scores = np.eye(7)[[0, 1, 2]]
    known = np.ones(7, dtype=bool)
    known[2] = False
    assert len(of_predictions(Predictions(scores, known, np.array([0, -1, 2]))).confidence) == 1
    with pytest.raises(ValueError, match="no row"):
        of_predictions(Predictions(scores, known, np.array([-1, -1, 2])))


@pytest.fixture
def pack(tmp_path, tiny):
    """Faces on which the untrained network is right where it is sure; the same rows as both splits."""
    images = np.random.default_rng(2).integers(0, 256, (80, 6, 6), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    loaded = load_model(tiny)
    front_end = FaceFrontEnd(loaded.info.front_end)
    said = [loaded.classify(front_end.prepare(image)) for image in images]
    middle = np.median([s.confidence for s in said])
    labels = [(INDEX[s.label] + (s.confidence < middle)) % 7 for s in said]
    path = tmp_path / "pack.npz"
    split = np.repeat([0, 1], len(images)).astype(np.uint8)
    np.savez(path, images=np.tile(images, (2, 1, 1)), labels=np.tile(np.array(labels, np.uint8), 2), split=split)
    return path


def test_fitted_drawn_and_told(tmp_path, tiny, pack, capsys):
    network = ModelFile.read(tiny).tflite
    words = [str(tiny), "--data", str(pack)]
    assert evaluate.main([*words, "--split", "0", "--fit-abstention", "0.9"]) == 0
    fitted = ModelFile.read(tiny)
    assert 0 < fitted.info.abstain_below < 1
    assert fitted.tflite == network
    capsys.readouterr()
    picture = tmp_path / "curve.png"
    assert evaluate.main([*words, "--risk-coverage", str(picture), "--wanted", "0.9", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])["risk_coverage"]
    assert told["accuracy"] >= 0.9
    assert told["threshold"] == pytest.approx(fitted.info.abstain_below)
    assert told["coverage"] == pytest.approx(told["coverage_at_wanted"], abs=0.02)
    assert picture.stat().st_size > 1000
    assert load_model(tiny).info.abstain_below == fitted.info.abstain_below


@pytest.mark.parametrize(
    ("more", "words"),
    [(["--fit-abstention", "0.9"], "--split 0"), (["--split", "0", "--fit-abstention", "92"], "between 0 and 1"),
     (["--risk-coverage", "curve.png", "--wanted", "92"], "--wanted 92: expected an accuracy above 0, at most 1")],
)
def test_no_threshold_from_reported_rows_or_from_nonsense(tiny, pack, capsys, more, words):
    before = tiny.read_bytes()
    assert evaluate.main([str(tiny), "--data", str(pack), *more]) == 2
    assert words in capsys.readouterr().err
    assert tiny.read_bytes() == before


def test_a_model_that_is_never_right_often_enough_is_not_muted_for_good(tmp_path, tiny, pack, capsys):
    with np.load(pack) as arrays:
        wrong = {**arrays, "labels": (arrays["labels"] + 1 + (np.arange(len(arrays["labels"])) % 2)) % 7}
    np.savez(tmp_path / "wrong.npz", **wrong)
    before = tiny.read_bytes()
    words = [str(tiny), "--data", str(tmp_path / "wrong.npz"), "--split", "0", "--fit-abstention", "0.9"]
    assert evaluate.main(words) == 2
    assert "not named right in 0.9 of the cases" in capsys.readouterr().err
    assert tiny.read_bytes() == before
