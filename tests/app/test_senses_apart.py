"""A device with one sense loads nothing of the other one: memory is short on a small board."""

import pytest

CONFIG = """
deployment: {{context: home}}
camera: {{source: {camera}}}
microphone: {{source: {microphone}}}
mqtt: {{host: none}}
jsonl: {{path: {lines}}}
"""


@pytest.mark.parametrize(
    ("sense", "foreign"),
    [("microphone", ("cv2", "emoedge.vision.eye", "pyaudio")), ("camera", ("pyaudio", "emoedge.audio.hearing"))],
)
def test_what_is_not_there_is_not_loaded(daemon, clip, voice, tmp_path, monkeypatch, eventually, sense, foreign):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    there = {"camera": "none", "microphone": "none", sense: clip if sense == "camera" else voice}
    one = daemon(CONFIG.format(**there, lines=tmp_path / "events.jsonl"))
    eventually(lambda: f"{sense}: online" in one.said, 30, "the sense")
    assert one.stop()[0] == 0
    loaded = {line.rpartition("|")[2].strip() for line in one.said.splitlines() if line.startswith("import time:")}
    assert "emoedge.pipeline" in loaded
    assert loaded.isdisjoint(foreign)
