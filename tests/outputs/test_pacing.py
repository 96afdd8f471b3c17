"""When the present state is told, on a clock of numbers."""

import pytest

from emoedge.outputs.pacing import StatePacer


def play(offers, until, step=0.1, repeat_at=()):
    """Times at which states are told when `offers` (time -> state) are made."""
    pacer, told, pending = StatePacer(), [], sorted(offers.items())
    for tick in range(round(until / step) + 1):
        now = round(tick * step, 6)
        while pending and pending[0][0] <= now:
            pacer.offer(pending.pop(0)[1], now)
        if now in repeat_at:
            pacer.repeat()
        due = pacer.due(now)
        state = pacer.take(now)
        assert (state is not None) == (due == 0)
        if state is not None:
            told.append((now, state))
    return told


def test_a_change_is_told_at_once_and_the_next_one_half_a_second_later(tell):
    happy, sad = tell.state("happy"), tell.state("sad")
    assert play({0.0: happy, 0.1: sad}, 3, step=0.01) == [(0.0, happy), (0.52, sad)]


def test_what_changed_back_in_between_is_not_told(tell):
    happy, sad = tell.state("happy"), tell.state("sad")
    assert play({0.0: happy, 0.1: sad, 0.3: happy}, 3) == [(0.0, happy)]


@pytest.mark.parametrize(("step", "count"), [(0.01, 1), (0.06, 2)])
def test_a_small_move_of_the_confidence_is_no_change(tell, step, count):
    offers = {0.0: tell.state(confidence=0.6), 1.0: tell.state(confidence=0.6 + step)}
    assert len(play(offers, 3)) == count


def test_an_unchanged_state_is_told_within_ten_seconds_while_the_pipeline_lives(tell):
    offers = {float(second): tell.state() for second in range(31)}
    times = [at for at, _ in play(offers, 30)]
    assert times == [0.0, 9.5, 19.0, 28.5]


def test_a_pipeline_that_hangs_does_not_look_alive(tell):
    assert [at for at, _ in play({0.0: tell.state()}, 60)] == [0.0, 9.5]


def test_a_new_connection_is_told_at_once(tell):
    assert [at for at, _ in play({0.0: tell.state()}, 3, repeat_at=(1.2,))] == [0.0, 1.2]


def test_no_second_holds_three_however_often_others_ask(tell):
    offers = {round(tick / 10, 1): tell.state(("happy", "sad")[tick % 2]) for tick in range(50)}
    times = [at for at, _ in play(offers, 5, step=0.02, repeat_at=[round(tick / 50, 6) for tick in range(250)])]
    assert len(times) >= 9
    assert all(third - first > 1 for first, third in zip(times, times[2:], strict=False))
