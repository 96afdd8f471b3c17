"""Real conversions of small Keras models, TensorFlow in its own environment."""

import io
import json
import os
import subprocess
import sys
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from workbench.conversion.command import main

from emoedge.emotions import CANONICAL
from emoedge.inference.model import load_model
from emoedge.inference.model_file import ModelFile
from emoedge.inference.runtime import FORCE, Interpreter, installed

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("EMOEDGE_TRAIN_PYTHON", str(ROOT / ".venv-train" / "bin" / "python"))
QUIET = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}

FACE = ("--modality", "face", "--labels", ",".join(CANONICAL), "--front-end", "face_gray:size=12")
SPEECH = ("--modality", "speech", "--labels", "angry,happy,calm,sad",
          "--front-end", "mfcc_sequence:seconds=0.5,window=0.05,hop=0.04,mels=20,coefficients=6,nfft=1024")  # fmt: skip

pytestmark = [pytest.mark.train, pytest.mark.slow]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keras")
    script = ROOT / "tests" / "models" / "make_keras_models.py"
    made = subprocess.run([PYTHON, script, folder], env=QUIET, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-2000:]
    return folder


def convert(model, output, *arguments, data="faces"):
    """Exit code, what was said, and what was complained of, warnings apart."""
    out, err = io.StringIO(), io.StringIO()
    room = FACE if data == "faces" else SPEECH
    calibrate = ("--calibrate", str(model.parent / f"{data}.npz"), "--samples", "60")
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["convert", str(model), *room, *calibrate, *arguments, "--output", str(output)])
    complaints = [line for line in err.getvalue().splitlines(keepends=True) if not line.startswith("warning: ")]
    return code, out.getvalue(), "".join(complaints)


def agreeing(path, outputs, inputs):
    """Share of inputs with the same top label as the source's outputs."""
    model = load_model(path)
    return (model.probabilities_batch(inputs).argmax(axis=1) == outputs.argmax(axis=1)).mean()


@pytest.mark.parametrize("dtype", ["float32", "float16", "dynamic", "int8"])
def test_renorm_and_augmentation_in_every_type(models, tmp_path, dtype):
    path = tmp_path / f"{dtype}.tflite"
    code, said, error = convert(models / "renorm.keras", path, "--dtype", dtype)
    assert (code, error) == (0, "")
    assert "agreement" in said
    file = ModelFile.read(path)
    assert file.info.dtype == dtype
    assert file.info.parity["passed"] is True
    assert file.info.parity["float_ops"] == []
    assert set(file.info.accuracy) == {"float", dtype, "macro_f1_float", f"macro_f1_{dtype}"}
    assert file.info.front_end.parameters["margin"] == 0.0, "parameters are stored with their defaults"
    assert file.golden_inputs.dtype == (np.int8 if dtype == "int8" else np.float32)
    with np.load(models / "renorm.npz") as known:
        assert agreeing(path, known["outputs"], known["inputs"]) >= 0.96
        if dtype == "float32":
            np.testing.assert_allclose(Interpreter(file.tflite).run(known["inputs"]), known["outputs"], atol=1e-4)
    report = json.loads(path.with_name(f"{dtype}.report.json").read_text())
    assert set(report["latency_ms"]) == {"1", "2", "4"}
    assert not any("chance" in text for text in report["warnings"])
    assert bool(report["worst_layers"]) == (dtype != "float32")
    assert path.with_name(f"{dtype}.report.md").read_text().startswith("# Conversion of renorm.keras")
    assert main(["verify", str(path)]) == 0


@pytest.mark.parametrize(("name", "kind"), [("gru.h5", "sigmoid"), ("lstm.hdf5", "logits"), ("lstm_folder", "logits")])
def test_recurrent_models_in_int8(models, tmp_path, name, kind, monkeypatch):
    path = tmp_path / "m.tflite"
    code, _, error = convert(models / name, path, data="speech")
    assert (code, error) == (0, "")
    info = ModelFile.read(path).info
    assert info.output == kind
    assert info.label_map == ("angry", "happy", "neutral", "sad")
    assert info.parity["agreement"] >= 0.97
    assert info.accuracy["int8"] > 0.8
    batch = np.random.default_rng(1).normal(0.5, 0.2, (6, 12, 6))
    for runtime in installed():
        monkeypatch.setenv(FORCE, runtime)
        model = load_model(path, "speech")
        forwards, backwards = model.outputs(batch), model.outputs(batch[::-1])[::-1]
        np.testing.assert_array_equal(forwards, backwards, "each input is a sequence of its own")


