"""Speech training end to end on synthetic voices: parts, sessions, an interrupted run that goes on, what it leaves."""

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
from workbench.recipes.speech import misjudged, split
from workbench.recipes.speech_augmentation import Channel, draw_channel, hum, through, voice
from workbench.recipes.speech_front_end import features, fitted
from workbench.recipes.speech_material import augmented, plain
from workbench.recipes.speech_sessions import LABELS, SessionSampler, trimmed
from workbench.recipes.speech_trial import trial
from workbench.recipes.speech_waves import WaveCache

from emoedge.audio.front_end import build
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
from workbench.recipes import TrainOptions, speech, speech_material
speech.STEPS, speech.BLOCKS, speech.EVERY = 4, 2, 2
speech_material.SESSIONS = 4
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
def data(hummed):
    return hummed


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("material")


@pytest.fixture(scope="module")
def cache(data, kept):
    return WaveCache.load(read_folder(data), kept)


def names(cache, rows):
    return {(cache.clips[row].dataset, cache.clips[row].speaker) for row in rows}


def test_the_cache_keeps_samples(data, cache, tmp_path):
    samples = soundfile.read(data / cache.clips[0].file, dtype="float32")[0]
    np.testing.assert_allclose(cache.wave(0), samples, atol=1 / 32767)
    assert cache.noises == 3
    assert cache.noise(2).shape == (RATE,)
    again = WaveCache.load(read_folder(data), tmp_path)
    assert again.key == cache.key
    np.testing.assert_array_equal(again.samples, cache.samples)


def test_parts_are_whole_speakers_and_test_speakers_are_never_trained_on(cache):
    parts = split(cache.clips, "")
    assert names(cache, parts["train"]) == {("ravdess", "Actor_01"), ("mine", "p"), ("mine", "q")}
    assert names(cache, parts["validation"]) == {("ravdess", "Actor_15")}
    assert names(cache, parts["test"]) == {("ravdess", "Actor_17")}
    assert "unseen" not in parts


def test_a_corpus_can_be_left_out(cache):
    parts = split(cache.clips, "without-mine")
    assert names(cache, parts["unseen"]) == {("mine", "p"), ("mine", "q")}
    assert names(cache, parts["train"]) == {("ravdess", "Actor_01")}


@pytest.mark.parametrize("variant", ["without-nothing", "mine", "fast"])
def test_unknown_variants_are_refused(cache, variant):
    with pytest.raises(ValueError, match="without-mine"):
        split(cache.clips, variant)


def test_sessions_are_of_one_voice_and_know_their_corpus(cache):
    rows = split(cache.clips, "")["train"]
    sampler = SessionSampler(cache, rows, window=3 * RATE, clips=6)
    rng = np.random.default_rng(1)
    of = {"ravdess": {"angry", "sad", "calm", "neutral"}, "mine": {"happy", "sad"}}
    seen = set()
    for _ in range(12):
        session = sampler.session(rng)
        assert len(session.ends) == len(session.labels) == 12
        assert (np.diff(session.ends) > 0).all()
        assert session.ends[-1] <= len(session.samples)
        assert np.abs(session.samples).max() <= 1
        assert {LABELS[label] for label in session.labels} <= of[session.corpus]
        seen.add(session.corpus)
    assert seen == set(of)


def test_silence_around_a_phrase_is_cut_off():
    phrase = np.concatenate([np.zeros(5000), np.ones(3200), np.zeros(4000)]).astype(np.float32)
    assert 3200 <= len(trimmed(phrase)) <= 3840
    assert len(trimmed(np.zeros(500, dtype=np.float32))) == 500


def test_windows_are_what_the_daemon_would_hear(data, cache, kept):
    """Features from what was kept of a window are those of the front end with the fitted constants."""
    windows = plain(cache, kept)
    spec = fitted(windows)
    found = features(windows, spec)
    assert np.abs(found.mean(axis=0)).max() < 0.02
    first = sorted(
        (row for row, clip in enumerate(cache.clips) if clip.speaker == "p"), key=lambda row: cache.clips[row].digest
    )[:3]
    front_end = build(spec)
    for row in first:
        front_end.push(np.zeros(RATE, dtype=np.float32))
        front_end.push(cache.wave(row))
    last = np.flatnonzero(windows.owner == first[-1])[-1]
    np.testing.assert_allclose(found[last], front_end.features(), atol=2e-2)


