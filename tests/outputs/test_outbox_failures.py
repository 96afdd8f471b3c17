"""The outbox on broken disks: it stays alive, says so, and loses nothing that it need not."""

import json
import logging
import os
import shutil
import sqlite3
import time
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.ops.clock import SystemClock
from emoedge.outputs import outbox as outbox_module
from emoedge.outputs.event_store import FILE, Caps, CorruptStoreError, EventStore, StoredEvent
from emoedge.outputs.outbox import Outbox


def test_no_folder_is_a_warning_and_memory(make_outbox, fill, caplog):
    box = make_outbox(None)
    fill(box, [1])
    assert "kept in memory" in caplog.text
    assert box.problem is None


def test_a_folder_that_cannot_be_made_is_survived_and_told(make_outbox, bodies, fill, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    box = make_outbox(tmp_path / "file")
    fill(box, range(20))
    assert bodies(box) == list(range(20))
    assert "exists" in box.problem
    assert len(caplog.records) == 1, "one line, not one an event"


def test_a_full_disk_is_survived_and_left_behind_when_there_is_room_again(make_outbox, bodies, fill, tmp_path, eventually, caplog):
    caplog.set_level(logging.INFO)
    box = make_outbox(tmp_path)
    fill(box, [0])
    box._store._db.execute("PRAGMA max_page_count = 4")
    numbers = list(range(1, 60))
    for number in numbers:
        box.put({"n": number, "x": "y" * 500})
        time.sleep(0.001)
    eventually(lambda: box.problem)
    eventually(lambda: bodies(box) == [0, *numbers], what="all events in their order from disk and memory")
    for row in box.after(0, 5):
        box.delete(row.id)
    assert bodies(box) == numbers[4:]
    assert len([r for r in caplog.records if "cannot be written" in r.message]) == 1
    box._store._db.execute("PRAGMA max_page_count = 100000")
    fill(box, [60])
    assert box.problem is None
    assert bodies(box) == [*numbers[4:], 60]
    box.stop()
    again = make_outbox(tmp_path)
    eventually(lambda: bodies(again) == [*numbers[4:], 60])


def test_a_disk_that_comes_late_does_not_mix_up_old_and_new(make_outbox, bodies, fill, tmp_path, eventually):
    old = make_outbox(tmp_path)
    fill(old, [1, 2, 3])
    # The old process still holds the file: a second daemon must run on in memory and say why.
    new = make_outbox(tmp_path)
    fill(new, [4, 5])
    assert "locked" in new.problem
    first = new.after(0, 1)[0]
    assert json.loads(first.body)["n"] == 4
    old.stop()
    new.put({"n": 6})
    eventually(lambda: new.problem is None)
    new.delete(first.id)  # on its way while the file was opened: its id must still be its own
    fill(new, [7])
    assert bodies(new) == [5, 6, 1, 2, 3, 7]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"not a database at all" * 100),
        lambda path: path.write_bytes(path.read_bytes()[:5000] + bytes(3000)),
        lambda path: path.write_bytes(path.read_bytes()[:4096] + os.urandom(len(path.read_bytes()) - 4096)),
        lambda path: path.write_bytes(b""),
    ],
    ids=["garbage", "cut", "scrambled", "empty"],
)
def test_a_damaged_file_is_set_aside(make_outbox, bodies, fill, tmp_path, damage, caplog):
    box = make_outbox(tmp_path)
    fill(box, range(200))
    box.stop()
    damage(tmp_path / FILE)
    caplog.clear()
    again = make_outbox(tmp_path)
    fill(again, [999])
    assert bodies(again) == [999]
    assert again.problem is None
    assert (tmp_path / "outbox.corrupt").exists() is bool(caplog.records)


def test_damage_in_use_is_noticed_and_counted(make_outbox, bodies, fill, tmp_path, eventually, caplog):
    box = make_outbox(tmp_path)
    fill(box, range(300))
    box._store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    box._store._db.execute("PRAGMA cache_size = 0")
    path = tmp_path / FILE
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    box._store._db.execute("PRAGMA shrink_memory")
    box.put({"n": 1000})
    eventually(lambda: bodies(box)[-1:] == [1000], what="a new file")
    assert box.dropped >= 250
    assert "damaged" in caplog.text


def test_where_no_new_file_can_be_made_for_a_damaged_one_it_is_made_later(make_outbox, bodies, fill, tmp_path, eventually, monkeypatch):
    box = make_outbox(tmp_path)
    fill(box, range(5))
    box.delete(box.after(0, 1)[0].id)
    eventually(lambda: not box._acknowledged and len(box) == 4)
    with monkeypatch.context() as full:
        full.setattr(EventStore, "apply", Mock(side_effect=CorruptStoreError("malformed")))
        full.setattr(sqlite3, "connect", Mock(side_effect=sqlite3.OperationalError("unable to open database file")))
        box.put({"n": 5})
        eventually(lambda: box.problem)
        assert bodies(box) == [5]
        assert (len(box), box.dropped) == (1, 4)
    fill(box, [6])
    eventually(lambda: box.problem is None, what="a new file")
    assert bodies(box) == [5, 6]
    assert (box.problem, len(box), box.dropped) == (None, 2, 4)
    assert (tmp_path / "outbox.corrupt").exists()


def remove(folder):
    (folder / FILE).unlink()


def remove_all(folder):
    shutil.rmtree(folder)


def move(folder):
    (folder / FILE).rename(folder / "elsewhere")


