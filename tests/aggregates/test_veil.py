"""No difference of told windows is about fewer than k people, whatever comes and goes."""

from collections import Counter
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.aggregates.veil import Veil


def parts(told):
    """Sizes of the smallest groups that sums over the told sets can be subtracted down to.

    Whoever is in the same told sets cannot be told apart by any sum or difference of them.
    """
    everybody = set().union(*told)
    return Counter(tuple(person in people for people in told) for person in everybody)


def test_the_fifth_minute_cannot_be_worked_out():
    veil = Veil(5)
    minutes = [set(range(n * 10, n * 10 + 5)) for n in range(4)] + [{90}]
    assert [veil.passes(people) for people in minutes] == [True] * 4 + [False]
    assert not veil.passes(set().union(*minutes)), "this window less the four minutes is one person"


def test_small_minutes_hide_in_a_large_window():
    veil = Veil(5)
    minutes = [{1, 2}, set(range(10, 15)), {20, 21, 22}]
    assert [veil.passes(people) for people in minutes] == [False, True, False]
    assert veil.passes(set().union(*minutes)), "the rest, 2 + 3, is enough"
    assert not veil.passes({*set().union(*minutes), 99}), "and a larger window with one more person is not"


def test_nobody_more_is_nothing_learnt():
    veil = Veil(3)
    assert veil.passes({1, 2, 3})
    assert veil.passes({1, 2, 3})
    veil.forget()
    assert not veil.passes({1, 2})


@settings(max_examples=300, deadline=None)
@given(st.integers(3, 6), st.lists(st.integers(0, 7), min_size=15, max_size=15))
def test_whatever_is_told_falls_into_parts_of_at_least_k(k, arrivals):
    veil, told, number = Veil(k), [], 0
    fives, fifteen = [], set()
    for minute, count in enumerate(arrivals):
        people = set(range(number, number + count))
        number += count
        if veil.passes(people):
            told.append(people)
        fives.append(people)
        fifteen |= people
        if minute % 5 == 4:
            five = set().union(*fives[-5:])
            if veil.passes(five):
                told.append(five)
    if veil.passes(fifteen):
        told.append(fifteen)
    assert all(size >= k for size in parts(told).values())
    for one, other in combinations(told, 2):
        assert len(one - other) == 0 or len(one - other) >= k