def test_blocks_of_windows_are_kept_and_the_same_for_the_same_seed(data, cache, kept, monkeypatch):
    monkeypatch.setattr("workbench.recipes.speech_material.SESSIONS", 2)
    folder, rows = read_folder(data), split(cache.clips, "")["train"]
    once = augmented(folder, kept, rows, seed=3, blocks=2, threads=1)
    assert len(once.labels) == 2 * 2 * 48
    assert set(once.owner) <= {0, 1}
    for path in kept.glob("windows-*-3-001.npz"):
        path.unlink()
    again = augmented(folder, kept, rows, seed=3, blocks=2, threads=1)
    np.testing.assert_array_equal(once.raw, again.raw)
    other = augmented(folder, kept, rows, seed=4, blocks=1, threads=1)
    assert not np.array_equal(once.raw[: len(other.raw)], other.raw)


def test_augmentation_is_seeded_and_does_what_it_says():
    samples = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    twice = [voice(samples, np.random.default_rng(5), speed=1.1) for _ in range(2)]
    np.testing.assert_array_equal(*twice)
    assert len(twice[0]) == round(RATE / 1.1)
    loud = Channel(kernel=np.ones(1), noise=np.ones(100, dtype=np.float32), snr=10.0, floor=90.0, gain=0.0)
    padded = np.concatenate([np.zeros(RATE, dtype=np.float32), samples])
    heard = through(padded, loud, np.random.default_rng(1))
    assert 10 * np.log10(np.square(samples).mean() / np.square(heard[:RATE]).mean()) == pytest.approx(10, abs=0.1)
    rng = np.random.default_rng(2)
    for _ in range(20):
        heard = through(samples, draw_channel(rng, hum(rng, 2 * RATE)), rng)
        assert heard.shape == samples.shape
        assert np.isfinite(heard).all()
        assert np.abs(heard).max() <= 1


def test_misjudged_windows_are_scaled_as_wholes_and_moved():
    whole = np.tile(np.random.default_rng(0).normal(size=40), (4000, 1)).astype(np.float32)
    moved = misjudged(whole, np.random.default_rng(1))
    assert moved.dtype == np.float32
    np.testing.assert_array_equal(moved, misjudged(whole, np.random.default_rng(1)))
    np.testing.assert_allclose((moved / whole.mean(axis=0))[:, 0].mean(), 1.03, atol=0.3)
    assert 0.2 < moved.std(axis=0).min() < 0.4


def test_a_clip_is_what_its_windows_say_together():
    """Two windows doubt, one is sure: their mean decides; calm counts as neutral."""
    neutral, calm, sad = (LABELS.index(name) for name in ("neutral", "calm", "sad"))
    logits = np.full((4, len(LABELS)), -5.0)
    logits[:2, sad] = 1.0
    logits[:2, calm] = 0.9
    logits[:2, neutral] = 0.9
    logits[2, sad] = 6.0
    logits[3, neutral] = 2.0
    emotions = np.array([INDEX["neutral"]] * 2 + [INDEX["sad"], INDEX["neutral"]])
    assert trial(logits, np.array([7, 7, 8, 9]), emotions) == {"accuracy": 1.0, "uar": 1.0, "clips": 3}
    together = np.array([INDEX["neutral"]] * 3 + [INDEX["sad"]])
    assert trial(logits, np.array([7, 7, 7, 9]), together) == {"accuracy": 0.0, "uar": 0.0, "clips": 2}


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
voters = build(6, 5, width=8, count=3)
voters.set_weights([np.abs(rng.normal(1, 0.3, w.shape)) if w.ndim == 1 else rng.normal(0, 0.3, w.shape)
                    for w in voters.get_weights()])
given = rng.normal(size=(7, 6)).astype(np.float32)
apart = np.array(voters.predict(given, verbose=0))
assert apart.shape[0] == 3 and np.ptp(apart, axis=0).min() > 1e-3, "voters should differ"
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
    assert build(FrontEndSpec.parse((whole / "front_end.txt").read_text())).shape == (247,)
    assert (whole / "labels.txt").read_text().strip().split(",") == list(LABELS)
    assert (whole / "speech.keras").stat().st_size > 50_000
    assert (whole / "curve.png").read_bytes()[:4] == b"\x89PNG"
