"""What trains, measures and calibrates on packs does so on downloads, joined and balanced."""

import json
import os
import subprocess
from pathlib import Path

import cv2
import evaluate
import numpy as np
import pytest
import soundfile
import train
from workbench.classic_data import AUTHOR, HONEST, divide
from workbench.classic_systems import MODELS
from workbench.conversion import Request
from workbench.conversion.calibration import prepare
from workbench.data import faces
from workbench.data.speech import read_folder
from workbench.recipes.speech import split
from workbench.recipes.speech_waves import WaveCache

from emoedge.emotions import CANONICAL
from emoedge.inference.spec import FrontEndSpec

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("EMOEDGE_TRAIN_PYTHON", str(ROOT / ".venv-train/bin/python"))
MODEL = ROOT / "models/tflite/face.tflite"
RNG = np.random.default_rng(6)


@pytest.fixture(scope="module")
def download(tmp_path_factory):
    """FER2013 as pictures: a bright bar gives the class away; angry is rare."""
    root = tmp_path_factory.mktemp("fer")
    for part, count in (("train", 40), ("test", 6)):
        for label, name in enumerate(CANONICAL):
            folder = root / part / name
            folder.mkdir(parents=True)
            for i in range(count if label else count // 4):
                image = RNG.integers(0, 120, (48, 48), dtype=np.uint8)
                image[4 + 6 * label : 8 + 6 * label] += 120
                cv2.imwrite(str(folder / f"im{i}.png"), image)
    return root


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """More of it, as a CSV: 70 rows to train on."""
    path = tmp_path_factory.mktemp("csv") / "fer2013.csv"
    lines = ["emotion,pixels,Usage"]
    for i in range(70):
        image = RNG.integers(0, 120, (48, 48), dtype=np.uint8)
        image[4 + 6 * (i % 7) : 8 + 6 * (i % 7)] += 120
        lines.append(f"{i % 7},{' '.join(map(str, image.ravel()))},Training")
    path.write_text("\n".join(lines) + "\n")
    return path


def emodb(root):
    root.mkdir(parents=True)
    for speaker in ("03", "08", "09", "10", "11"):
        for letter in "WEAFTN":
            for take in "ab":
                samples = RNG.normal(0, 0.1, 24000)
                soundfile.write(root / f"{speaker}a01{letter}{take}.wav", samples, 16000)
    return root


def request(path, **changes):
    values = {
        "model": Path("m.keras"), "output": Path("m.tflite"), "front_end": FrontEndSpec("face_gray", {"size": 24}),
        "labels": CANONICAL, "label_map": CANONICAL, "calibrate": path, "samples": 14, "held_out": 20,
    }  # fmt: skip
    return Request(**(values | changes))


def test_conversion_calibrates_with_pictures_a_csv_and_named_clips(download, table, tmp_path):
    for path in (download, table):
        found = prepare(request(path))
        assert np.bincount(found.representative.targets).tolist() == [2] * 7
    front_end = FrontEndSpec("mfcc_sequence", {})
    found = prepare(request(emodb(tmp_path / "wav"), front_end=front_end, samples=12))
    assert len(found.representative.inputs) == 12
    assert found.held_out.labelled


def test_evaluation_takes_joined_sets_and_every_row(download, table, capsys):
    assert evaluate.main([str(MODEL), "--data", str(download), "--data", str(table), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["n"] == 6 * 6 + 1
    assert evaluate.main([str(MODEL), "--data", str(table), "--split", "all", "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["n"] == 70
    assert "without_twins" not in said
    assert evaluate.main([str(MODEL), "--data", str(table)]) == 2
    assert "no rows in split 1; there are: 0" in capsys.readouterr().err


@pytest.mark.parametrize("division", [AUTHOR, HONEST])
def test_classic_systems_learn_from_downloads(division, download, tmp_path):
    parts = divide(MODELS["C", "face", ""], "face", download, division, 0)
    assert len(parts.report) == 6 * 6 + 1
    for speaker in ("OAF", "YAF"):
        for emotion in ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad"):
            folder = tmp_path / f"{speaker}_{emotion}"
            folder.mkdir()
            for word in ("back", "bar", "base", "bath"):
                soundfile.write(folder / f"{speaker}_{word}_{emotion}.wav", RNG.normal(0, 0.1, 8000), 24414)
    parts = divide(MODELS["D", "speech", ""], "speech", tmp_path, division, 0)
    assert len(parts.learn) + len(parts.report) >= 48
    assert (parts.learn.labels >= 0).all()
    assert set(parts.learn.labels) == set(range(14) if division == AUTHOR else range(7))


def test_the_speech_recipe_joins_folders_and_holds_speakers_out(tmp_path):
    first = emodb(tmp_path / "emodb")
    second = tmp_path / "crema/AudioWAV"
    second.mkdir(parents=True)
    for speaker in (1001, 1002):
        soundfile.write(second / f"{speaker}_DFA_ANG_XX.wav", RNG.normal(0, 0.1, 8000), 16000)
    joined = read_folder([first, second])
    cache = WaveCache.load(joined, tmp_path / "waves")
    parts = split(cache.clips, "")
    people = {name: {(cache.clips[row].dataset, cache.clips[row].speaker) for row in rows} for name, rows in parts.items()}
    assert {name: len(own) for name, own in people.items()} == {"train": 5, "validation": 1, "test": 1}
    assert {("crema-d", "1001"), ("crema-d", "1002")} <= people["train"]
    third = tmp_path / "other"
    third.mkdir()
    soundfile.write(third / "1001_DFA_ANG_XX.wav", np.zeros(16000), 16000)
    soundfile.write(third / "1002_DFA_ANG_XX.wav", np.zeros(16000), 16000)
    other = WaveCache.load(read_folder([first, third]), tmp_path / "waves")
    assert other.clips[-1].file == cache.clips[-1].file
    assert not np.array_equal(other.wave(61), cache.wave(61)), "another folder, another cache"


@pytest.mark.parametrize(("modality", "way"), [("speech", "weights"), ("speech", "over")])
def test_a_recipe_refuses_a_balance_that_it_cannot_honour(modality, way, download, tmp_path, capsys):
    said = ["--modality", modality, "--data", str(download), "--output", str(tmp_path / "run"), "--balance", way]
    assert train.main(said) == 2
    assert f"cannot balance by {way}" in capsys.readouterr().err


@pytest.mark.parametrize(("modality", "other"), [("face", "speech"), ("speech", "face")])
def test_a_model_is_not_trained_on_data_of_the_other_sense(modality, other, tmp_path, capsys):
    data = tmp_path / ("pack.npz" if other == "face" else "labels.csv")
    data.touch()
    given = data if other == "face" else tmp_path
    said = ["--system", "E", "--modality", modality, "--data", str(given), "--output", str(tmp_path / "run")]
    assert train.main(said) == 2
    assert f"cannot train: {given}: {other} data, but this recipe is for {modality}\n" in capsys.readouterr().err


BALANCED = """
import sys
from pathlib import Path
from workbench.data import faces
from workbench.recipes import TrainOptions
from workbench.recipes.face import Run
from workbench.recipes.face_plans import PLANS
data = tuple(Path(path) for path in sys.argv[2:])
options = TrainOptions(system="emoedge", modality="face", data=data, output=Path("unused"), balance=sys.argv[1])
run = Run(faces.load(data), PLANS["small"], options)
import numpy as np
print(*np.bincount(run.pack.labels[run.rows]))
print(*[run.original[run.rows].sum(axis=1)[run.pack.labels[run.rows] == label].mean() for label in range(7)])
"""


@pytest.mark.train
@pytest.mark.slow
def test_the_face_recipe_learns_from_joined_and_balanced_sets(download, table):
    counts = {}
    weights = {}
    for way in ("none", "over", "weights"):
        done = subprocess.run(
            [PYTHON, "-c", BALANCED, way, str(download), str(table)], capture_output=True, text=True, check=False, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}/tools", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        first, second = done.stdout.splitlines()
        counts[way], weights[way] = [int(n) for n in first.split()], [float(w) for w in second.split()]
    pack = faces.load([download, table])
    learned, _ = faces.hold_out(pack, faces.training_rows(pack), share=0.05, seed=0)
    assert counts["none"] == np.bincount(pack.labels[learned]).tolist()
    assert counts["none"][0] < min(counts["none"][1:])
    assert counts["over"] == [max(counts["none"])] * 7
    assert counts["weights"] == counts["none"]
    assert weights["none"] == weights["over"] == [1.0] * 7
    assert np.array(weights["weights"]) * counts["weights"] == pytest.approx([sum(counts["none"]) / 7] * 7, rel=1e-4)
