"""Calibration rows: the right ones, balanced, seeded, and refused where they cannot calibrate."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from workbench.conversion import ConversionError, Request
from workbench.conversion.calibration import prepare
from workbench.conversion.rows import balanced

from emoedge.audio.front_end import build
from emoedge.emotions import CANONICAL
from emoedge.errors import EmoedgeError
from emoedge.inference.spec import FrontEndSpec
from emoedge.vision.crop import FaceFrontEnd

FACE = FrontEndSpec("face_gray", {"size": 24})


def request(path, **changes):
    values = {
        "model": Path("m.keras"), "output": Path("m.tflite"), "front_end": FACE, "labels": CANONICAL,
        "label_map": CANONICAL, "calibrate": path, "samples": 21, "held_out": 40,
    }  # fmt: skip
    return Request(**(values | changes))


@pytest.fixture
def faces(tmp_path):
    """400 pictures whose first pixel tells their row; every fifth is of the reported split."""
    rng = np.random.default_rng(5)
    images = rng.integers(0, 255, (400, 48, 48), dtype=np.uint8)
    images[:, 0, :] = (np.arange(400) // 2)[:, None]
    labels = np.where(np.arange(400) < 200, 3, np.arange(400) % 7).astype(np.uint8)
    split = (np.arange(400) % 5 == 0).astype(np.uint8)
    path = tmp_path / "faces.npz"
    np.savez(path, images=images, labels=labels, split=split)
    return path, images, labels, split


def rows_of(part, images):
    """Which pictures these inputs are."""
    front_end = FaceFrontEnd(FACE)
    known = {front_end.prepare(image).tobytes(): i for i, image in enumerate(images)}
    return [known[x.tobytes()] for x in part.inputs]


def test_faces_come_from_the_training_split_and_do_not_overlap(faces):
    path, images, labels, split = faces
    found = prepare(request(path))
    seen, held = rows_of(found.representative, images), rows_of(found.held_out, images)
    assert not set(seen) & set(held)
    assert (split[seen + held] == 0).all()
    np.testing.assert_array_equal(found.representative.targets, labels[seen])
    np.testing.assert_array_equal(found.held_out.targets, labels[held])
    assert np.bincount(labels[seen], minlength=7).tolist() == [3] * 7, "seven classes, three rows each"
    assert sum(found.prior) == pytest.approx(1)
    assert found.prior[3] > 0.5, "more than half of the rows are happy"


def test_the_seed_decides(faces):
    path, images, *_ = faces
    first, again, other = (rows_of(prepare(request(path, seed=s)).representative, images) for s in (1, 1, 2))
    assert first == again != other


def test_rows_of_labels_the_model_lacks_are_left_out(faces):
    labels = tuple(c for c in CANONICAL if c != "disgust")
    found = prepare(request(faces[0], labels=labels, label_map=labels))
    for part in (found.representative, found.held_out):
        assert 1 not in part.targets


@pytest.mark.parametrize(("targets", "count", "most"), [([0] * 90 + [1] * 10, 20, 10), ([0] * 90 + [1] * 3, 20, 10), ([2] * 5, 20, 5)])
def test_balanced(targets, count, most):
    chosen = balanced(np.array(targets), count, np.random.default_rng(0))
    assert len(set(chosen.tolist())) == len(chosen) <= count
    assert np.bincount(np.array(targets)[chosen]).max() <= most


def inputs(path, shape=(60, 24, 24, 1), **arrays):
    content = {"inputs": np.random.default_rng(0).random(shape), "labels": np.arange(shape[0]) % 7} | arrays
    np.savez(path, **{k: v for k, v in content.items() if v is not None})
    return path


def test_prepared_inputs(tmp_path):
    path = inputs(tmp_path / "rows.npz", split=np.repeat([0, 1], 30))
    found = prepare(request(path))
    assert len(found.held_out.inputs) == 9
    assert 15 <= len(found.representative.inputs) <= 21, "three of each class, where there are three"
    with np.load(path) as arrays:
        own = arrays["inputs"][:30].astype(np.float32)
    assert all((own == row).all(axis=(1, 2, 3)).any() for row in found.representative.inputs)


def test_names_as_labels(tmp_path):
    names = np.array(["joy", "rage", "calm"] * 20)
    own = request(inputs(tmp_path / "r.npz", labels=names), labels=("joy", "rage", "calm"),
                  label_map=("happy", "angry", "neutral"))  # fmt: skip
    assert set(prepare(own).representative.targets) == {0, 3, 6}


def test_unlabelled_inputs_are_drawn_all_the_same(tmp_path):
    found = prepare(request(inputs(tmp_path / "r.npz", labels=None)))
    assert len(found.representative.inputs) == 21
    assert not found.representative.labelled
    assert found.prior == ()


@pytest.mark.parametrize(
    ("inputs_from", "parameters", "told"),
    [
        ((0, 255), {}, "inputs reach from 0 to 255, face_gray:size=24 makes 0 to 1; scale them alike"),
        ((-1, 1), {}, "inputs reach from -1 to 1"),
        ((0, 1), {"scale": 1.0}, "makes 0 to 255"),
        ((0, 255), {"mean": 0.5, "std": 0.5}, "makes -1 to 1"),
    ],
)
def test_faces_on_another_scale_than_the_front_ends_are_refused(tmp_path, inputs_from, parameters, told):
    low, high = inputs_from
    values = np.random.default_rng(0).random((60, 24, 24, 1))
    values[:, 0, 0], values[:, 0, 1] = 0, 1
    path = inputs(tmp_path / "r.npz", inputs=low + values * (high - low))
    with pytest.raises(ConversionError) as refused:
        prepare(request(path, front_end=FrontEndSpec("face_gray", {"size": 24, **parameters})))
    assert told in str(refused.value)


def test_a_few_values_that_resizing_has_pushed_over_the_edge_do_no_harm(tmp_path):
    values = np.random.default_rng(0).random((60, 24, 24, 1))
    values[:, 0] = 1.1
    assert len(prepare(request(inputs(tmp_path / "r.npz", inputs=values))).held_out.inputs)


def test_features_of_speech_have_no_range(tmp_path):
    spec = FrontEndSpec("mfcc_mean")
    path = inputs(tmp_path / "r.npz", inputs=np.random.default_rng(0).normal(-200, 50, (60, *build(spec).shape)))
    assert len(prepare(request(path, front_end=spec)).held_out.inputs)


BAD = {
    "inputs of shape": {"shape": (60, 20, 24, 1)},
    "hold NaN": {"inputs": np.full((60, 24, 24, 1), np.nan)},
    "hold NaN or infinity": {"inputs": np.full((60, 24, 24, 1), np.inf)},
    "no row is left": {"shape": (0, 24, 24, 1)},
    "every row shows sad": {"labels": np.full(60, 4)},
    "59 labels for 60": {"labels": np.zeros(59, int)},
    "labels must be 0..6": {"labels": np.full(60, 7)},
    "label 'glee' is not in": {"labels": np.array(["glee"] * 60)},
    "`labels` are (60, 7), expected one for each input": {"labels": np.eye(7, dtype=int)[np.arange(60) % 7]},
    "`labels` are (), expected": {"labels": np.array(3)},
    "70 split for 60": {"split": np.zeros(70, int)},
    "50 split for 60": {"split": np.zeros(50, int)},
    "`split` are (60, 1), expected": {"split": np.zeros((60, 1), int)},
    "`inputs` are float64 (), expected numbers, rows first": {"inputs": np.array(0.5)},
    "expected numbers": {"inputs": np.array(["a"] * 60)},
    "holds neither": {"inputs": None},
}


@pytest.mark.parametrize(("cause", "arrays"), BAD.items(), ids=list(BAD))
def test_sets_that_cannot_calibrate_are_refused(tmp_path, cause, arrays):
    path = inputs(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ConversionError) as refused:
        prepare(request(path))
    assert cause in str(refused.value)
    assert str(path) in str(refused.value)


def npy():
    content = io.BytesIO()
    np.save(content, np.zeros((60, 24, 24, 1)))
    return content.getvalue()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04", npy()], ids=["empty", "text", "zip", "npy"])
def test_a_file_that_is_no_npz_is_refused(tmp_path, content):
    path = tmp_path / "rows.npz"
    path.write_bytes(content)
    with pytest.raises(ConversionError, match=r"neither a speech folder nor an \.npz"):
        prepare(request(path))


def test_no_file_and_other_modality_are_refused(tmp_path, faces):
    with pytest.raises(ConversionError, match="no such calibration data"):
        prepare(request(tmp_path / "gone.npz"))
    speech = request(faces[0], front_end=FrontEndSpec("mfcc_mean"))
    with pytest.raises(ConversionError, match="is face data"):
        prepare(speech)


SPEECH = FrontEndSpec("log_mel", {"seconds": 0.5, "mels": 20})


@pytest.fixture
def speech(tmp_path):
    """Four speakers, three emotions, a tone of its own for each clip."""
    rng = np.random.default_rng(0)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["dataset", "file", "speaker", "emotion"])
        for i in range(48):
            name = f"own/{i:02d}.wav"
            table.writerow(["own", name, f"s{i % 4}", ("angry", "sad", "calm")[i // 4 % 3]])
            (tmp_path / "own").mkdir(exist_ok=True)
            seconds = 0.3 if i % 2 else 0.8
            tone = 0.1 * np.sin(2 * np.pi * (200 + 40 * i) * np.arange(int(16000 * seconds)) / 16000)
            soundfile.write(tmp_path / name, tone + 0.001 * rng.standard_normal(len(tone)), 16000)
    return tmp_path


def test_speech_folder(speech):
    found = prepare(request(speech, front_end=SPEECH, samples=12))
    shape = build(SPEECH).shape
    assert found.representative.inputs.shape == (12, *shape)
    assert np.bincount(found.representative.targets, minlength=7).tolist() == [4, 0, 0, 0, 4, 0, 4]
    assert len(found.held_out.inputs) == 12, "one speaker of four is held out"
    again = prepare(request(speech, front_end=SPEECH, samples=12))
    np.testing.assert_array_equal(found.representative.inputs, again.representative.inputs)


def test_a_speech_window_is_that_of_the_middle_of_its_clip(speech):
    at = np.arange(16000) / 16000
    glide = (0.1 * np.sin(2 * np.pi * (200 * at + 1500 * at**2))).astype(np.float32)  # 200 Hz to 3.2 kHz
    glide += 0.01 * np.random.default_rng(1).standard_normal(16000).astype(np.float32)
    soundfile.write(speech / "own/00.wav", glide, 16000)
    found = prepare(request(speech, front_end=SPEECH, samples=100))
    everything = np.concatenate([found.representative.inputs, found.held_out.inputs])
    front_end = build(SPEECH)

    def distance(end):
        """From what the clip is up to a sample near `end`: frames lie on the stream's grid, not the clip's."""
        nearest = []
        for stop in range(end - 330, end + 1, 3):
            front_end.reset()
            front_end.push(glide[stop - front_end.window_samples : stop])
            nearest.append(np.abs(everything - front_end.features()).mean(axis=(1, 2)).min())
        return min(nearest)

    middle = (len(glide) + front_end.window_samples) // 2
    assert distance(middle) < 0.05
    assert min(distance(middle - 1000), distance(middle + 1000)) > 0.1, "the glide has moved on"


def test_speech_for_a_face_model_is_refused(speech):
    with pytest.raises(EmoedgeError, match="is speech data"):
        prepare(replace(request(speech)))