def test_open_length_and_a_loop_in_a_wrapper(models, tmp_path):
    code, _, error = convert(models / "bidirectional.keras", tmp_path / "m.tflite", "--allow", "agreement",
                             "--allow", "macro_f1", data="speech")  # fmt: skip
    assert (code, error) == (0, "")
    assert Interpreter(ModelFile.read(tmp_path / "m.tflite").tflite).input.shape == (12, 6)


@pytest.mark.parametrize(("name", "data"), [("legacy.h5", "faces"), ("exported", "speech")])
def test_legacy_files_and_plain_saved_models(models, tmp_path, name, data):
    allow = ("--allow", "agreement", "--allow", "macro_f1") if name == "legacy.h5" else ()  # random weights
    code, _, error = convert(models / name, tmp_path / "m.tflite", *allow, data=data)
    assert (code, error) == (0, "")
    assert load_model(tmp_path / "m.tflite").info.parity["agreement"] >= 0.9


CHILD = """
import json, sys
from pathlib import Path
import numpy as np
from workbench.conversion.child import Job
models, labels = Path(sys.argv[1]), json.loads(sys.argv[2])
rows = np.load(models / "faces.npz")["inputs"][:20]
for name in sys.argv[4:]:
    folder = Path(sys.argv[3]) / name
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps({
        "model": str(models / name), "labels": labels, "dimensions": 0, "dtype": "float32", "allow_lambda": False,
        "front_end_shape": [12, 12, 1],
    }))
    np.savez(folder / "rows.npz", representative=rows, measured=rows)
    Job(folder).run()
"""


