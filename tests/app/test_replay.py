"""`emoedge replay`: the same bytes every time, and clear words about media that cannot be read."""

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import cv2
import numpy as np
import pytest

from emoedge.config import default_config
from emoedge.errors import MediaError
from emoedge.messages import AudioBlock
from emoedge.pipeline import build_pipeline, load_models
from emoedge.sources.film import open_film


def write_wave(path, samples, *, channels=1, width=2, rate=16000):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples)
    return path


@pytest.mark.slow
def test_the_bundled_clip_is_deterministic(emoedge, clip, voice, tmp_path):
    first = emoedge("replay", clip, voice)
    assert first.returncode == 0, first.stderr
    second = emoedge("replay", clip, voice, "--jsonl", tmp_path / "events.jsonl")
    assert second.stdout == ""
    assert (tmp_path / "events.jsonl").read_text() == first.stdout
    events = [json.loads(line) for line in first.stdout.splitlines()]
    # Golden: who comes, speaks and leaves when, in seconds of the clip.
    found = {e["event_type"]: float(e["ts"][17:23]) for e in events}
    assert 2.0 <= next(float(e["ts"][17:23]) for e in events if e["event_type"] == "person_appeared") <= 3.5
    assert 4.5 <= found["voice_start"] <= 5.5
    assert 8.0 <= found["voice_end"] <= 9.5
    assert 13.0 <= found["person_left"] <= 15.0
    starts = [e["episode_id"] for e in events if e["event_type"] == "emotion_start"]
    ends = [e["episode_id"] for e in events if e["event_type"] == "emotion_end"]
    assert starts
    assert sorted(starts) == sorted(ends)
    assert "happy" in {e["label"] for e in events if e["event_type"] == "emotion_start"}


def test_one_picture_is_no_film(emoedge, tmp_path):
    path = tmp_path / "face.png"
    cv2.imwrite(str(path), np.zeros((64, 64, 3), np.uint8))
    done = emoedge("replay", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "emoedge classify" in done.stderr


@pytest.mark.parametrize("kind", ["film", "picture"])
def test_what_may_not_be_read_is_not_called_broken(tmp_path, clip, monkeypatch, kind):
    path = tmp_path / ("clip.mp4" if kind == "film" else "face.png")
    path.write_bytes(clip.read_bytes())
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(MediaError, match=f"{path}: Permission denied"):
        open_film(str(path), 25.0)


def test_a_sound_file_alone(emoedge, voice):
    done = emoedge("replay", voice)
    assert done.returncode == 0
    kinds = [json.loads(line)["event_type"] for line in done.stdout.splitlines()]
    assert kinds.count("voice_start") == kinds.count("voice_end") >= 1
    assert "person_appeared" not in kinds


def test_a_balanced_line_on_a_stereo_input_is_heard(emoedge, voice, tmp_path):
    with wave.open(str(voice)) as file:
        said = np.frombuffer(file.readframes(10**7), "<i2")
    line = write_wave(tmp_path / "line.wav", np.stack([said, -said], axis=1).tobytes(), channels=2)
    alone, twice = emoedge("replay", voice), emoedge("replay", line)
    assert twice.stdout == alone.stdout != ""
    assert f"{line}: its channels cancel each other" in twice.stderr


@pytest.fixture(scope="module")
def models():
    return load_models(default_config(), camera=False)


def listening(models, voice):
    """A pipeline in whose last tenth of a second somebody speaks, since whose last window that has not been judged."""
    pipeline = build_pipeline(default_config(overrides={"speech.hop": 10.0}), models, camera=False)
    with wave.open(str(voice)) as file:
        samples = np.frombuffer(file.readframes(int(6.5 * 16000)), "<i2").astype(np.float32) / 32768
    for end in range(1600, len(samples) + 1, 1600):
        pipeline.audio(AudioBlock(samples[end - 1600 : end], end / 16000))
    assert pipeline.mind.speaking
    assert pipeline.hearing.counters["classified"] == 0
    return pipeline


def test_what_is_said_at_the_very_end_is_judged(models, voice):
    pipeline = listening(models, voice)
    assert next(e.type.value for e in pipeline.finish(6.5)) == "voice_end"
    assert pipeline.hearing.counters["classified"] == len(pipeline.heard.observations) == 1


def test_what_was_said_before_a_pause_is_not_judged_after_it(models, voice):
    pipeline = listening(models, voice)
    pipeline.mind.pause(6.5, paused=True)
    assert pipeline.finish(60.0) == []
    assert pipeline.hearing.counters["classified"] == 0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.mp4", None, "missing.mp4"),
        ("garbage.mp4", b"\x00\x01" * 4000, "garbage.mp4"),
        ("empty.mp4", b"", "empty.mp4"),
        ("empty.wav", b"", "empty.wav"),
        ("garbage.wav", b"RIFF" + b"\xff" * 500, "garbage.wav"),
    ],
)
def test_unreadable_media(emoedge, tmp_path, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    done = emoedge("replay", path)
    assert done.returncode == 65
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr


@pytest.mark.parametrize("before", [None, "good lines\n"])
@pytest.mark.parametrize("wrong", ["film", "sound", "model"])
def test_a_replay_that_cannot_begin_leaves_the_lines_as_they_were(emoedge, clip, tmp_path, before, wrong):
    lines, garbage, config = tmp_path / "events.jsonl", tmp_path / "garbage.mp4", tmp_path / "config.yaml"
    if before is not None:
        lines.write_text(before)
    garbage.write_bytes(b"\x00\x01" * 4000)
    config.write_text("models: {face: ./missing.tflite}\n")
    media = {"film": [garbage], "sound": [clip, tmp_path / "missing.wav"], "model": [clip, "--config", config]}[wrong]
    assert emoedge("replay", *media, "--jsonl", lines).returncode == (78 if wrong == "model" else 65)
    assert (lines.read_text() if lines.exists() else None) == before


def test_lines_that_cannot_be_written_are_refused_at_once(emoedge, voice, tmp_path):
    own = tmp_path / "own.wav"
    own.write_bytes(Path(voice).read_bytes())
    for target, cause in [(tmp_path / "no/such/folder.jsonl", "No such file"), (tmp_path, "directory"), (own, "itself")]:
        done = emoedge("replay", own, "--jsonl", target)
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1
        assert cause in done.stderr
    assert own.read_bytes() == Path(voice).read_bytes()


@pytest.mark.parametrize(("target", "unbuffered"), [("-", ""), ("-", "1"), ("/dev/full", "")])
def test_lines_that_a_full_disk_swallows_are_no_success(voice, tmp_path, target, unbuffered):
    command = [sys.executable, "-m", "emoedge", "replay", voice, "--jsonl", target]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, timeout=120, check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
    assert done.returncode == 65
    assert len(done.stderr.strip().splitlines()) == 1
    assert "No space left" in done.stderr


def test_a_reader_that_has_read_enough_ends_it_quietly(voice, tmp_path):
    command = [sys.executable, "-m", "emoedge", "replay", voice]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as run:
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 0


def test_a_sound_that_breaks_off_leaves_nothing_without_an_end(emoedge, voice, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    torn = tmp_path / "torn.flac"
    soundfile.write(torn, *soundfile.read(voice))
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])
    done = emoedge("replay", torn)
    assert done.returncode == 65
    assert "damaged" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = {kind: [e["episode_id"] for e in events if e["event_type"] == kind] for kind in ("voice_start", "voice_end")}
    assert told["voice_start"]
    assert told["voice_start"] == told["voice_end"]


