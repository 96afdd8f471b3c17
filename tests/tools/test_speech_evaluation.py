"""`tools/evaluate.py` on speech folders: one cold stream a speaker, in the order of the digests, through the file's own front end."""

import csv
import json
from pathlib import Path

import evaluate
import numpy as np
import pytest
import soundfile
from workbench import clip_stream, speech_evaluation
from workbench.clip_stream import ClipStream
from workbench.voice_sounds import BACKGROUNDS

from emoedge.audio.front_end import build
from emoedge.emotions import CANONICAL, INDEX, Scores
from emoedge.inference.spec import FrontEndSpec, ModelInfo
from emoedge.messages import Modality

RATE = 16000
SPEC = FrontEndSpec(
    "mfcc_sequence", {"seconds": 1.0, "coefficients": 8, "level": "window", "floor": -50.0, "session": "running"}
)
PITCH = {"angry": 2500, "happy": 1200, "sad": 400, "neutral": 800, "calm": 800, "surprise": 600}


class Ear:
    """Stands in for a model: hears the loudest mel band of the window's last tenth, and remembers what it was given."""

    def __init__(self, labels=CANONICAL, front_end=SPEC):
        self.info = ModelInfo(
            name="ear", version="1", modality=Modality.SPEECH, front_end=front_end, labels=tuple(labels),
            label_map=tuple("neutral" if label == "calm" else label for label in labels),
        )  # fmt: skip
        self.batches = []

    def classify_batch(self, batch):
        self.batches.append(batch)
        return [Scores.from_labels(self.info.label_map, self._said(window)) for window in batch]

    def _said(self, window):
        loudest = float(np.exp(window[window.max(axis=1) > window.max() - 1]).mean(axis=0).argmax())
        near = np.array([-abs(loudest - BAND.get(label, 99)) for label in self.info.labels])
        powers = np.exp(near)
        return powers / powers.sum()


LOG_MEL = FrontEndSpec("log_mel", {"seconds": 1.0, "level": "window", "floor": -50.0})


def tone(hertz, seconds=1.2, gain=0.3):
    return gain * np.sin(2 * np.pi * hertz * np.arange(round(RATE * seconds)) / RATE)


def band(hertz):
    front_end = build(LOG_MEL)
    front_end.push(tone(hertz))
    return float(np.exp(front_end.features()[-20:]).mean(axis=0).argmax())


BAND = {label: band(hertz) for label, hertz in PITCH.items()}


