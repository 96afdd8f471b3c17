"""Speech training end to end on synthetic voices: parts, sessions, an interrupted run that goes on, what it leaves."""

import csv
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from workbench.conversion.request import parse_dimensions
from workbench.data.speech import read_folder
from workbench.recipes import speech_affect
from workbench.recipes.speech import split
from workbench.recipes.speech_augmentation import draw_channel, hum, misjudged, smear, through, voice
from workbench.recipes.speech_front_end import BASE, FRAMES, HOP, windows
from workbench.recipes.speech_power import PowerCache
from workbench.recipes.speech_sessions import LABELS, SessionSampler

from emoedge.audio.front_end import build, mel_power
from emoedge.emotions import INDEX, VALENCE_AROUSAL
from emoedge.inference.spec import FrontEndSpec

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("EMOEDGE_TRAIN_PYTHON", str(ROOT / ".venv-train/bin/python"))
ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
RATE = 16000

SMALL = """
import sys
sys.path[:0] = [{root!r}, {tools!r}]
from pathlib import Path
from workbench.recipes import TrainOptions, speech, speech_pool
speech.STEPS, speech.FITTING, speech.START, speech.EVERY = 4, 6, 2, 2
speech.BLOCKS = speech_pool.BLOCKS = 3
speech_pool.BLOCK = 6
save = speech.training.save_checkpoint
def save_and_stop(folder, arrays, state):
    save(folder, arrays, state)
    if state["epoch"] == {stop}:
        raise KeyboardInterrupt
speech.training.save_checkpoint = save_and_stop
speech.train(TrainOptions(system="emoedge", modality="speech", data=(Path({data!r}),), output=Path({output!r}),
                          variant={variant!r}, epochs={epochs}, resume={resume}))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Voices of noise whose rhythm is the emotion: two corpora, one with calm, one without; three noises."""
    root = tmp_path_factory.mktemp("speech")
    generator = np.random.default_rng(0)
    rows = []
    sets = {
        "ravdess": (["Actor_01", "Actor_15", "Actor_17"], ["angry", "sad", "calm", "neutral"]),
        "mine": (["p", "q"], ["happy", "sad"]),
    }
    for name in (*sets, "noise"):
        (root / name).mkdir()
    for name, (speakers, emotions) in sets.items():
        for speaker in speakers:
            for emotion in emotions:
                for take in range(2):
                    file = f"{name}/{speaker}-{emotion}-{take}.wav"
                    time = np.arange(2 * RATE) / RATE
                    swing = np.sin(2 * np.pi * (1 + LABELS.index(emotion)) * time) > 0
                    soundfile.write(root / file, swing * generator.normal(0, 0.1, len(time)), RATE)
                    rows.append((name, file, speaker, emotion))
    with (root / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["dataset", "file", "speaker", "emotion"])
        writer.writerows(rows)
    for i in range(3):
        soundfile.write(root / f"noise/{i}.wav", generator.normal(0, 0.1, RATE), RATE)
    (root / "noise.csv").write_text("file,category\n" + "".join(f"noise/{i}.wav,rain\n" for i in range(3)))
    return root


@pytest.fixture(scope="module")
def cache(data, tmp_path_factory):
    return PowerCache.load(read_folder(data), FRAMES, tmp_path_factory.mktemp("power"))


def names(cache, rows):
    return {(cache.clips[row].dataset, cache.clips[row].speaker) for row in rows}


def test_the_cache_keeps_power_and_silence(data, cache, tmp_path):
    samples = soundfile.read(data / cache.clips[0].file, dtype="float32")[0]
    power = mel_power(samples, FRAMES)
    kept = cache.power(0)
    assert kept.shape == power.shape
    loud = power > 1e-9
    assert np.abs(10 * np.log10(kept[loud] / power[loud])).max() < 0.05
    assert (kept[power == 0] == 0).all()
    assert (power == 0).any()
    assert cache.noises == 3
    again = PowerCache.load(read_folder(data), FRAMES, tmp_path)
    np.testing.assert_array_equal(again.decibels, cache.decibels)


def test_parts_are_whole_speakers_and_test_speakers_are_never_trained_on(cache):
    parts = split(cache, "")
    assert names(cache, parts["train"]) == {("ravdess", "Actor_01"), ("mine", "p"), ("mine", "q")}
    assert names(cache, parts["validation"]) == {("ravdess", "Actor_15")}
    assert names(cache, parts["test"]) == {("ravdess", "Actor_17")}
    assert "unseen" not in parts


