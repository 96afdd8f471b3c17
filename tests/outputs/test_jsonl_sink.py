"""The JSON-lines sink: same bytes for the same input, and a full disk is one line in the log."""

import io
import json
import logging
import os
import resource
import signal
import sys

import pytest
from jsonschema import Draft202012Validator

from emoedge.ops.clock import ManualClock
from emoedge.outputs.jsonl import JsonlSink
from emoedge.outputs.schema_files import schema


def play(path, tell, **options):
    clock = ManualClock()
    sink = JsonlSink(str(path), clock, boot_id="replay", **options)
    sink.start()
    for number in range(5):
        clock.advance(0.5)
        sink.event(tell.moved(number, clock.monotonic() - 0.1))
        sink.state(tell.state())
    sink.stop()
    return sink


def test_the_same_events_give_the_same_bytes(tmp_path, tell):
    play(tmp_path / "a.jsonl", tell)
    play(tmp_path / "b.jsonl", tell)
    lines = (tmp_path / "a.jsonl").read_bytes()
    assert lines == (tmp_path / "b.jsonl").read_bytes()
    told = [json.loads(line) for line in lines.splitlines()]
    assert [item["number"] for item in told] == list(range(5))
    assert told[0]["ts"] == "2000-01-01T00:00:00.400Z"
    for item in told:
        Draft202012Validator(schema("event")).validate(item)


def test_appends_unless_told_to_start_anew(tmp_path, tell):
    path = tmp_path / "a.jsonl"
    play(path, tell)
    play(path, tell)
    assert len(path.read_bytes().splitlines()) == 10
    play(path, tell, whole=True)
    assert len(path.read_bytes().splitlines()) == 5


def test_stdout_stays_open(monkeypatch, tell):
    class Stdout:
        buffer = io.BytesIO()

    monkeypatch.setattr(sys, "stdout", Stdout)
    play("-", tell)
    assert len(Stdout.buffer.getvalue().splitlines()) == 5


def test_a_full_disk_and_a_missing_folder_are_survived_and_reported_once(tmp_path, tell, caplog):
    with caplog.at_level(logging.WARNING):
        assert play("/dev/full", tell).dropped == 5
    assert len(caplog.records) == 1
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert play(tmp_path / "no" / "a.jsonl", tell).dropped == 5
    assert len(caplog.records) == 1


