"""Division by speaker or subject, and balancing: whole groups, the same for a seed, nothing lost or invented."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from workbench.data import balance, division

GROUPS = st.lists(st.sampled_from([f"p{i}" for i in range(12)]), min_size=1, max_size=80)
LABELS = st.lists(st.integers(0, 6), max_size=120).map(lambda rows: np.array(rows, dtype=np.int64))


@given(GROUPS, st.integers(0, 5))
def test_no_group_stands_in_two_parts(groups, seed):
    parts = division.parts(groups, seed=seed)
    assert division.leaks(groups, parts) == {}
    count = len(set(groups))
    assert set(parts) == ({"train", "validation", "test"} if count >= 3 else {"train"})


@given(GROUPS, st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_rows_decides_nothing(groups, seed, random):
    where = dict(zip(groups, division.parts(groups, seed=seed), strict=True))
    shuffled = random.sample(groups, len(groups))
    assert dict(zip(shuffled, division.parts(shuffled, seed=seed), strict=True)) == where


def test_shares_are_of_groups_and_the_seed_draws_them():
    groups = np.repeat([f"s{i:02}" for i in range(50)], 3)
    parts = division.parts(groups, validation=0.1, test=0.2, seed=0)
    assert {name: len(set(groups[parts == name])) for name in set(parts)} == {"train": 36, "validation": 4, "test": 10}
    assert not np.array_equal(parts, division.parts(groups, seed=1))


def test_leaks_are_named():
    assert division.leaks(["a", "a", "b", "", ""], ["train", "test", "train", "train", "test"]) == {"a": ("test", "train")}


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["", "x", "y", "z"])), min_size=1, max_size=40))
def test_merged_groups_are_the_connected_ones(rows):
    """Against a plain search through the graph of shared twins and shared names."""
    first, second = np.array([a for a, _ in rows]), np.array([b for _, b in rows])
    merged = division.merged(first, second)
    for start in range(len(rows)):
        reached, waiting = {start}, [start]
        while waiting:
            i = waiting.pop()
            for j in range(len(rows)):
                if j not in reached and (first[i] == first[j] or (second[i] and second[i] == second[j])):
                    reached.add(j)
                    waiting.append(j)
        assert set(np.flatnonzero(merged == merged[start])) == reached


@given(LABELS, st.integers(0, 3))
def test_under_sampling_takes_as_many_of_each_class_as_of_the_rarest(labels, seed):
    rows = balance.rows(labels, balance.UNDER, seed=seed)
    assert len(set(rows.tolist())) == len(rows)
    own = np.unique(labels, return_counts=True)[1]
    drawn = np.unique(labels[rows], return_counts=True)[1]
    assert drawn.tolist() == [own.min()] * len(own) if len(own) else not len(rows)


@given(LABELS, st.integers(0, 3))
def test_over_sampling_keeps_every_row_and_repeats_evenly(labels, seed):
    rows = balance.rows(labels, balance.OVER, seed=seed)
    assert set(rows.tolist()) == set(range(len(labels)))
    own = np.unique(labels, return_counts=True)[1]
    assert np.unique(labels[rows], return_counts=True)[1].tolist() == ([own.max()] * len(own) if len(own) else [])
    for label in np.unique(labels):
        times = np.bincount(rows, minlength=len(labels))[labels == label]
        assert times.max() - times.min() <= 1


@given(LABELS)
def test_class_weights_are_even_in_sum_and_one_on_average(labels):
    weights = balance.class_weights(labels, 7)
    counts = np.bincount(labels, minlength=7)
    assert (weights[counts == 0] == 0).all()
    if len(labels):
        assert weights[labels].mean() == pytest.approx(1)
        assert np.ptp((weights * counts)[counts > 0]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("method", [balance.NONE, balance.WEIGHTS])
def test_these_keep_every_row_once(method):
    assert balance.rows(np.array([3, 3, 1]), method, seed=0).tolist() == [0, 1, 2]


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="none, under, over, weights"):
        balance.rows(np.array([1]), "smote", seed=0)
