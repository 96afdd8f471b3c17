"""The doctor on where things are kept: the state folder and the file of events."""

import os

from emoedge.config import default_config
from emoedge.doctor import storage
from emoedge.doctor.finding import Verdict


def test_a_state_folder_that_cannot_be_kept_is_told(tmp_path, monkeypatch):
    def said(folder):
        (finding,) = storage.check(default_config(overrides={"device.state_directory": str(folder)}))
        return finding.verdict, finding.said

    (tmp_path / "file").write_text("")
    verdict, text = said(tmp_path / "file")
    assert (verdict, "not a folder" in text) == (Verdict.FAIL, True)
    assert said(tmp_path / "new" / "deeper")[0] is Verdict.PASS
    monkeypatch.setattr("os.access", lambda *_: False)
    verdict, text = said(tmp_path / "new" / "deeper")
    assert (verdict, "cannot be written by user" in text) == (Verdict.WARN, True)
    assert not (tmp_path / "new").exists(), "it looks and makes nothing"


def test_a_state_folder_that_may_not_be_looked_into(tmp_path, monkeypatch):
    inside, looked = tmp_path / "private" / "emoedge", os.stat
    inside.mkdir(parents=True)
    link = tmp_path / "emoedge"
    link.symlink_to(inside)

    def closed(path, *more, **options):
        if str(path).startswith((str(inside), str(link))) and options.get("follow_symlinks", True):
            raise PermissionError(13, "Permission denied", str(path))
        return looked(path, *more, **options)

    monkeypatch.setattr(os, "stat", closed)
    monkeypatch.setattr(storage, "SERVICE_FOLDER", link)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    (service,) = storage.check(default_config())
    assert (service.verdict, "the service's" in service.said) == (Verdict.PASS, True)
    (named,) = storage.check(default_config(overrides={"device.state_directory": str(inside)}))
    assert (named.verdict, "cannot be reached by user" in named.said) == (Verdict.WARN, True)


def test_a_state_folder_whose_name_is_too_long_is_told():
    (finding,) = storage.check(default_config(overrides={"device.state_directory": "x" * 300}))
    assert (finding.verdict, "name too long" in finding.said) == (Verdict.FAIL, True)


def test_a_file_of_events_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    def look(path):
        overrides = {"device.state_directory": str(tmp_path), "jsonl.path": path and str(path)}
        _, *found = storage.check(default_config(overrides=overrides))
        return [finding.verdict.value for finding in found]

    (tmp_path / "there.jsonl").write_text("")
    assert (look(None), look("-")) == ([], [])
    assert (look(tmp_path / "there.jsonl"), look(tmp_path / "new.jsonl")) == (["pass"], ["pass"])
    for wrong in (tmp_path, tmp_path / "gone" / "new.jsonl", tmp_path / "there.jsonl" / "new.jsonl", "x" * 300 + "/x"):
        assert look(wrong) == ["fail"]
    monkeypatch.setattr("os.access", lambda *_: False)
    assert (look(tmp_path / "there.jsonl"), look(tmp_path / "new.jsonl")) == (["warn"], ["warn"])
    assert not (tmp_path / "new.jsonl").exists(), "it looks and makes nothing"
