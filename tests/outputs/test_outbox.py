"""The outbox: safe from a killed process, in order, and capped."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from emoedge.ops.clock import ManualClock
from emoedge.outputs.event_store import FILE, EventStore


@pytest.mark.parametrize("disk", [False, True], ids=["memory", "disk"])
def test_order_cursor_and_delete(make_outbox, bodies, fill, tmp_path, disk):
    box = make_outbox(tmp_path if disk else None)
    fill(box, range(10))
    rows = box.after(0, 4)
    assert [json.loads(row.body)["n"] for row in rows] == [0, 1, 2, 3]
    assert bodies(box, rows[-1].id) == list(range(4, 10))
    for row in rows:
        box.delete(row.id)
    assert len(box) == 6
    assert bodies(box) == list(range(4, 10)), "an acknowledged event is never handed out again"
    assert (box.problem, (tmp_path / FILE).exists()) == (None, disk)


def test_what_was_committed_survives_and_only_that_is_of_an_earlier_run(make_outbox, bodies, fill, tmp_path):
    first = make_outbox(tmp_path)
    fill(first, range(5))
    first.delete(first.after(0, 1)[0].id)
    first.stop()
    second = make_outbox(tmp_path)
    fill(second, [5])
    assert bodies(second) == [1, 2, 3, 4, 5]
    assert [row.stored_at is None for row in second.after(0, 9)] == [True] * 4 + [False]


KILLED = """
import sys, time
from pathlib import Path
from emoedge.ops.clock import SystemClock
from emoedge.outputs.outbox import Outbox
box = Outbox(SystemClock(), Path(sys.argv[1]))
box.listen(lambda: print(len(box.after(0, 10**6)), flush=True))
box.start()
for n in range(100000):
    box.put({"n": n})
    time.sleep(0.002)
"""


def test_a_killed_process_loses_nothing_that_it_called_safe(make_outbox, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    safe = 0
    while safe < 50:
        safe = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    safe = max([safe, *map(int, rest)])
    store = EventStore(tmp_path)
    store.open()
    survived = [json.loads(row.body)["n"] for row in store.after(0, 10**6)]
    store.close()
    assert survived == list(range(len(survived)))
    assert len(survived) >= safe


def test_an_event_is_safe_within_50_ms(make_outbox, fill, tmp_path, eventually):
    box = make_outbox(tmp_path)
    fill(box, [0])
    took, seen = [], []
    box.listen(lambda: seen.append(time.monotonic()))
    for number in range(40):
        began = time.monotonic()
        box.put({"n": number})
        eventually(lambda number=number: len(seen) > number)
        took.append(seen[number] - began)
    assert sorted(took)[20] < 0.05


def test_caps_by_count_drop_the_oldest_and_count_them(make_outbox, bodies, fill, tmp_path):
    for folder in (None, tmp_path):
        box = make_outbox(folder, events=10)
        fill(box, range(25))
        assert bodies(box) == list(range(15, 25))
        assert box.dropped == 15
        assert len(box) == 10


def test_caps_by_bytes(make_outbox, bodies, fill, tmp_path):
    for folder in (None, tmp_path):
        box = make_outbox(folder, bytes=500)
        fill(box, range(100, 200))
        assert sum(len(row.body) for row in box.after(0, 999)) <= 500
        assert bodies(box)[-1] == 199
        assert len(box) + box.dropped == 100


def test_caps_by_age_count_only_where_the_clock_was_right_on_both_days(make_outbox, bodies, fill, tmp_path):
    def days(number, synced):
        return ManualClock(number * 86400.0, wall=datetime(2026, 6, 1, tzinfo=UTC), synced=synced)

    old = make_outbox(tmp_path, days(0, synced=True))
    fill(old, [1])
    old.stop()
    unsure = make_outbox(tmp_path, days(1, synced=False))
    fill(unsure, [2])
    unsure.stop()
    unsure = make_outbox(tmp_path, days(30, synced=False))
    fill(unsure, [3])
    assert bodies(unsure) == [1, 2, 3]
    unsure.stop()
    sure = make_outbox(tmp_path, days(30, synced=True))
    fill(sure, [4])
    assert bodies(sure) == [2, 3, 4]
    assert sure.dropped == 1


@pytest.mark.parametrize("disk", [False, True], ids=["memory", "disk"])
def test_what_is_too_old_is_not_sent_though_nothing_came_since(make_outbox, bodies, fill, tmp_path, eventually, disk):
    clock = ManualClock(wall=datetime(2026, 6, 1, tzinfo=UTC))
    box = make_outbox(tmp_path if disk else None, clock, age=60.0)
    fill(box, [1, 2])
    clock.advance(50.0)
    fill(box, [3])
    assert bodies(box) == [1, 2, 3]
    clock.advance(20.0)
    assert bodies(box) == [3]
    assert box.dropped == 2
    eventually(lambda: len(box) == 1, what="the old ones to go")
    fill(box, [4])
    assert bodies(box) == [3, 4]
    assert box.dropped == 2


@pytest.mark.parametrize("disk", [False, True], ids=["memory", "disk"])
def test_an_event_without_an_age_keeps_no_other_one(make_outbox, bodies, fill, tmp_path, disk):
    clock = ManualClock(wall=datetime(2026, 6, 1, tzinfo=UTC), synced=False)
    box = make_outbox(tmp_path if disk else None, clock, age=60.0)
    fill(box, [1])
    clock._synced = True
    fill(box, [2])
    clock.advance(100.0)
    assert bodies(box) == [1]


def test_a_device_switched_on_after_weeks_sends_nothing_of_then(make_outbox, bodies, fill, tmp_path, eventually):
    clock = ManualClock(wall=datetime(2026, 6, 1, tzinfo=UTC))
    box = make_outbox(tmp_path, clock, age=60.0)
    fill(box, range(5))
    box.stop()
    clock.advance(21 * 86400.0)
    box = make_outbox(tmp_path, clock, age=60.0)
    eventually(lambda: box._opened, what="the file to be opened")
    assert bodies(box, limit=2) == []
    assert box.dropped == 5
    eventually(lambda: len(box) == 0 and not box._acknowledged, what="the old ones to go")


def test_a_quiet_hour_writes_nothing(make_outbox, fill, tmp_path, eventually):
    box = make_outbox(tmp_path)
    fill(box, range(3))
    for row in box.after(0, 9):
        box.delete(row.id)
    eventually(lambda: not box._acknowledged)

    def written():
        return {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in tmp_path.iterdir()}

    before, changes = written(), box._store._db.total_changes
    for _ in range(20):
        box.after(0, 50)
        time.sleep(0.02)
    assert (written(), box._store._db.total_changes) == (before, changes)
