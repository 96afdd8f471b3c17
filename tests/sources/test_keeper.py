"""The keeper: a device that blocks, dies, lies or raises costs neither the daemon nor a growing pile of threads."""

import threading
import time

import pytest

from emoedge.errors import SourceError
from emoedge.messages import SensorStatus
from emoedge.ops.backoff import Backoff
from emoedge.ops.clock import SystemClock
from emoedge.sources import keeper as keeper_module
from emoedge.sources.keeper import MOST_ABANDONED, Keeper


class Device:
    """Plays a list of items; a callable is called and what it returns is the item."""

    def __init__(self, script):
        self.script = iter(script)
        self.closed = False

    def read(self):
        time.sleep(0.005)
        item = next(self.script, None)
        if isinstance(item, Exception):
            raise item
        return item() if callable(item) else item

    def close(self):
        self.closed = True


class Bench:
    """A keeper over scripted devices, one script an opening; the last one is used again and again."""

    def __init__(self, *scripts, live=True, stall=0.3, backoff=None, once=True):
        self.scripts = list(scripts)
        self.opened = []
        self.items = []
        self.keeper = Keeper(
            name="bench", open=self.open, accept=self.accept, clock=SystemClock(), live=live,
            stall_timeout=stall, backoff=backoff or Backoff(0.02, 0.1), once=once,
        )  # fmt: skip

    def open(self, cancelled):
        script = self.scripts[min(len(self.opened), len(self.scripts) - 1)]
        self.opened.append(time.monotonic())
        if isinstance(script, Exception):
            raise script
        self.device = Device(script)
        return self.device

    def accept(self, item):
        self.items.append(item)
        return item != "same"


@pytest.fixture
def bench():
    made = []

    def make(*scripts, **options):
        made.append(Bench(*scripts, **options))
        made[-1].keeper.start()
        return made[-1]

    yield make
    for one in made:
        one.keeper.stop()


def endless(item="x"):
    while True:
        yield item


def test_online_after_the_first_item_and_offline_after_stop(bench, until):
    one = bench(endless())
    assert one.keeper.status is SensorStatus.RECONNECTING
    until(lambda: one.keeper.status is SensorStatus.ONLINE)
    one.keeper.stop()
    assert one.keeper.status is SensorStatus.OFFLINE
    assert one.device.closed
    held = len(one.items)
    time.sleep(0.1)
    assert len(one.items) == held


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (["x", None], "the stream ended"),
        (["x", SourceError("cable pulled")], "cable pulled"),
        (["x", ZeroDivisionError("driver")], "ZeroDivisionError: driver"),
        (["x", lambda: time.sleep(1)], "nothing came for 0.3 s"),
        (["x", *["same"] * 500], "nothing new for 0.3 s: the same again and again"),
        (SourceError("busy"), "busy"),
    ],
)
def test_losses_are_told_and_repaired(bench, until, script, problem):
    seen = []
    one = bench(script, endless())
    until(lambda: seen.append(one.keeper.problem) or (one.keeper.status is SensorStatus.ONLINE and len(one.opened) > 1))
    assert problem in seen
    assert one.keeper.problem is None
    assert one.keeper.reopened == (0 if problem == "busy" else 1)


@pytest.mark.parametrize(("script", "ended"), [(["x", "x"], True), ([], False), (["same"], False)])
def test_a_file_ends_if_there_was_something_in_it(bench, until, script, ended):
    one = bench(script, live=False)
    until(lambda: one.keeper.ended or one.keeper.problem == "nothing usable in it")
    assert one.keeper.ended is ended
    assert len(one.opened) == 1 or not ended


def test_a_file_that_breaks_off_has_ended_and_says_why(bench, until, caplog):
    one = bench(["x", SourceError("a.flac: damaged")], live=False)
    until(lambda: one.keeper.ended)
    time.sleep(0.3)
    assert len(one.opened) == 1, "it would be played from its begin, amid the film"
    assert (one.keeper.status, one.keeper.problem) == (SensorStatus.OFFLINE, "a.flac: damaged")
    assert caplog.messages == ["bench: a.flac: damaged; it ends there"]


def test_a_file_that_stands_for_a_device_is_played_again_where_it_breaks_off(bench, until):
    one = bench(["x", SourceError("a.flac: damaged")], live=False, once=False)
    until(lambda: one.keeper.reopened >= 2)
    assert not one.keeper.ended


def test_the_end_of_a_file_may_count_as_a_loss(bench, until):
    one = bench(["x"], live=False, once=False)
    until(lambda: one.keeper.reopened >= 2)
    assert not one.keeper.ended
    until(lambda: one.keeper.problem == "played to its end")


def test_delays_grow_until_it_worked_for_long(bench, until):
    asked = []

    class Counting(Backoff):
        def next(self):
            asked.append(super().next())
            return 0.01

    one = bench(["x"], backoff=Counting(1, 60, 0))
    until(lambda: len(asked) >= 8)
    assert asked[:8] == [1, 2, 4, 8, 16, 32, 60, 60], "a single item is no recovery"
    one.keeper.stop()


def test_blocked_readers_do_not_pile_up(bench, until):
    release = threading.Event()
    one = bench(["x", release.wait], stall=0.1)
    until(lambda: len(one.opened) >= MOST_ABANDONED)
    time.sleep(0.8)
    assert len(one.opened) == MOST_ABANDONED
    release.set()
    until(lambda: len(one.opened) > MOST_ABANDONED)


def test_an_item_of_a_given_up_reader_is_not_taken(bench, until):
    release = threading.Event()
    one = bench(["x", lambda: release.wait() and "late"], endless("y"), stall=0.1)
    until(lambda: "y" in one.items)
    release.set()
    time.sleep(0.1)
    assert "late" not in one.items


def test_opening_that_hangs_is_given_up(bench, until, monkeypatch):
    monkeypatch.setattr(keeper_module, "OPEN_TIMEOUT", 0.2)
    one = Bench(endless())
    calls = []

    def hang(cancelled):
        calls.append(1)
        if len(calls) == 1:
            time.sleep(1)
        return Device(endless())

    one.keeper.open = hang
    one.keeper.start()
    until(lambda: one.keeper.problem == "did not open within 0.2 s")
    until(lambda: one.keeper.status is SensorStatus.ONLINE)
    one.keeper.stop()


def test_stop_is_quick_while_a_read_blocks_and_start_works_again(bench, until):
    release = threading.Event()
    one = bench(["x", release.wait], endless("y"), stall=30)
    until(lambda: one.keeper.status is SensorStatus.ONLINE)
    begun = time.monotonic()
    one.keeper.stop()
    assert time.monotonic() - begun < 1
    one.keeper.start()
    until(lambda: "y" in one.items)
    release.set()


def test_one_log_line_for_each_change_of_state(bench, until, caplog):
    caplog.set_level("INFO")
    one = bench(SourceError("busy"), SourceError("busy"), SourceError("busy"), ["x"], SourceError("gone"), endless())
    until(lambda: len(one.opened) == 6 and caplog.messages[-1:] == ["bench: online"])
    assert caplog.messages == [
        "bench: busy; trying again",
        "bench: online",
        "bench: the stream ended; trying again",
        "bench: gone; trying again",
        "bench: online",
    ]
