"""What was retained where: bounded, on disk, and nothing that a broken file can stop."""

import pytest

from emoedge.outputs.ledger import FILE, MOST, RUNS, Entry, Ledger

HOME, OTHER = "home:1883", "other:1883"


def test_what_is_noted_is_known_after_a_restart(tmp_path):
    ledger = Ledger(tmp_path / "new")
    ledger.note(HOME, "emoedge/a", ["emoedge/a/status", "emoedge/a/info"], "1")
    ledger.note(OTHER, "emoedge/b", ["emoedge/b/status"], "2")
    ledger.note(HOME, "emoedge/a", ["emoedge/a/status"], "3")
    again = Ledger(tmp_path / "new")
    assert again.entry(HOME, "emoedge/a") == Entry(HOME, "emoedge/a", ("emoedge/a/status",), ("1", "3"))
    assert again.entry(OTHER, "emoedge/a") is None
    assert again.former(HOME, "emoedge/a") == []
    assert [one.root for one in again.former(HOME, "emoedge/c")] == ["emoedge/a"]


def test_an_entry_without_topics_goes(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.note(HOME, "a", ["a/status", "a/info"], "1")
    ledger.note(OTHER, "a", ["a/status", "a/info"], "1")
    ledger.strike(HOME, "a", ["a/status"])
    assert Ledger(tmp_path).entry(HOME, "a").topics == ("a/info",)
    ledger.strike(HOME, "a", ["a/info", "a/other"])
    assert Ledger(tmp_path).entry(HOME, "a") is None
    assert Ledger(tmp_path).entry(OTHER, "a").topics == ("a/status", "a/info")


def test_the_file_is_bounded(tmp_path):
    ledger = Ledger(tmp_path)
    for number in range(MOST + 3):
        ledger.note(HOME, f"device-{number}", ["x"], "1")
    for number in range(RUNS + 3):
        ledger.note(HOME, f"device-{MOST}", ["x"], str(number))
    again = Ledger(tmp_path)
    assert len(again.former(HOME, "")) == MOST
    assert again.entry(HOME, "device-2") is None
    assert again.former(HOME, "")[-1].runs == tuple(str(number) for number in range(3, RUNS + 3))


def test_nothing_is_written_that_is_there(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.note(HOME, "a", ["x"], "1")
    (tmp_path / FILE).unlink()
    ledger.note(HOME, "a", ["x"], "1")
    ledger.strike(HOME, "b", ["x"])
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"left": [1]}', b'{"left": [{}]}',
     b'{"left": [{"broker": "b", "root": "r", "topics": ["a/#"], "runs": []}]}',
     b'{"left": [{"broker": "b", "root": "r", "topics": [""], "runs": []}]}',
     b'{"left": [{"broker": "b", "root": "r", "topics": ["\\ud800"], "runs": []}]}',
     b'{"left": [{"broker": "b", "root": 1, "topics": ["a"], "runs": []}]}',
     b'{"left": [{"broker": "b", "root": "r", "topics": "abc", "runs": []}]}'],
)  # fmt: skip
def test_a_damaged_file_is_warned_of_and_replaced(tmp_path, content, caplog):
    (tmp_path / FILE).write_bytes(content)
    ledger = Ledger(tmp_path)
    assert ["cannot be read" in record.getMessage() for record in caplog.records] == [True]
    ledger.note(HOME, "a", ["x"], "1")
    assert Ledger(tmp_path).entry(HOME, "a").topics == ("x",)


def test_a_folder_that_cannot_be_written_is_warned_of_once_and_tried_again(tmp_path, caplog):
    (tmp_path / "state").write_text("in the way")
    ledger = Ledger(None)
    ledger.note(HOME, "a", ["x"], "1")
    assert not caplog.records
    ledger = Ledger(tmp_path / "state")
    caplog.clear()
    for run in "12":
        ledger.note(HOME, "a", ["x"], run)
    assert ["cannot be written" in record.getMessage() for record in caplog.records] == [True]
    assert ledger.entry(HOME, "a").runs == ("1", "2")
    (tmp_path / "state").unlink()
    ledger.note(HOME, "a", ["x"], "2")
    assert Ledger(tmp_path / "state").entry(HOME, "a").runs == ("1", "2")
