"""Minutes of a wall clock that is set, drifts, and jumps."""

from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.aggregates.minutes import WallMinutes

NOON = 1_772_366_400.0


def test_minutes_begin_with_the_clocks():
    minutes = WallMinutes()
    assert minutes.read(5.0, NOON + 59.9) == (NOON // 60, True)
    assert minutes.read(5.2, NOON + 60.1) == (NOON // 60 + 1, False)


def test_a_set_clock_is_noticed_once():
    minutes = WallMinutes()
    minutes.read(0.0, NOON)
    for step in (86_400, -86_400, 3.0, -3.0):
        assert minutes.read(1.0, NOON + 1 + step) == ((NOON + 1 + step) // 60, True)
        assert minutes.read(2.0, NOON + 2 + step) == ((NOON + 2 + step) // 60, False)


def test_a_small_step_back_at_the_full_minute_does_not_repeat_it():
    minutes = WallMinutes()
    minutes.read(0.0, NOON + 59.5)
    after = minutes.read(0.6, NOON + 60.1)
    assert minutes.read(0.7, NOON + 59.2) == after


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.05, 90), st.floats(-1.9, 1.9)), max_size=60))
def test_corrections_never_turn_the_count_back(steps):
    minutes, at, offset = WallMinutes(), 0.0, NOON
    last, _ = minutes.read(at, at + offset)
    for seconds, correction in steps:
        at += seconds
        minute, was_set = minutes.read(at, at + offset + correction)
        assert was_set or minute >= last
        last = minute


def test_drift_is_followed():
    minutes, offset = WallMinutes(), NOON
    for second in range(0, 86_400, 10):
        offset += 0.005  # 43 s in a day
        minute, was_set = minutes.read(float(second), second + offset)
        assert was_set is (second == 0)
        assert abs(minute - (second + offset) / 60) < 1.05