def test_sound_of_no_samples(emoedge, tmp_path):
    done = emoedge("replay", write_wave(tmp_path / "none.wav", b""))
    assert done.returncode == 65
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("channels", "width", "rate"), [(1, 1, 16000), (6, 2, 48000), (2, 3, 44100), (1, 4, 8000)])
def test_odd_sound_is_heard(emoedge, tmp_path, channels, width, rate):
    noise = np.random.default_rng(0).integers(0, 256, rate * channels * width, dtype=np.uint8)
    done = emoedge("replay", write_wave(tmp_path / "odd.wav", noise.tobytes(), channels=channels, width=width, rate=rate))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_usage(emoedge):
    assert emoedge("replay").returncode == 2


def test_bad_config_ends_with_78(emoedge, clip, tmp_path):
    (tmp_path / "bad.yaml").write_text("fusion: {enter: 3, typo: 1}\n")
    done = emoedge("replay", clip, "--config", tmp_path / "bad.yaml")
    assert done.returncode == 78
    assert len(done.stderr.strip().splitlines()) == 2
    assert "bad.yaml:1: fusion.enter: 3" in done.stderr


def test_nobody_is_seen_any_more_where_a_sound_goes_on_after_its_film(emoedge, clip, voice, tmp_path):
    whole, short = cv2.VideoCapture(str(clip)), tmp_path / "short.mp4"
    fps = whole.get(cv2.CAP_PROP_FPS)
    size = [round(whole.get(prop)) for prop in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
    writer = cv2.VideoWriter(str(short), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
    for _ in range(round(5 * fps)):
        writer.write(whole.read()[1])
    writer.release()
    told = [json.loads(line) for line in emoedge("replay", short, voice).stdout.splitlines()]
    left = [(float(e["ts"][17:23]), e["cause"]) for e in told if e["event_type"] == "person_left"]
    lost = [(e["sensor"], e["status"]) for e in told if e["event_type"] == "sensor_lost"]
    assert (len(left), lost) == (1, [("camera", "offline")])
    assert left[0][1] == "sensor_lost"
    assert 6.4 < left[0][0] < 6.7, "vision.leave after the last frame"
    heard = [e for e in told if float(e["ts"][17:23]) > 7.0 and e["subject"] is not None and "duration" in e]
    assert heard
    assert {e["subject"] for e in heard if e["event_type"] == "emotion_start"} <= {"voice"}


def test_nobody_speaks_any_more_where_a_film_goes_on_after_its_sound(emoedge, clip, voice, tmp_path):
    with wave.open(str(voice)) as whole:
        samples = whole.readframes(7 * whole.getframerate())  # it breaks off amid a word
        short = write_wave(tmp_path / "short.wav", np.frombuffer(samples, np.int16), rate=whole.getframerate())
    told = [json.loads(line) for line in emoedge("replay", clip, short).stdout.splitlines()]
    ends = [(e["duration"], e["cause"]) for e in told if e["event_type"] == "voice_end"]
    lost = [(e["sensor"], e["status"]) for e in told if e["event_type"] == "sensor_lost"]
    assert (len(ends), lost) == (1, [("mic", "offline")])
    assert ends[0][0] < 3.5
    assert ends[0][1] == "sensor_lost"
