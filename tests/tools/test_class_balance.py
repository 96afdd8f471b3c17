"""Shifting logits until classes are named as often as they occur."""

import numpy as np
import pytest
from workbench.class_balance import LARGEST, balancing_shift, matching_shift


def confused(seed, *, bias):
    """Noisy logits of three classes whose last one is named too rarely."""
    generator = np.random.default_rng(seed)
    truth = generator.choice(3, 4000, p=[0.5, 0.3, 0.2])
    logits = generator.normal(0, 1, (4000, 3))
    logits[np.arange(4000), truth] += 1.5
    logits[:, 2] -= bias
    return logits, truth.astype(np.int64)


@pytest.mark.parametrize("seed", range(4))
def test_the_avoided_class_is_named_as_often_as_it_occurs(seed):
    logits, truth = confused(seed, bias=0.8)
    shift = matching_shift(logits, truth)
    named = np.bincount((logits + shift).argmax(1), minlength=3)
    assert named == pytest.approx(np.bincount(truth), rel=0.05)
    recall = [((logits + s).argmax(1) == truth)[truth == 2].mean() for s in (0, shift)]
    assert recall[1] > recall[0] + 0.1


def test_logits_that_already_match_stay_as_they_are():
    logits, _ = confused(9, bias=0.3)
    assert np.array_equal(matching_shift(logits, logits.argmax(1)), np.zeros(3, np.float32))


def test_a_class_that_does_not_occur_is_left_alone():
    logits, truth = confused(1, bias=0.5)
    shift = matching_shift(np.c_[logits, logits[:, 0] - 3], truth)
    assert shift[3] == 0
    assert np.abs(shift).max() <= LARGEST


def test_the_shift_is_bounded():
    logits, truth = confused(2, bias=6.0)
    assert np.abs(matching_shift(logits, truth)).max() <= LARGEST


@pytest.mark.parametrize("seed", range(4))
def test_a_shift_is_taken_only_as_far_as_it_pays(seed):
    logits, truth = confused(seed, bias=0.8)

    def worth(shift):
        said = (logits + shift).argmax(1)
        f1 = [2 * ((said == c) & (truth == c)).sum() / ((said == c).sum() + (truth == c).sum()) for c in range(3)]
        return (said == truth).mean() + np.mean(f1)

    whole = matching_shift(logits, truth)
    chosen = balancing_shift(logits, truth)
    assert worth(chosen) > worth(np.zeros(3))
    assert worth(chosen) >= worth(whole)
    assert np.allclose(chosen, whole * (chosen[2] / whole[2]), atol=1e-6)