@pytest.fixture
def root(tmp_path):
    """Two speakers, four emotions whose pitch gives them away, one clip of boredom."""
    rows = []
    (tmp_path / "toy").mkdir()
    for speaker in ("ann", "bob"):
        for emotion in ("angry", "happy", "sad", "calm"):
            for take in range(2):
                file = f"toy/{speaker}-{emotion}-{take}.wav"
                silence = np.zeros(RATE // 2)
                clip = np.concatenate([silence, tone(PITCH[emotion]), silence])
                soundfile.write(tmp_path / file, clip, RATE)
                rows.append(("toy", file, speaker, emotion))
    soundfile.write(tmp_path / "toy/bored.wav", tone(500), RATE)
    rows.append(("toy", "toy/bored.wav", "bob", "boredom"))
    with (tmp_path / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["dataset", "file", "speaker", "emotion"])
        writer.writerows(rows)
    return tmp_path


def test_every_clip_is_judged_and_calm_counts_as_neutral(root):
    predictions = speech_evaluation.evaluate(Ear(["angry", "happy", "sad", "calm"], LOG_MEL), root)
    assert predictions.scores.shape == (17, 7)
    assert (predictions.truth >= 0).sum() == 16
    assert list(predictions.truth[-1:]) == [-1]
    named = predictions.truth >= 0
    assert (predictions.scores[named].argmax(axis=1) == predictions.truth[named]).all()
    np.testing.assert_allclose(predictions.scores[named].sum(axis=1), 1)
    assert not predictions.scores[:, ~predictions.known].any()
    assert sorted(np.flatnonzero(predictions.known)) == sorted(INDEX[c] for c in ("angry", "happy", "sad", "neutral"))


def test_speakers_can_be_chosen(root):
    predictions = speech_evaluation.evaluate(Ear(front_end=LOG_MEL), root, speakers=["ann"])
    assert len(predictions.truth) == 8


def test_each_speaker_begins_cold(root):
    """What a speaker's windows hold does not depend on who was heard before."""
    both, alone = Ear(), Ear()
    speech_evaluation.evaluate(both, root, "toy")
    speech_evaluation.evaluate(alone, root, "toy", speakers=["bob"])
    np.testing.assert_array_equal(np.concatenate(both.batches)[-len(np.concatenate(alone.batches)) :],
                                  np.concatenate(alone.batches))  # fmt: skip


def test_session_memory_goes_on_from_clip_to_clip(root):
    """The same clip sounds different after others than at the start: the stream is one."""
    ear = Ear()
    speech_evaluation.evaluate(ear, root, speakers=["ann"])
    first = ear.batches[0][-1]
    cold = Ear()
    order = sorted(root.glob("toy/ann*.wav"))
    front_end = build(SPEC)
    stream = ClipStream(front_end, front_end.push, rate=RATE, seconds=1.0)
    for path in order:
        cold.batches.append(stream.play(soundfile.read(path, dtype="float32")[0]))
    front_end.reset()
    assert any(not np.allclose(batch[-1], first, atol=1e-3) for batch in cold.batches)
    again = ClipStream(front_end, front_end.push, rate=RATE, seconds=1.0)
    np.testing.assert_allclose(again.play(soundfile.read(order[0], dtype="float32")[0]), cold.batches[0])


def test_noise_is_mixed_at_the_ratio_asked_for(root):
    (root / "noise").mkdir()
    noise = np.random.default_rng(0).normal(0, 0.05, 3 * RATE)
    soundfile.write(root / "noise/rain.wav", noise, RATE)
    (root / "noise.csv").write_text("file,category\nnoise/rain.wav,rain\n")
    background = speech_evaluation.Background(speech_evaluation._recorded(root), 10.0)
    clip = tone(500).astype(np.float32)
    background.adapt(clip)
    added = background.under(clip) - clip
    assert 10 * np.log10(np.mean(clip**2) / np.mean(added**2)) == pytest.approx(10, abs=0.3)
    quiet, loud = Ear(), Ear()
    speech_evaluation.evaluate(quiet, root)
    speech_evaluation.evaluate(loud, root, noise_db=0.0)
    assert np.abs(np.concatenate(quiet.batches) - np.concatenate(loud.batches)).max() > 0.5


@pytest.mark.parametrize(("noise", "low", "high"), [("rumble", 25, 150), ("hum", 45, 155)])
def test_what_is_below_a_voice_needs_no_recordings(root, noise, low, high):
    loop = BACKGROUNDS[noise]()
    power = np.square(np.abs(np.fft.rfft(loop)))
    hertz = np.fft.rfftfreq(len(loop), 1 / RATE)
    assert power[(hertz >= low) & (hertz <= high)].sum() > 0.999 * power.sum()
    assert np.mean(np.square(loop)) == pytest.approx(1, rel=0.01)
    quiet, loud = Ear(), Ear()
    speech_evaluation.evaluate(quiet, root)
    speech_evaluation.evaluate(loud, root, noise_db=0.0, noise=noise)
    assert np.abs(np.concatenate(quiet.batches) - np.concatenate(loud.batches)).max() > 0.5


def test_same_noise_on_every_run(root):
    (root / "noise").mkdir()
    soundfile.write(root / "noise/rain.wav", np.random.default_rng(0).normal(0, 0.05, RATE), RATE)
    (root / "noise.csv").write_text("file,category\nnoise/rain.wav,rain\n")
    first, second = Ear(), Ear()
    for ear in (first, second):
        speech_evaluation.evaluate(ear, root, noise_db=5.0)
    np.testing.assert_array_equal(np.concatenate(first.batches), np.concatenate(second.batches))


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.3, 0.7, 2.9, 6.0])
def test_clips_of_any_length_are_judged_by_windows_that_hold_them(seconds):
    front_end = build(SPEC)
    stream = ClipStream(front_end, front_end.push, rate=RATE, seconds=1.0)
    windows = stream.play(tone(500, seconds).astype(np.float32))
    whole = max(1, int((seconds - 0.9) // clip_stream.HOP) + 1)
    assert windows.shape[1:] == front_end.shape
    assert len(windows) == (whole if seconds > 1 else 1)
    assert np.isfinite(windows).all()


def test_windows_over_silence_do_not_judge():
    """A second of tone after two of silence: only windows that hold nearly all of it count."""
    front_end = build(SPEC)
    stream = ClipStream(front_end, front_end.push, rate=RATE, seconds=1.0)
    clip = np.concatenate([np.zeros(2 * RATE), tone(500, 1.0)]).astype(np.float32)
    assert len(stream.play(clip)) == 1


def test_power_and_samples_give_the_same_windows():
    """Training measures on cached mel power what evaluation measures on samples."""
    from emoedge.audio.front_end import mel_power

    clip = np.concatenate([tone(500, 1.0), tone(900, 1.0)]).astype(np.float32)
    clip += np.random.default_rng(0).normal(0, 0.01, len(clip)).astype(np.float32)
    by_samples, by_power = build(SPEC), build(SPEC)
    heard = ClipStream(by_samples, by_samples.push, rate=RATE, seconds=1.0).play(clip)
    seen = ClipStream(by_power, by_power.push_power, rate=50, seconds=1.0).play(mel_power(clip, SPEC))
    assert abs(len(heard) - len(seen)) <= 1
    count = min(len(heard), len(seen))
    assert np.abs(heard[-count:].mean(axis=1) - seen[-count:].mean(axis=1)).max() < 0.3


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """`evaluate.py` with the toy ear in place of a file."""
    path = tmp_path / "ear.tflite"
    path.write_bytes(b"")
    monkeypatch.setattr(evaluate, "load_model", lambda _path: Ear(front_end=LOG_MEL))
    return path


def test_the_last_line_is_the_json_of_the_contract(root, shipped, capsys):
    code = evaluate.main([str(shipped), "--data", str(root), "--dataset", "toy", "--json"])
    assert code == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["n"] == 16
    assert said["accuracy"] == said["uar"] == 1.0
    assert said["classes"] == ["angry", "happy", "sad", "neutral"]
    assert said["dropped"]["unnamed"] == 1
    assert np.trace(said["confusion"]) == 16


@pytest.mark.parametrize(
    ("more", "message"),
    [(["--dataset", "nope"], "no data set 'nope'"), (["--speakers", "eve"], "no row"), (["--noise-db", "5"], "noise.csv"),
     (["--noise-db", "5"], "`--noise rumble` and `--noise hum` need none"),
     (["--speakers", "ann,Actor_99"], "no row of speaker Actor_99")],
)
def test_what_is_not_there_is_said_in_one_line(root, shipped, capsys, more, message):
    assert evaluate.main([str(shipped), "--data", str(root), *more]) == 65
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error


@pytest.mark.parametrize(
    ("more", "told"),
    [(["--split", "all", "--target", "ferplus"], "--split, --target: ear.tflite is a speech model"),
     (["--noise", "hum"], "--noise hum: say with --noise-db how loud it is")],
)  # fmt: skip
def test_what_is_asked_of_faces_is_not_ignored_with_voices(root, shipped, capsys, more, told):
    assert evaluate.main([str(shipped), "--data", str(root), *more]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("text", ["hum", "5dB", "nan", "inf", "-inf"])
def test_how_loud_a_noise_is_is_a_number(root, shipped, capsys, text):
    with pytest.raises(SystemExit) as ended:
        evaluate.main([str(shipped), "--data", str(root), f"--noise-db={text}"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert f"{text!r}: expected decibels, such as 10; --noise says which noise it is" in error


def test_a_face_pack_is_no_speech_folder(tmp_path, shipped, capsys):
    pack = Path(tmp_path / "faces.npz")
    np.savez(pack, images=np.zeros(1))
    assert evaluate.main([str(shipped), "--data", str(pack)]) == 65
    assert capsys.readouterr().err == f"{pack}: face data, but ear.tflite is for speech\n"
