"""Controls that survive a restart, and a file that does not stop one."""

import logging

import pytest

from emoedge.outputs.control_values import FILE, ControlValues


def test_paused_and_log_level_survive_raw_does_not(tmp_path):
    values = ControlValues(tmp_path, log_level="info")
    assert values.as_dict() == {"paused": False, "log_level": "info", "raw": False}
    assert values.set("paused", value=True)
    assert values.set("raw", value=True)
    assert not values.set("paused", value=True)
    again = ControlValues(tmp_path, log_level="warning")
    assert again.as_dict() == {"paused": True, "log_level": "warning", "raw": False}
    again.set("log_level", value="debug")
    assert ControlValues(tmp_path, log_level="warning")["log_level"] == "debug"


def test_nothing_is_written_until_something_is_set(tmp_path):
    ControlValues(tmp_path / "new", log_level="info")
    assert not (tmp_path / "new").exists()


def test_an_unchanged_value_is_not_written_again(tmp_path):
    values = ControlValues(tmp_path, log_level="info")
    values.set("paused", value=True)
    before = (tmp_path / FILE).stat().st_mtime_ns
    values.set("paused", value=True)
    assert (tmp_path / FILE).stat().st_mtime_ns == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"paused": "maybe"}', b"\xff", b"[" * 5000, b'{"paused": 1e999}'])
def test_a_damaged_file_means_defaults_and_a_warning(tmp_path, content, caplog):
    (tmp_path / FILE).write_bytes(content)
    assert not ControlValues(tmp_path, log_level="info").paused
    assert len(caplog.records) == 1


def test_one_bad_value_does_not_switch_a_paused_camera_on(tmp_path, caplog):
    (tmp_path / FILE).write_text('{"log_level": "verbose", "paused": true, "later": 1}')
    values = ControlValues(tmp_path, log_level="info")
    assert values.as_dict() == {"paused": True, "log_level": "info", "raw": False}
    assert ["log_level" in record.getMessage() for record in caplog.records] == [True]


def test_what_could_not_be_written_is_when_it_is_set_again(tmp_path):
    (tmp_path / "folder").write_text("in the way")
    values = ControlValues(tmp_path / "folder", log_level="info")
    assert values.set("paused", value=True)
    (tmp_path / "folder").unlink()
    assert not values.set("paused", value=True)
    assert ControlValues(tmp_path / "folder", log_level="info").paused


def test_a_folder_that_cannot_be_written_is_warned_of(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    values = ControlValues(tmp_path / "file", log_level="info")
    with caplog.at_level(logging.WARNING):
        values.set("paused", value=True)
    assert values.paused
    assert "cannot be written" in caplog.text


def test_a_program_that_begins_anew_keeps_what_was_set_without_a_file(tmp_path, caplog):
    values = ControlValues(None, log_level="info")
    assert ControlValues(None, log_level="info", carried=values.kept).kept == "{}"
    values.set("paused", value=True)
    values.set("raw", value=True)
    again = ControlValues(None, log_level="info", carried=values.kept)
    assert again.as_dict() == {"paused": True, "log_level": "info", "raw": False}
    assert again.kept == values.kept
    assert ControlValues(tmp_path, log_level="info", carried=values.kept).paused, "a folder that is new"
    assert ControlValues(tmp_path, log_level="info").paused, "and keeps it"
    (tmp_path / FILE).write_text('{"log_level": "debug"}')
    assert ControlValues(tmp_path, log_level="info", carried=values.kept).paused, "a file that could not be written"
    assert not caplog.records
    assert not ControlValues(None, log_level="info", carried="{").paused
    assert "EMOEDGE_CONTROLS cannot be read" in caplog.text