def test_a_corpus_can_be_left_out(cache):
    parts = split(cache, "without-mine")
    assert names(cache, parts["unseen"]) == {("mine", "p"), ("mine", "q")}
    assert names(cache, parts["train"]) == {("ravdess", "Actor_01")}


@pytest.mark.parametrize("variant", ["without-nothing", "mine", "fast"])
def test_unknown_variants_are_refused(cache, variant):
    with pytest.raises(ValueError, match="without-mine"):
        split(cache, variant)


def test_sessions_are_of_one_voice_and_know_their_corpus(cache):
    rows = split(cache, "")["train"]
    sampler = SessionSampler(cache, rows, window=149, hop=HOP, clips=6, rng=np.random.default_rng(1))
    seen = set()
    for _ in range(30):
        session = sampler.session()
        assert len(session.ends) == len(session.labels) == 6
        assert (np.diff(session.ends) > 0).all()
        assert session.ends[-1] <= len(session.power)
        assert np.isfinite(session.power).all()
        assert (session.power >= 0).all()
        assert session.known[session.labels].all()
        seen.add(tuple(np.flatnonzero(session.known)))
    ravdess = tuple(sorted(LABELS.index(label) for label in ("angry", "sad", "calm", "neutral")))
    assert seen == {ravdess, tuple(sorted(LABELS.index(label) for label in ("happy", "sad")))}


def test_windows_are_what_the_daemon_would_hear(cache):
    rows = split(cache, "")["train"]
    sampler = SessionSampler(cache, rows, window=149, hop=HOP, clips=4, rng=np.random.default_rng(1))
    session = sampler.session()
    front_end = build(BASE)
    found = windows(front_end, session)
    front_end.reset()
    for frame in range(session.ends[2]):
        front_end.push_power(session.power[frame : frame + 1])
    np.testing.assert_allclose(found[2], front_end.features(), atol=1e-4)


def test_augmentation_is_seeded_and_does_what_it_says():
    power = np.abs(np.random.default_rng(0).normal(1, 0.2, (100, 40))).astype(np.float32)
    twice = [voice(power, np.random.default_rng(5), warp=1.1) for _ in range(2)]
    np.testing.assert_array_equal(*twice)
    assert 100 / 1.18 - 1 <= len(twice[0]) <= 100 / 0.85 + 1
    pulse = np.zeros((20, 4), dtype=np.float32)
    pulse[5] = 1.0
    echo = smear(pulse, np.array([1.0, 0.5, 0.25], dtype=np.float32))
    np.testing.assert_allclose(echo[:, 0], [0] * 5 + [1, 0.5, 0.25] + [0] * 12)
    rng = np.random.default_rng(2)
    for _ in range(50):
        heard = through(power, draw_channel(rng, 40, HOP, hum(rng, 40, 512)), rng)
        assert heard.shape == power.shape
        assert np.isfinite(heard).all()
        assert (heard > 0).all()


def test_misjudged_windows_are_moved_and_scaled_as_wholes():
    frames = np.random.default_rng(0).normal(size=(64, 20, 5)).astype(np.float32)
    moved = misjudged(frames, np.random.default_rng(1))
    assert moved.dtype == np.float32
    np.testing.assert_array_equal(moved, misjudged(frames, np.random.default_rng(1)))
    scale = np.ptp(moved, axis=1) / np.ptp(frames, axis=1)
    np.testing.assert_allclose(scale, scale[:, :1].repeat(5, axis=1), rtol=1e-4)
    offset = (moved - scale[:, None] * frames).std(axis=1)
    assert offset.max() < 1e-4
    assert 0.15 < np.log(scale[:, 0]).std() < 0.35


def test_what_is_learned_of_valence_and_arousal_reads_back_as_the_plane_says():
    targets = dict(zip(LABELS, speech_affect.TARGETS.astype(float), strict=True))
    low, high = speech_affect.ENDS["valence"]
    for row, label in enumerate(("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")):
        assert low + (high - low) * targets[label][0] == pytest.approx(VALENCE_AROUSAL[row, 0], abs=1e-6)
    assert {label for label, (_, arousal, weight) in targets.items() if arousal and weight} == {
        "angry", "fear", "happy", "surprise",
    }  # fmt: skip
    assert {label for label, (_, arousal, weight) in targets.items() if not arousal and weight} == {
        "sad", "neutral", "calm",
    }  # fmt: skip
    assert targets["disgust"][2] == 0
    assert targets["calm"].tolist() == targets["neutral"].tolist()
    assert parse_dimensions(speech_affect.written()) == speech_affect.ENDS


