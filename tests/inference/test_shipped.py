"""Shipped models are found by name from a checkout, an editable install and a wheel."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from emoedge.errors import ModelError
from emoedge.inference import shipped
from emoedge.inference.model import GOLDEN_STEPS
from emoedge.inference.model_file import ModelFile
from emoedge.inference.runtime import Interpreter
from emoedge.inference.shipped import folder, resolve

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """A folder of shipped models that the test owns."""
    models = tmp_path / "shipped"
    models.mkdir()
    (models / "face.tflite").touch()
    monkeypatch.setattr(shipped, "folder", lambda: models)
    monkeypatch.chdir(tmp_path)
    return models


def test_none_is_no_model():
    assert resolve("none") is None
    assert resolve(" None ") is None


@pytest.mark.parametrize("name", ["face.tflite", "face"])
def test_shipped_by_name(own_folder, name):
    assert resolve(name) == own_folder / "face.tflite"


def test_working_directory_before_config_folder_before_shipped(own_folder, tmp_path):
    config = tmp_path / "etc"
    config.mkdir()
    (config / "face.tflite").touch()
    assert resolve("face.tflite", config) == config / "face.tflite"
    Path("face.tflite").touch()
    assert resolve("face.tflite", config).resolve() == tmp_path / "face.tflite"


def test_relative_and_absolute_paths(own_folder, tmp_path):
    own = tmp_path / "mine" / "m.tflite"
    own.parent.mkdir()
    own.touch()
    assert resolve(str(own)) == own
    assert resolve("mine/m.tflite").resolve() == own
    assert resolve("m.tflite", own.parent) == own


@pytest.mark.parametrize("name", ["gone.tflite", "sub/face.tflite", "/nowhere/face.tflite"])
def test_unknown_names_are_refused_with_what_there_is(own_folder, name):
    with pytest.raises(ModelError, match=r"no such model file; give its path, .*face\.tflite.* or `none`"):
        resolve(name)


@pytest.mark.parametrize("name", ["~nosuchuser/x.tflite", "x" * 300, "a/" + "x" * 300 + ".tflite"])
def test_names_that_no_file_can_have_are_refused(own_folder, name):
    with pytest.raises(ModelError, match=r"give its path, .*face\.tflite.* or `none`"):
        resolve(name)


def test_a_closed_folder_is_told_and_hides_no_shipped_model(own_folder, tmp_path, closed):
    closed(tmp_path / "etc")
    with pytest.raises(ModelError, match="cannot be read: Permission denied; give its path"):
        resolve(str(tmp_path / "etc" / "mine.tflite"))
    assert resolve("face", tmp_path / "etc") == own_folder / "face.tflite"


def test_checkout_folder_is_models_tflite():
    assert folder().resolve() == ROOT / "models" / "tflite"


@pytest.mark.slow
def test_wheel_carries_the_models(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    shutil.copytree(ROOT / "emoedge", tree / "emoedge", symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tree / name)
    (tree / "models" / "tflite").mkdir(parents=True)
    (tree / "models" / "tflite" / "face.tflite").write_bytes(b"a model")
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", tmp_path, tree],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("emoedge/shipped_models/face.tflite") == b"a model"
        archive.extractall(tmp_path / "site")
    code = "from emoedge.inference.shipped import resolve; print(resolve('face'))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                           cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")})  # fmt: skip
    assert found.stdout.strip() == str(tmp_path / "site" / "emoedge" / "shipped_models" / "face.tflite")


@pytest.mark.parametrize("name", ["face", "face-fer2013", "speech"])
def test_golden_vectors_are_steady(name):
    """Other kernels round otherwise: where a step in a fifth of the input moves an output far, arm64 may refuse it."""
    file = ModelFile.read(ROOT / "models" / "tflite" / f"{name}.tflite")
    generator = np.random.default_rng(9)
    moved = file.golden_inputs.astype(int)
    moved += (generator.random(moved.shape) < 0.2) * generator.choice([-1, 1], moved.shape)
    outputs = Interpreter(file.tflite, 1).run_raw(moved.clip(-128, 127).astype(np.int8))
    apart = np.abs(outputs.astype(int) - file.golden_outputs).max(axis=1)
    assert (apart <= GOLDEN_STEPS).mean() >= 0.9
    assert apart.max() <= 2 * GOLDEN_STEPS