def test_only_what_is_never_written_counts_as_lost(tmp_path, tell):
    path = tmp_path / "a.jsonl"
    sink = JsonlSink(str(path), ManualClock(), boot_id="full")
    sink.start()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit fails instead of killing
    try:
        for number in range(40):
            room = 4096 if number < 30 else limits[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
            sink.event(tell.moved(number, 0.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    sink.stop()
    there = [json.loads(line)["number"] for line in path.read_bytes().splitlines()]
    assert sorted(set(there)) == there
    assert there[-10:] == list(range(30, 40))
    assert sink.dropped == 40 - len(there) > 0


def test_a_folder_that_comes_late_is_written_to(tmp_path, tell, caplog):
    path = tmp_path / "usb" / "a.jsonl"
    sink = JsonlSink(str(path), ManualClock(), boot_id="late")
    sink.start()
    sink.event(tell.moved(0, 0.0))
    assert str(path) in sink.problem
    path.parent.mkdir()
    sink.event(tell.moved(1, 0.0))
    assert (sink.problem, sink.dropped) == (None, 1)
    sink.stop()
    assert json.loads(path.read_text())["number"] == 1
    assert len(caplog.records) == 1


@pytest.mark.parametrize("how", ["moved", "replaced", "removed"])
def test_a_file_that_is_moved_or_removed_is_made_anew(tmp_path, tell, caplog, how):
    path, old = tmp_path / "a.jsonl", tmp_path / "a.jsonl.1"
    sink = JsonlSink(str(path), ManualClock(), boot_id="rotated")
    sink.start()
    sink.event(tell.moved(0, 0.0))
    path.rename(old)
    if how == "replaced":
        path.touch()
    elif how == "removed":
        old.unlink()
    sink.event(tell.moved(1, 0.0))
    sink.event(tell.moved(2, 0.0))
    sink.stop()
    assert [json.loads(line)["number"] for line in path.read_bytes().splitlines()] == [1, 2]
    if how != "removed":
        assert [json.loads(line)["number"] for line in old.read_bytes().splitlines()] == [0]
    assert (sink.dropped, sink.problem, caplog.records) == (0, None, [])


def test_a_folder_that_goes_and_comes_back_is_told_and_written_to_again(tmp_path, tell):
    path = tmp_path / "usb" / "a.jsonl"
    path.parent.mkdir()
    sink = JsonlSink(str(path), ManualClock(), boot_id="usb")
    sink.start()
    path.parent.rename(tmp_path / "pulled")
    sink.event(tell.moved(0, 0.0))
    assert str(path) in sink.problem
    (tmp_path / "pulled").rename(path.parent)
    sink.event(tell.moved(1, 0.0))
    sink.stop()
    assert json.loads(path.read_text())["number"] == 1
    assert (sink.problem, sink.dropped) == (None, 1)


def test_a_link_to_a_file_that_is_not_there_yet_makes_it(tmp_path, tell):
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "b.jsonl")
    assert play(tmp_path / "a.jsonl", tell).dropped == 0
    assert len((tmp_path / "b.jsonl").read_bytes().splitlines()) == 5


def test_lines_for_a_reader_that_has_left_count_as_lost(monkeypatch, tell):
    out, into = os.pipe()
    os.close(out)

    class Stdout:
        buffer = os.fdopen(into, "wb")

    monkeypatch.setattr(sys, "stdout", Stdout)
    sink = play("-", tell)
    assert sink.dropped == 5
    assert "Broken pipe" in sink.problem
    os.dup2(os.open(os.devnull, os.O_WRONLY), into)  # where what is left in the buffer can go
    Stdout.buffer.close()


def test_a_line_that_a_power_cut_broke_off_takes_no_other_one_along(tmp_path, tell):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"number": 7}\n{"numb')
    play(path, tell)
    lines = path.read_bytes().splitlines()
    assert lines[1] == b'{"numb'
    assert [json.loads(line)["number"] for line in lines[:1] + lines[2:]] == [7, 0, 1, 2, 3, 4]


def test_a_pipe_is_written_while_somebody_reads_it_and_never_waited_for(tmp_path, tell, caplog):
    pipe = tmp_path / "events"
    os.mkfifo(pipe)
    sink = JsonlSink(str(pipe), ManualClock(), boot_id="pipe")
    with caplog.at_level(logging.WARNING):
        sink.start()
        sink.event(tell.moved(0, 0.0))
    assert (sink.dropped, sink.problem, len(caplog.records)) == (1, f"{pipe}: nobody reads this pipe", 1)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    sink.event(tell.moved(1, 0.0))
    assert json.loads(os.read(reader, 65536))["number"] == 1
    assert (sink.dropped, sink.problem) == (1, None)
    told = 2
    while sink.problem is None:
        sink.event(tell.moved(told, 0.0))
        told += 1
    assert sink.problem == f"{pipe}: its reader does not keep up"
    numbers = [json.loads(line)["number"] for line in os.read(reader, 1 << 20).splitlines()]
    assert numbers == list(range(2, told - 1)), "whole lines, and all but the one that is counted"
    assert sink.dropped == 2
    sink.event(tell.moved(told, 0.0))
    assert (json.loads(os.read(reader, 65536))["number"], sink.problem) == (told, None)
    os.close(reader)
    sink.event(tell.moved(told, 0.0))
    assert sink.problem == f"{pipe}: Broken pipe"
    sink.stop()


def test_no_file_takes_the_place_of_a_pipe_that_is_removed(tmp_path, tell):
    pipe = tmp_path / "events"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    sink = JsonlSink(str(pipe), ManualClock(), boot_id="pipe")
    sink.start()
    os.close(reader)
    pipe.unlink()
    sink.event(tell.moved(0, 0.0))
    assert (sink.dropped, pipe.exists()) == (1, False)
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    sink.event(tell.moved(1, 0.0))
    assert json.loads(os.read(reader, 65536))["number"] == 1
    assert (sink.dropped, sink.problem) == (1, None)
    sink.stop()
    os.close(reader)