def test_mixed_precision_a_named_output_and_a_subclassed_model(models, tmp_path):
    names = ("mixed.keras", "mixed.h5", "named.keras", "own")
    done = subprocess.run(
        [PYTHON, "-c", CHILD, models, json.dumps(CANONICAL), tmp_path, *names], capture_output=True, text=True, check=False,
        env={**QUIET, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tools")))}, input="go\n" * len(names),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(models / "faces.npz") as faces:
        rows = faces["inputs"][:20]
    for name in names:
        made = Interpreter((tmp_path / name / "target.tflite").read_bytes())
        assert (made.input.shape, made.input.dtype) == ((12, 12, 1), np.float32)
        with np.load(tmp_path / name / "reference.npz") as reference:
            np.testing.assert_allclose(made.run(rows), reference["outputs"], atol=1e-4)


def test_a_crash_of_the_converter_names_the_layer_and_the_way_out(models, tmp_path):
    code, _, error = convert(models / "loop.keras", tmp_path / "m.tflite", data="speech")
    assert code == 1
    assert "the converter crashed (SIG" in error
    assert "at layer 'loop' (ConvLSTM2D)" in error
    assert "--dtype dynamic" in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
    assert convert(models / "loop.keras", tmp_path / "m.tflite", "--dtype", "dynamic", data="speech")[0] == 0


@pytest.mark.parametrize(
    ("name", "arguments", "data", "cause"),
    [
        ("lambda.keras", (), "speech", "layer 'twice' is a Lambda"),
        ("lambda.h5", (), "speech", "layer 'twice' is a Lambda"),
        ("two.keras", (), "faces", "the model has 2 inputs"),
        ("row.keras", (), "faces", "output has shape (1, 7), expected one number for each class; end it with a Flatten"),
        ("layer.h5", (), "speech", "'Own>Louder' is code that cannot be read from the file, registered or not; build it of Keras's"),
        ("layer.keras", (), "speech", "'Louder' is code that cannot be read"),
        ("function.h5", (), "speech", "'rectified' is code that cannot be read"),
        ("function.keras", (), "speech", "'rectified' is code that cannot be read"),
        ("activation.h5", (), "speech", "a lambda is code that cannot be read"),
        ("activation.keras", (), "speech", "a lambda is code that cannot be read"),
        ("turned.keras", (), "faces", "has its channels first, which runs on a GPU alone; build it anew with data_format='channels_last'"),
        ("newer.h5", (), "faces", "saved by Keras 3.1.0, this reads Keras 2"),
        ("truncated.keras", (), "faces", "truncated"),
        ("truncated.h5", (), "faces", "truncated or damaged"),
        ("renorm.keras", ("--labels", "happy,sad"), "faces", "2 labels, but the model's output has shape (7,)"),
        ("renorm.keras", ("--front-end", "face_gray:size=24", "--dtype", "float32"), "faces", "the front end makes (24, 24, 1)"),
        ("renorm.keras", (), "speech", "the model takes (12, 12, 1), the front end makes (12, 6)"),
    ],
)
def test_what_cannot_be_converted_is_refused_in_one_line(models, tmp_path, monkeypatch, name, arguments, data, cause):
    # With oneDNN, which TensorFlow takes up by itself on processors with VNNI, channels that come first can be run.
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    code, _, error = convert(models / name, tmp_path / "m.tflite", *arguments, data=data)
    assert code == 1
    assert error.startswith("error: ")
    assert cause in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_trusted_lambda_converts_and_gelu_is_no_stranger(models, tmp_path):
    code, _, error = convert(models / "lambda.keras", tmp_path / "m.tflite", "--allow-lambda", "--dtype", "float32", data="speech")
    assert (code, error) == (0, "")


def test_foreign_code_in_a_keras_file_is_refused(models, tmp_path):
    path = models / "foreign.keras"
    with zipfile.ZipFile(models / "renorm.keras") as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                content = content.replace(b'"activation": "relu"', b'"activation": {"module": "os", "class_name": "function", "config": "system"}')
                assert b'"os"' in content
            target.writestr(name, content)
    code, _, error = convert(path, tmp_path / "m.tflite")
    assert code == 1
    assert "'function' of module 'os', which is not Keras's own" in error


def test_a_failed_gate_exits_3_writes_the_file_and_can_be_accepted(models, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.conversion.parity.AGREEMENT", 1.01)
    path = tmp_path / "m.tflite"
    code, _, error = convert(models / "renorm.keras", path)
    assert code == 3
    assert "parity gate not passed: agreement" in error
    parity = ModelFile.read(path).info.parity
    assert parity["passed"] is False
    assert parity["allowed"] == []
    assert load_model(path).info.parity["reason"].startswith("agreement")
    assert convert(models / "renorm.keras", path, "--allow", "macro_f1")[0] == 3
    assert convert(models / "renorm.keras", path, "--allow", "agreement")[0] == 0
    parity = ModelFile.read(path).info.parity
    assert (parity["passed"], parity["allowed"]) == (True, ["agreement"])


def test_all_that_is_told_stands_in_the_file(models, tmp_path):
    path = tmp_path / "m.tflite"
    told = ("--name", "mine", "--version", "2.1", "--licence", "MIT", "--trained-on", "own rows", "--temperature", "1.7",
            "--prior", "data", "--reliability", "0.6", "--label-map", "fear=surprise", "--report", str(tmp_path / "r"))  # fmt: skip
    assert convert(models / "renorm.keras", path, *told, "--dtype", "float32")[0] == 0
    info = ModelFile.read(path).info
    assert (info.name, info.version, info.licence, info.trained_on) == ("mine", "2.1", "MIT", "own rows")
    assert (info.temperature, info.reliability) == (1.7, 0.6)
    assert info.label_map[2] == "surprise"
    assert len(info.prior) == 7
    assert info.calibrated_on.startswith("faces.npz: ")
    assert len(info.source_sha256) == 64
    assert (tmp_path / "r.json").exists()
    assert (tmp_path / "r.md").exists()


def test_without_data_a_float_model_is_measured_on_synthetic_inputs(models, tmp_path):
    with redirect_stdout(io.StringIO()):
        code = main(["convert", str(models / "renorm.keras"), *FACE, "--dtype", "float16", "--output", str(tmp_path / "m.tflite")])
    assert code == 0
    info = load_model(tmp_path / "m.tflite").info
    assert info.calibrated_on == "seeded synthetic inputs"
    assert info.accuracy == {}


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("rescaling", "the model scales its input by 0.00392 itself, and of 0 to 1, which --front-end makes"),
        ("division", "the model scales its input by 0.00784 itself"),
        ("statistics", "the model scales its input by 0.0167 itself"),
        ("whole", "the model takes whole numbers, and --front-end makes 0 to 1, whose fractions are cut off"),
    ],
)
def test_a_scale_that_the_model_applies_itself_is_warned_of(models, tmp_path, capsys, name, cause):
    command = ["convert", str(models / f"{name}.keras"), "--dtype", "float32", "--output", str(tmp_path / "m.tflite")]
    assert main([*command, *FACE]) == 0
    warned = capsys.readouterr().err
    assert cause in warned
    assert "give --front-end scale=1" in warned
    assert warned.count("\n") == 1
    assert main([*command, *FACE[:-1], "face_gray:size=12,scale=1"]) == 0
    assert not capsys.readouterr().err


def test_the_script_runs_in_the_train_environment(models, tmp_path):
    command = [PYTHON, ROOT / "tools" / "convert.py", "convert", models / "renorm.keras", *FACE, "--dtype", "float32",
               "--output", tmp_path / "m.tflite"]  # fmt: skip
    done = subprocess.run(command, env=QUIET, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    verified = subprocess.run([sys.executable, ROOT / "tools" / "convert.py", "verify", tmp_path / "m.tflite"],
                              capture_output=True, text=True, check=False, cwd=tmp_path)  # fmt: skip
    assert verified.returncode == 0, verified.stderr
    assert "sound" in verified.stdout
