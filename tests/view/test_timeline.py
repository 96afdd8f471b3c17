"""What the timeline keeps."""

from itertools import pairwise

import pytest

from emoedge.view.timeline import BRIEF, SPAN, STEP, Timeline, runs, shown_span


def test_one_point_a_step_and_no_more_than_a_minute(moment):
    line = Timeline()
    for index in range(3000):
        line.add(moment(index / 25))
    points = line.since()
    assert len(points) == pytest.approx(SPAN / STEP, abs=2)
    assert points[0].at >= points[-1].at - SPAN
    assert all(b.at - a.at > STEP / 2 for a, b in pairwise(points))


def test_only_what_is_new(moment):
    line = Timeline()
    for index in range(10):
        line.add(moment(index * STEP))
    assert [p.at for p in line.since(1.4)] == [1.6, 1.8]


def test_lanes_break_where_they_were_silent(moment):
    line = Timeline()
    for index in range(20):
        line.add(moment(index * STEP, face=None if 8 <= index < 12 else moment().face))
    assert [len(run) for run in runs(line.since(), "face")] == [8, 8]
    assert [len(run) for run in runs(line.since(), "fused")] == [20]
    assert runs(line.since(), "speech") == []


def test_a_few_missed_steps_are_no_break_but_a_hole_is(moment):
    line = Timeline()
    for at in (0.0, 0.2, 1.6, 1.8, 9.0):
        line.add(moment(at))
    assert [len(run) for run in runs(line.since(), "face")] == [4, 1]


def test_the_span_grows():
    assert (shown_span(0), shown_span(33), shown_span(500)) == (BRIEF, 33, SPAN)
