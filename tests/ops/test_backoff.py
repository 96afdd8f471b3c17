"""Backoff: growth, cap, spread, repeatability."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.ops.backoff import Backoff


def test_doubles_up_to_the_cap_and_starts_again_after_a_reset():
    backoff = Backoff(initial=1.0, maximum=60.0, jitter=0.0)
    assert [backoff.next() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    backoff.reset()
    assert backoff.next() == 1


@given(
    st.floats(0.01, 10), st.floats(1, 100), st.floats(0, 1), st.integers(1, 30), st.integers(0, 2**32)
)
def test_every_delay_lies_within_the_jitter_and_below_the_cap(initial, factor, jitter, steps, seed):
    maximum = initial * factor
    backoff = Backoff(initial, maximum, jitter, random.Random(seed).random)
    for step in range(steps):
        base = min(initial * 2**step, maximum)
        delay = backoff.next()
        assert base * (1 - jitter) * 0.999 <= delay <= min(base * (1 + jitter), maximum) * 1.001


def test_the_same_seed_gives_the_same_delays_and_another_seed_others():
    def delays(seed):
        backoff = Backoff(random=random.Random(seed).random)
        return [backoff.next() for _ in range(6)]

    assert delays(3) == delays(3)
    assert delays(3) != delays(4)


@pytest.mark.parametrize(("initial", "maximum", "jitter"), [(0, 1, 0.1), (2, 1, 0.1), (1, 2, -0.1), (1, 2, 1.1)])
def test_nonsense_is_refused(initial, maximum, jitter):
    with pytest.raises(ValueError):
        Backoff(initial, maximum, jitter)
