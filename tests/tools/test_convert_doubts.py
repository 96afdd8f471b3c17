"""What a conversion warns of: a temperature that cannot be trusted, and a model that is right by chance alone."""

import numpy as np
import pytest
from workbench.conversion import doubts

from emoedge.emotions import CANONICAL


@pytest.mark.parametrize(
    ("temperature", "rows", "causes"),
    [
        (1.2, 400, ()),
        (1.2, 49, ("on 49 rows, fewer than 50",)),
        (0.302, 400, ("held out of training, which cannot be told here",)),
        (10.0, 400, ("highest that was tried",)),
        (0.1, 12, ("lowest that was tried", "on 12 rows", "temperature 0.100 makes the model surer than it says")),
    ],
)
def test_a_temperature_is_doubted_for_its_value_and_for_its_rows(temperature, rows, causes):
    found = doubts.of_temperature(temperature, rows)
    assert len(found) == len(causes)
    assert all(cause in text for cause, text in zip(causes, found, strict=True))


@pytest.mark.parametrize(
    ("span", "scaling", "doubted"),
    [
        ((0.0, 1.0), {}, 0),
        ((-1.0, 1.0), {"factor": 1.0}, 0),
        ((0.0, 255.0), {"factor": 1 / 255}, 0),
        ((0.0, 255.0), {"factor": 1 / 127.5, "whole": True}, 0),
        ((0.0, 1.0), {"factor": 1 / 255}, 1),
        ((-1.0, 1.0), {"factor": 1 / 127.5}, 1),
        ((0.0, 1.0), {"whole": True}, 1),
    ],
)
def test_a_front_end_is_doubted_where_the_model_scales_once_more(span, scaling, doubted):
    found = doubts.of_scale(span, **scaling)
    assert len(found) == doubted
    assert all("give --front-end scale=1" in text for text in found)


TARGETS = np.arange(700) % 7


def said(labels):
    return np.eye(7)[labels]


@pytest.mark.parametrize(
    "labels", [np.full(700, 3), np.random.default_rng(0).integers(0, 7, 700), (TARGETS + 1) % 7],
    ids=["one label for all", "at random", "labels in another order"],
)  # fmt: skip
def test_a_model_that_is_right_by_chance_is_told(labels):
    found = doubts.of_accuracy(said(labels), TARGETS, CANONICAL)
    assert len(found) == 1
    assert "no more than chance; check the scale and offset of --front-end and the order of --labels" in found[0]


def test_a_weak_model_is_not_doubted():
    labels = np.where(np.random.default_rng(1).random(700) < 0.1, TARGETS, np.random.default_rng(2).integers(0, 7, 700))
    assert not doubts.of_accuracy(said(labels), TARGETS, CANONICAL)


def test_one_frequent_class_does_not_hide_that_the_others_are_guessed():
    targets = np.where(np.arange(700) < 600, 3, np.arange(700) % 7)
    assert doubts.of_accuracy(said(np.full(700, 3)), targets, CANONICAL), "86 % right, and nothing learned"


def test_rows_of_one_class_tell_nothing_of_chance():
    assert not doubts.of_accuracy(said(np.full(9, 3)), np.full(9, 3), CANONICAL)
