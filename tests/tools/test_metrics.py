"""Figures of a classifier, held to hand-counted tables and to their definitions."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbench import plots
from workbench.metrics import Predictions, arousal, calibration_error, figures, reliability, table

from emoedge.emotions import CANONICAL, INDEX

ALL = np.ones(7, dtype=bool)


def said(labels, truth, *, known=ALL, sure=0.9):
    """Predictions that name `labels` with probability `sure`, the rest spread over the known others."""
    scores = np.zeros((len(labels), 7))
    scores[:, known] = (1 - sure) / max(known.sum() - 1, 1)
    for row, label in enumerate(labels):
        scores[row, INDEX[label]] = sure
    return Predictions(scores, known, np.array([INDEX.get(t, -1) for t in truth], dtype=np.int64))


def test_hand_counted_table():
    result = figures(said(
        ["happy", "happy", "sad", "sad", "neutral", "happy"],
        ["happy", "happy", "happy", "sad", "neutral", "sad"],
    ))  # fmt: skip
    assert result.classes == ("happy", "sad", "neutral")
    assert result.confusion.tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert result.accuracy == pytest.approx(4 / 6)
    assert result.uar == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert result.macro_f1 == pytest.approx((2 * 2 / 6 + 2 * 1 / 4 + 1) / 3)
    assert result.ece == pytest.approx(0.9 / (0.9 + 2 * 0.1 / 6) - 4 / 6)
    assert result.n == 6


def test_a_class_that_is_never_said_counts_as_zero():
    result = figures(said(["happy", "happy"], ["happy", "sad"]))
    assert result.precision.tolist() == [0.5, 0.0]
    assert result.f1.tolist() == [pytest.approx(2 / 3), 0.0]


def test_the_arg_max_runs_over_classes_of_the_data_only():
    scores = np.array([[0.5, 0, 0, 0.3, 0.2, 0, 0], [0.6, 0, 0, 0.1, 0.3, 0, 0]])
    result = figures(Predictions(scores, ALL, np.array([INDEX["happy"], INDEX["sad"]])))
    assert result.accuracy == 1.0, "angry is not in the data and must not win"
    assert result.ece == pytest.approx(abs(0.6 - 1) / 2 + abs(0.75 - 1) / 2)


def test_rows_without_a_name_or_unknown_to_the_model_are_left_out_and_counted():
    known = ALL.copy()
    known[INDEX["disgust"]] = False
    result = figures(said(["happy"] * 4, ["happy", "boredom", "disgust", "sad"], known=known))
    assert (result.n, result.unnamed, result.unknown) == (2, 1, 1)
    assert result.classes == ("happy", "sad")


@pytest.mark.parametrize("truth", [["boredom"], []])
def test_nothing_to_measure_is_an_error(truth):
    with pytest.raises(ValueError, match="no row"):
        figures(said(["happy"] * len(truth), truth))


def test_scores_that_are_no_numbers_are_an_error():
    predictions = Predictions(np.full((1, 7), np.nan), ALL, np.array([0]))
    with pytest.raises(ValueError, match="not numbers"):
        figures(predictions)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="scores"):
        Predictions(np.zeros((2, 6)), ALL, np.zeros(2, dtype=np.int64))


def test_calibration_error_of_two_bins():
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    correct = np.array([True, False, True, False])
    assert calibration_error(confidence, correct) == pytest.approx(0.5 * 0.45 + 0.5 * 0.05)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0.0
    assert [share for _, _, share in reliability(confidence, correct)] == [0.5, 0.5]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CANONICAL), st.sampled_from(CANONICAL)), min_size=1, max_size=60))
def test_figures_agree_with_their_definitions(pairs):
    result = figures(said([s for s, _ in pairs], [t for _, t in pairs]))
    present = {t for _, t in pairs}
    assert set(result.classes) == present
    assert result.n == len(pairs)
    assert 0 <= result.ece <= 1
    # What was said outside the data's classes falls on another class, so recall can only be counted from inside.
    for index, name in enumerate(result.classes):
        rows = [s for s, t in pairs if t == name]
        assert result.confusion[index].sum() == len(rows)
        assert result.confusion[index, index] >= sum(s == name for s in rows)
    assert result.accuracy == pytest.approx(np.average(result.recall, weights=result.confusion.sum(axis=1)))


def test_plain_values_survive_json():
    result = figures(said(["happy", "sad"], ["happy", "happy"]))
    plain = json.loads(json.dumps(result.as_dict()))
    assert plain["classes"] == ["happy"]
    assert plain["confusion"] == [[2]]
    assert {"accuracy", "uar", "macro_f1", "ece", "n"} <= set(plain)


def test_the_table_names_every_class_and_count():
    text = table(figures(said(["happy", "sad", "sad"], ["happy", "sad", "happy"])))
    assert "happy" in text
    assert text.splitlines()[-2].split() == ["happy", "1", "1"]
    assert text.splitlines()[-1].split() == ["sad", "0", "1"]


def test_plots_are_written(tmp_path):
    result = figures(said(["happy", "sad", "sad"], ["happy", "sad", "happy"]))
    plots.confusion(result, tmp_path / "confusion.png", title="test")
    plots.reliability([(0.5, 0.4, 1.0)], tmp_path / "reliability.png", title="test")
    for name in ("confusion.png", "reliability.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_arousal_by_the_labels_is_the_more_probable_half():
    found = arousal(said(["angry", "sad", "neutral", "fear", "disgust"], ["happy", "surprise", "sad", "sad", "disgust"]))
    assert (found.high, found.low, found.balanced, found.n, found.own) == (0.5, 0.5, 0.5, 4, False)
    assert found.area == 0.5


def test_arousal_by_an_output_of_its_own():
    plain = said(["sad", "sad", "sad", "sad"], ["angry", "happy", "neutral", "disgust"])
    found = arousal(replace(plain, affect=np.array([[0, 0.4], [0, 0.2], [0, 0.3], [0, -1]])))
    assert (found.high, found.low, found.n, found.own) == (1.0, 0.0, 3, True)
    assert found.area == 0.5
    assert json.loads(json.dumps(found.as_dict()))["balanced_accuracy"] == 0.5


def test_arousal_needs_both_halves():
    assert arousal(said(["sad"], ["sad"])) is None
