"""Windows: what is counted where, what is suppressed, and what a pause or a clock does to it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CROWD = [f"face-{number}" for number in range(1, 7)]


def test_a_minute_of_six_people(hall):
    there = hall().wait(10).visit(*CROWD[:4], label="happy").wait(6).visit(*CROWD[4:], label="sad").wait(60)
    (minute,) = there.of(1)
    assert (minute.start, minute.covered, minute.k) == (1_772_366_400.0, pytest.approx(1, abs=0.02), 5)
    assert minute.figures.people == 6
    assert minute.figures.shares["happy"] == pytest.approx(4 / 6)
    assert minute.figures.shares["sad"] == pytest.approx(2 / 6)
    assert sum(minute.figures.shares.values()) == pytest.approx(1)
    assert minute.figures.valence == pytest.approx((4 * 0.82 + 2 * -0.68) / 6, abs=0.05)


def test_everybody_counts_the_same_however_long_they_stay(hall):
    there = hall().visit(*CROWD[:5], seconds=2).wait(6).visit("face-9", label="sad", seconds=40).wait(30)
    assert there.of(1)[0].figures.shares["sad"] == pytest.approx(1 / 6)


@pytest.mark.parametrize("count", range(7))
def test_fewer_than_k_are_told_without_figures(hall, count):
    there = hall().wait(5).visit(*CROWD[:count]).wait(60)
    (minute,) = there.of(1)
    assert (minute.figures is None) is (count < 5)


def test_windows_of_all_lengths_end_at_full_minutes_shorter_first(hall):
    there = hall(start=1_772_366_400.0 + 14 * 60 + 30).wait(31)
    assert [item.minutes for item in there.told] == [1, 5, 15]
    assert [item.start % (60 * item.minutes) for item in there.told] == [0, 0, 0]
    assert [round(item.covered, 2) for item in there.told] == [0.49, 0.1, 0.03], "they began before the device did"


def test_people_count_once_in_each_length(hall):
    there = hall(k=3)
    for minute in range(15):
        there.visit(*(f"face-{minute}-{n}" for n in range(4)), seconds=10).wait(50)
    there.wait(1)
    for length, windows in ((1, 15), (5, 3), (15, 1)):
        assert len(there.of(length)) == windows
        assert sum(item.figures.people for item in there.of(length)) == 60


def test_a_person_is_not_worked_out_from_a_longer_window(hall):
    there = hall(windows=(1, 5))
    for minute in range(4):
        there.visit(*(f"face-{minute}-{n}" for n in range(5))).wait(57)
    there.visit("face-9", label="sad").wait(58)
    assert [item.figures is not None for item in there.of(1)] == [True] * 4 + [False]
    assert there.of(5)[0].figures is None


def test_two_who_stay_long_are_not_four(hall):
    there = hall(k=3).wait(30).visit("face-1", "face-2", seconds=16 * 60).wait(15 * 60)
    assert [item.figures for item in there.told if item.figures] == []


def test_valence_of_few_is_not_told(hall):
    there = hall(k=3).visit("face-1", "face-2").wait(6).visit("face-3", "face-4", label="unknown").wait(60)
    figures = there.of(1)[0].figures
    assert figures.people == 4
    assert (figures.valence, figures.arousal) == (None, None)
    assert figures.shares["unknown"] == pytest.approx(0.5)


def test_a_pause_ends_visits_and_shows_in_what_is_covered(hall):
    there = hall().wait(10).visit(*CROWD, seconds=8)
    there.watching = False
    there.wait(102.25)
    first, second = there.of(1)
    assert first.figures.people == 6
    assert first.covered == pytest.approx(0.3, abs=0.01)
    assert (second.figures, second.covered) == (None, 0)


@pytest.mark.parametrize("step", [86_400.0, -86_400.0, 600.0, -600.0, 3.0])
def test_a_set_clock_drops_the_windows_that_run_and_nobody_counts_twice(hall, step):
    there = hall(k=3).wait(65).visit(*CROWD[:3], seconds=2).wait(8)
    there.people = dict.fromkeys(CROWD[3:], "sad")
    there.wait(2)
    told = len(there.told)
    there.offset += step
    there.wait(2)
    assert len(there.told) == told, "what ran is dropped, not told"
    there.people = {}
    there.wait(16 * 60)
    for length in (1, 5, 15):
        people = [item.figures.people for item in there.of(length) if item.figures]
        assert people == [3], "only those who went after the clock was set; each once"
    after = there.told[told:]
    for length in (1, 5, 15):
        starts = [item.start for item in after if item.minutes == length]
        assert starts == sorted(set(starts)), "no window twice under the new time"


def test_there_and_back_again(hall):
    there = hall(k=3, windows=(1,)).wait(61)
    there.offset += 86_400
    there.wait(30)
    there.offset -= 86_400
    there.wait(180)
    starts = [item.start for item in there.told]
    assert len(starts) == len(set(starts)) == 4
    assert there.told[1].covered == pytest.approx(0.48, abs=0.03), "the minute of the return is told for its rest"


def test_a_standstill_of_minutes_makes_no_windows_up(hall):
    there = hall().wait(30)
    there.at += 200
    there.wait(60)
    assert [round(item.covered, 1) for item in there.of(1)] == [0.5, 0.2]


def test_a_burst_of_windows_is_bounded_by_its_people(hall):
    there = hall(k=3, gap=0.0)
    for number in range(200):
        there.visit(f"face-{number}", seconds=2)
    there.wait(800)
    assert sum(len(window.visits) for window in there.aggregator._windows) == 0
    assert there.of(15)[0].figures.people == 200


steps = st.lists(st.tuples(st.integers(0, 6), st.integers(2, 40), st.sampled_from(["", "forth", "back"])), max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_whatever_happens_windows_are_apart_and_large_enough(hall, steps):
    there, number, visits = hall(k=3), 0, 0
    for people, seconds, clock in steps:
        there.offset += {"": 0, "forth": 3600, "back": -3600}[clock]
        there.visit(*(f"face-{number + n}" for n in range(people)), seconds=seconds)
        number += people
        visits += people
    there.wait(1000, step=1.0)
    for length in (1, 5, 15):
        counted = [item.figures.people for item in there.of(length) if item.figures]
        assert all(count >= 3 for count in counted)
        assert sum(counted) <= visits
    assert all(0 <= item.covered <= 1 for item in there.told)
