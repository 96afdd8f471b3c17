"""Speech that nobody labelled: what a package of Debian holds, and where it comes from."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from workbench.recipes import other_speech
from workbench.recipes.other_speech import OtherSpeech, fetched, sounds

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("EMOEDGE_TRAIN_PYTHON", str(ROOT / ".venv-train/bin/python"))
RATE = 16000


@pytest.fixture
def mirror(dialogues, monkeypatch):
    """The one mirror, and the one package."""
    folder, package = dialogues
    monkeypatch.setattr(other_speech, "MIRRORS", (folder.as_uri(),))
    monkeypatch.setattr(other_speech, "PACKAGES", (package,))
    return folder


def test_recordings_come_out_of_a_package_in_parts(mirror, tmp_path, monkeypatch, capsys):
    speech = OtherSpeech.load(tmp_path)
    seconds = np.diff(speech.offsets) / RATE
    assert speech.count == len(speech.packages) == 8
    assert seconds == pytest.approx([2, 2, 2, 2, 2, 2, 7.5, 7.5], abs=0.01)  # the one of 0.3 s is left out
    assert capsys.readouterr().err == "fetching talk-data\n"
    pitch = np.abs(np.fft.rfft(speech.wave(6))).argmax() / seconds[6]
    assert pitch == pytest.approx(440, abs=1)
    assert np.abs(speech.wave(6)).max() == pytest.approx(0.5, abs=0.02)
    monkeypatch.setattr(other_speech, "MIRRORS", ())
    again = OtherSpeech.load(tmp_path)
    np.testing.assert_array_equal(again.wave(3), speech.wave(3))
    assert capsys.readouterr().err == ""


def test_the_next_mirror_is_asked(mirror, tmp_path, monkeypatch):
    package = other_speech.PACKAGES[0]
    monkeypatch.setattr(other_speech, "MIRRORS", ((tmp_path / "none").as_uri(), mirror.as_uri()))
    assert fetched(package)
    monkeypatch.setattr(other_speech, "MIRRORS", ((tmp_path / "none").as_uri(),))
    with pytest.raises(ValueError, match=r"talk-data cannot be fetched: .*No such file"):
        fetched(package)


def test_another_package_than_the_one_that_is_meant_is_refused(mirror):
    path = mirror / other_speech.PACKAGES[0].path
    content = path.read_bytes()
    try:
        path.write_bytes(content + b" ")
        with pytest.raises(ValueError, match="its SHA-256 is another"):
            fetched(other_speech.PACKAGES[0])
    finally:
        path.write_bytes(content)


def test_what_is_no_package_is_told():
    for content in (b"", b"a page that says no", b"!<arch>\n", b"!<arch>\n" + b" " * 59):
        with pytest.raises(ValueError, match=r"holds no data\.tar"):
            list(sounds(content))


TELEPHONE = """
import sys
sys.path[:0] = [{root!r}, {tools!r}]
import G722, numpy as np
from workbench.recipes.other_speech import _decoded
tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.int16)
heard = _decoded(bytes(G722.G722(16000, 64000).encode(tone)), "a/tone.g722")
assert len(heard) == 16000, len(heard)
assert abs(np.abs(np.fft.rfft(heard)).argmax() - 1000) <= 1
assert abs(np.abs(heard).max() - 8000 / 32767) < 0.02, np.abs(heard).max()
"""


@pytest.mark.train
def test_prompts_of_an_exchange_are_read():
    program = TELEPHONE.format(root=str(ROOT), tools=str(ROOT / "tools"))
    done = subprocess.run([PYTHON, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