def test_the_middle_of_arousal_is_where_both_halves_are_told_best():
    emotions = np.array([INDEX[name] for name in ("angry", "happy", "fear", "sad", "neutral", "disgust")])
    assert speech_affect.even(np.array([3.0, 4, 5, 1, 2, 9]), emotions) == pytest.approx(-2.5, abs=0.02)
    assert speech_affect.even(np.array([3.0, 4, 5, 1, 2, 9]), np.full(6, INDEX["happy"])) == 0.0
    rng = np.random.default_rng(0)
    truth = rng.choice([INDEX["angry"], INDEX["sad"]], 4000, p=[0.9, 0.1])
    told = rng.normal(np.where(truth == INDEX["angry"], 2.0, 0.0), 1.0)
    assert speech_affect.even(told, truth) == pytest.approx(-1.0, abs=0.35)


MERGED = """
import sys
sys.path[:0] = [{root!r}, {tools!r}]
import numpy as np
from workbench.recipes.speech_network import build, merged
rng = np.random.default_rng(0)
voters = build((40, 6), 5, width=8)
voters.set_weights([np.abs(rng.normal(1, 0.3, w.shape)) if w.ndim == 1 else rng.normal(0, 0.3, w.shape)
                    for w in voters.get_weights()])
given = rng.normal(size=(7, 40, 6)).astype(np.float32)
apart = np.array(voters.predict(given, verbose=0))
assert apart.shape[0] > 1 and np.ptp(apart, axis=0).min() > 1e-3, "voters should differ"
whole = merged(voters, [0, 0, 0, 0, 2]).predict(given, verbose=0)
np.testing.assert_allclose(whole, apart.mean(axis=0) + [0, 0, 0, 0, 2], rtol=1e-3, atol=1e-3)
"""


@pytest.mark.train
def test_the_saved_network_is_the_mean_of_its_voters():
    program = MERGED.format(root=str(ROOT), tools=str(ROOT / "tools"))
    done = subprocess.run([PYTHON, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, timeout=280,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr


def run(data, output, *, epochs=4, resume=False, stop=0):
    program = SMALL.format(
        root=str(ROOT), tools=str(ROOT / "tools"), data=str(data), output=str(output),
        epochs=epochs, resume=resume, variant="", stop=stop,
    )  # fmt: skip
    return subprocess.run(
        [PYTHON, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, timeout=280, check=False
    )


@pytest.mark.train
@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_ends_like_a_whole_one(data, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    once = run(data, whole)
    assert once.returncode == 0, once.stderr
    assert run(data, parts, stop=2).returncode != 0
    assert not (parts / "speech.keras").exists()
    assert (whole / "dimensions.txt").read_text(encoding="utf-8").strip() == speech_affect.written()
    refused = run(data, parts)
    assert refused.returncode != 0
    assert "--resume" in refused.stderr
    resumed = run(data, parts, resume=True)
    assert resumed.returncode == 0, resumed.stderr
    assert "epoch 3/4" in resumed.stderr
    assert "epoch 2/4" not in resumed.stderr
    ends = []
    for folder in (whole, parts):
        with np.load(folder / "checkpoint.npz") as held:
            ends.append(json.loads(held["state"].tobytes()))
    losses = [[row["loss"] for row in end["history"]] for end in ends]
    assert len(losses[0]) == len(losses[1]) == 4
    assert losses[0][:2] == losses[1][:2]
    # Batches and rates are the same after the stop; dropout alone draws anew.
    np.testing.assert_allclose(losses[0][2:], losses[1][2:], rtol=0.15)
    assert ends[0]["front_end"] == ends[1]["front_end"]

    report = json.loads((whole / "report.json").read_text())
    assert set(report) == {"validation", "test"}
    assert report["test"]["clips"] == 8
    assert 0 <= report["test"]["uar"] <= 1
    assert build(FrontEndSpec.parse((whole / "front_end.txt").read_text())).shape == (149, 40)
    assert (whole / "labels.txt").read_text().strip().split(",") == list(LABELS)
    assert (whole / "speech.keras").stat().st_size > 100_000
    assert (whole / "curve.png").read_bytes()[:4] == b"\x89PNG"