def replace_with_another(folder):
    other = folder / "other"
    store = EventStore(other)
    store.open()
    store.apply([StoredEvent(1, b'{"n":100}', 0.0)], (), Caps(), None)
    store.close()
    (other / FILE).replace(folder / FILE)


@pytest.mark.parametrize("lose", [remove, remove_all, move, replace_with_another])
def test_what_waits_in_a_file_that_is_removed_goes_to_a_new_one(make_outbox, bodies, fill, tmp_path, eventually, caplog, lose):
    folder = tmp_path / "state"
    before = make_outbox(folder)
    fill(before, range(2))
    before.stop()
    box = make_outbox(folder)
    fill(box, range(2, 5))
    box.delete(box.after(0, 1)[0].id)
    eventually(lambda: not box._acknowledged)
    box.delete(box.after(0, 1)[0].id)
    sent = box.after(0, 1)[0]
    lose(folder)
    box.put({"n": 5})
    eventually(lambda: 5 in bodies(box))
    box.delete(sent.id)  # on its way while the file was lost
    others = [100] if lose is replace_with_another else []
    eventually(lambda: sorted(bodies(box)) == [3, 4, 5, *others] and len(box) == 3 + len(others))
    assert (box.problem, box.dropped) == (None, 0)
    fill(box, [6])
    box.stop()
    again = make_outbox(folder)
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1
    eventually(lambda: sorted(bodies(again)) == [3, 4, 5, 6, *others], what="a restart to find them")


def test_what_is_acknowledged_while_a_lost_file_is_read_does_not_come_back(make_outbox, bodies, fill, tmp_path, eventually, monkeypatch):
    box = make_outbox(tmp_path)
    fill(box, [1, 2])
    first, leave = box.after(0, 1)[0], EventStore.leave

    def answered_meanwhile(store):
        rows = leave(store)
        box.delete(first.id)
        return rows

    monkeypatch.setattr(EventStore, "leave", answered_meanwhile)
    remove(tmp_path)
    fill(box, [3])
    eventually(lambda: bodies(box) == [2, 3] and len(box) == 2)


def test_what_cannot_be_read_of_a_file_that_is_removed_is_counted_and_told(make_outbox, bodies, fill, tmp_path, eventually, monkeypatch, caplog):
    box = make_outbox(tmp_path)
    fill(box, [1, 2, 3])
    first, leave = box.after(0, 1)[0], EventStore.leave

    def unreadable(store):
        leave(store)
        box.delete(first.id)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(EventStore, "leave", unreadable)
    remove(tmp_path)
    fill(box, [4])
    eventually(lambda: bodies(box) == [4])
    assert box.dropped == 2, "one of the three was delivered"
    assert "removed while in use and cannot be read (disk I/O error); 2 events lost" in caplog.text


def test_what_an_earlier_run_left_stays_of_an_earlier_run_in_a_new_file(make_outbox, fill, tmp_path):
    first = make_outbox(tmp_path)
    fill(first, [1])
    first.stop()
    second = make_outbox(tmp_path)
    fill(second, [2])
    remove(tmp_path)
    fill(second, [3])
    assert [row.stored_at is None for row in second.after(0, 9)] == [True, False, False]


def test_a_file_that_is_removed_is_noticed_though_nothing_comes(make_outbox, bodies, fill, tmp_path, eventually, monkeypatch):
    monkeypatch.setattr(outbox_module, "LOOK", 0.05)
    box = make_outbox(tmp_path)
    fill(box, [1, 2])
    remove(tmp_path)
    eventually(lambda: (tmp_path / FILE).exists(), what="a new file")
    assert bodies(box) == [1, 2]


def test_where_no_new_file_can_be_made_for_one_that_is_removed_events_wait_in_memory(make_outbox, bodies, fill, tmp_path, eventually):
    folder = tmp_path / "state"
    box = make_outbox(folder)
    fill(box, [1, 2])
    shutil.rmtree(folder)
    folder.write_text("in the way")
    fill(box, [3])
    assert bodies(box) == [1, 2, 3]
    assert (len(box), box.dropped) == (3, 0)
    assert box.problem
    folder.unlink()
    fill(box, [4])
    assert box.problem is None
    box.stop()
    again = make_outbox(folder)
    eventually(lambda: bodies(again) == [1, 2, 3, 4])


class Sick(EventStore):
    """A disk that fails at random."""

    def __init__(self, folder, failures):
        super().__init__(folder)
        self.failures = failures

    def apply(self, *args):
        if self.failures and self.failures.pop(0):
            raise sqlite3.OperationalError("disk I/O error")
        return super().apply(*args)


@settings(max_examples=25, deadline=None)
@given(
    failures=st.lists(st.booleans(), max_size=30),
    steps=st.lists(st.sampled_from(["put", "ack", "reconnect"]), max_size=60),
)
def test_whatever_the_disk_does_events_come_once_and_in_order(tmp_path_factory, bodies, failures, steps):
    box = Outbox(SystemClock(), tmp_path_factory.mktemp("box"))
    box._store = Sick(box._store._folder, failures)
    box._open()
    sent, acked, cursor, number = [], [], 0, 0
    for step in steps:
        if step == "put":
            box.put({"n": number})
            number += 1
        elif step == "reconnect":
            cursor = 0
        else:
            rows = box.after(cursor, 1)
            if rows:
                cursor = rows[0].id
                n = json.loads(rows[0].body)["n"]
                sent.append(n)
                box.delete(cursor)
                acked.append(n)
        box._commit()
        assert len(box) == number - len(acked)
    assert acked == list(range(len(acked)))
    assert bodies(box) == list(range(len(acked), number))
    box._store.close()
