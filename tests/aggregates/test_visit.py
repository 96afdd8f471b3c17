"""Visits: who comes and goes, who counts, and what of them."""

import pytest

from emoedge.aggregates.visit import LONGEST, SHORTEST, Visitors


class Door:
    def __init__(self, believe, gap=5.0):
        self.visitors, self.believe, self.at = Visitors(gap), believe, 0.0
        self.over = []

    def see(self, *people, seconds=2.0, step=0.25):
        for _ in range(round(seconds / step)):
            self.at += step
            seen = [self.believe(*(p if isinstance(p, tuple) else (p,))) for p in people]
            self.over += self.visitors.look(self.at, seen)
        return self


@pytest.fixture
def door(believe):
    return lambda **options: Door(believe, **options)


def test_a_visit_is_over_when_nobody_came_back(door):
    one = door().see("face-1", seconds=4).see(seconds=4.75)
    assert one.over == []
    one.see(seconds=0.5)
    assert len(one.over) == 1
    assert one.over[0].shares.tolist() == pytest.approx([0, 0, 0, 1, 0, 0, 0, 0])
    assert one.over[0].valence == pytest.approx(0.82, abs=0.05)


def test_who_looks_away_is_still_one(door):
    one = door()
    for number in range(1, 9):
        one.see(f"face-{number}", seconds=2).see(seconds=3)
    assert one.see(seconds=6).over.__len__() == 1


def test_without_a_gap_every_face_counts(door):
    one = door(gap=0.0)
    for number in range(1, 4):
        one.see(f"face-{number}").see(seconds=0.25)
    assert len(one.over) == 3


def test_two_at_once_are_two_and_each_return_takes_one(door):
    one = door().see("face-1", "face-2").see(seconds=2).see("face-3").see("face-3", "face-4", "face-5")
    assert len(one.see(seconds=6).over) == 3


def test_the_one_longest_missed_comes_back_first(door):
    # 1 goes at 2 s, 2 at 5 s, 3 comes at 6 s, 4 at 9 s: two people are enough to explain it.
    one = door().see("face-1", "face-2").see("face-2", seconds=3).see(seconds=1).see("face-3", seconds=3)
    assert len(one.see("face-3", "face-4").see(seconds=6).over) == 2


def test_a_moment_is_nobody(door):
    assert door().see("face-1", seconds=SHORTEST).see(seconds=6).over == []
    assert len(door().see("face-1", seconds=SHORTEST + 0.5).see(seconds=6).over) == 1


def test_time_is_shared_and_what_could_not_be_judged_is_unknown(door):
    one = door().see(("face-1", "sad"), seconds=2.25).see(("face-1", "unknown"), seconds=6).see(seconds=6)
    (visit,) = one.over
    assert visit.shares[4] == pytest.approx(0.25)
    assert visit.shares[7] == pytest.approx(0.75)
    assert visit.valence < -0.5, "what is unknown is not neutral"


def test_who_was_never_judged_has_no_place_in_the_plane(door):
    (visit,) = door().see(("face-1", "unknown")).see(seconds=6).over
    assert (visit.valence, visit.arousal) == (None, None)
    assert visit.shares[7] == 1


def test_who_stays_is_counted_now_and_then(door):
    one = door().see("face-1", seconds=2 * LONGEST + 10, step=1.0)
    assert len(one.over) == 2
    assert len(one.see(seconds=6).over) == 2, "the rest would be in one window with what was counted last"
    assert len(one.see("face-2").see(seconds=6).over) == 3


def test_a_standstill_is_not_anybodys_time(door, believe):
    one = door().see(("face-1", "sad"))
    one.at += 600
    one.see(("face-1", "happy")).see(seconds=6)
    assert one.over[0].shares[4] == pytest.approx(1.75 / 4.5, abs=0.01), "at most a second of the ten minutes counts"
