"""Which frames pass where a rate is asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.sources.rate import RateLimit


@pytest.mark.parametrize(("rate", "fps", "passed"), [(0, 25, 250), (5, 25, 50), (10, 25, 100), (30, 25, 250), (1, 12.5, 10)])
def test_a_rate_passes_that_many_frames(rate, fps, passed):
    limit = RateLimit(rate)
    assert sum(limit.due(i / fps) for i in range(int(10 * fps))) == pytest.approx(passed, abs=1)


def test_a_rate_starts_anew_after_a_gap_or_a_jump_back():
    limit = RateLimit(2)
    assert [limit.due(t) for t in (0.0, 0.2, 0.5, 100.0, 100.2, 100.5, 3.0, 3.1, 3.5)] == [
        True, False, True, True, False, True, True, False, True,
    ]  # fmt: skip


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.floats(0.5, 60))
def test_no_rate_is_exceeded(pauses, rate):
    limit, times = RateLimit(rate), np.cumsum(pauses)
    passed = [t for t in times if limit.due(float(t))]
    assert passed
    assert len(passed) <= (times[-1] - times[0]) * rate + 1.2
