"""The verbs without TensorFlow: inspect, verify, bench; golden vectors and layer errors."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from workbench.conversion.command import main
from workbench.conversion.golden import COUNT, golden_vectors, synthetic
from workbench.conversion.operations import float_operations, layer_errors, operations

from emoedge.emotions import CANONICAL
from emoedge.inference.model import load_model
from emoedge.inference.model_file import ModelFile
from emoedge.inference.runtime import Interpreter, installed
from emoedge.inference.spec import FrontEndSpec, ModelInfo
from emoedge.messages import Modality

MODELS = Path(__file__).resolve().parents[1] / "models"
INT8, FLOAT = ((MODELS / f"plain_{dtype}.tflite").read_bytes() for dtype in ("int8", "float32"))


def rows(count=30):
    return np.random.default_rng(0).random((count, 12, 12, 1), dtype=np.float32)


@pytest.fixture
def model(tmp_path):
    info = ModelInfo(
        name="tiny", version="3", modality=Modality.FACE, front_end=FrontEndSpec("face_gray", {"size": 12}),
        labels=("rage", *CANONICAL[1:]), label_map=CANONICAL, dtype="int8", licence="as you like",
        parity={"passed": False, "reason": "agreement 0.5 is below 0.97", "allowed": ["macro_f1"]},
        accuracy={"float": 0.5, "int8": 0.25}, abstain_below=0.625,
    )  # fmt: skip
    path = tmp_path / "tiny.tflite"
    ModelFile(info, INT8, *golden_vectors(INT8, rows(), 0)).write(path)
    return path


def test_inspect_shows_the_card(model, capsys):
    assert main(["inspect", str(model)]) == 0
    page = capsys.readouterr().out
    for words in ("tiny, version 3", "rage (angry)", "face_gray:size=12", "12 x 12 x 1 int8", "FULLY_CONNECTED 2", "as you like",
                  "NOT passed: agreement 0.5", "accepted by name: macro_f1", "int8 0.2500", "10 golden vectors", "names no label below 0.625"):  # fmt: skip
        assert words in page


def test_inspect_shows_that_a_front_end_has_a_net(model, capsys):
    assert main(["inspect", str(model)]) == 0
    assert any(line.split() == ["its", "net", "none"] for line in capsys.readouterr().out.splitlines())
    file = ModelFile.read(model)
    front_end = FrontEndSpec("mfcc_functionals", {"embedding": 4}, bytes(700))
    info = replace(file.info, modality=Modality.SPEECH, front_end=front_end)
    replace(file, info=info).write(model)
    assert main(["inspect", str(model)]) == 0
    assert any(line.split() == ["its", "net", "700", "bytes"] for line in capsys.readouterr().out.splitlines())
    assert main(["inspect", str(model), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["front_end_weights"] == 700


def test_inspect_as_json(model, capsys):
    assert main(["inspect", str(model), "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["labels"][0] == "rage"
    assert card["input"] == {"shape": [12, 12, 1], "dtype": "int8", "scale": pytest.approx(1 / 255, rel=0.1), "zero_point": -128}
    assert card["float_operations"] == 0
    assert card["sha256"] == ModelFile.read(model).sha256


def test_verify_names_every_runtime_and_every_bad_file(model, tmp_path, capsys):
    assert main(["verify", str(model)]) == 0
    line = capsys.readouterr().out
    assert all(name in line for name in installed())
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(model.read_bytes()[:-50])
    assert main(["verify", str(model), str(broken), str(tmp_path / "gone.tflite")]) == 1
    said = capsys.readouterr()
    assert f"{model}: sound" in said.out
    assert said.err.count("FAILED") == 2
    assert "truncated" in said.err
    assert "no such model file; give its path, the name of a shipped one" in said.err


def test_verify_finds_wrong_golden_vectors(model, capsys):
    file = ModelFile.read(model)
    ModelFile(file.info, file.tflite, file.golden_inputs, file.golden_outputs[::-1]).write(model)
    assert main(["verify", str(model)]) == 1
    assert "golden vectors disagree" in capsys.readouterr().err


def test_bench_measures_each_runtime_at_1_2_and_4_threads(model, capsys, monkeypatch):
    assert main(["bench", str(model), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == set(installed())
    for each in found.values():
        assert set(each) == {"1", "2", "4"}
        assert all(0 < figures["median_ms"] <= figures["p95_ms"] for figures in each.values())
    assert main(["bench", str(model)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 3 * len(installed())


def test_inspect_of_no_model_is_one_line(tmp_path, capsys):
    path = tmp_path / "x.tflite"
    path.write_bytes(b"text")
    assert main(["inspect", str(path)]) == 1
    assert capsys.readouterr().err == f"error: {path}: not a TFLite model; name a .tflite file made by tools/convert.py\n"


def test_operations():
    assert operations(INT8) == {"RESHAPE": 1, "FULLY_CONNECTED": 2, "SOFTMAX": 1}
    assert float_operations(INT8) == []
    assert float_operations(FLOAT) == ["RESHAPE", "FULLY_CONNECTED", "FULLY_CONNECTED", "SOFTMAX"]


def test_layer_errors_are_those_of_the_outputs():
    found = layer_errors(FLOAT, INT8, rows(5))
    assert [e.snr for e in found] == sorted(e.snr for e in found)
    exact, other = (Interpreter(model).run(rows(5)) for model in (FLOAT, INT8))
    expected = 10 * np.log10((exact**2).sum() / ((exact - other) ** 2).sum())
    assert min(abs(e.snr - expected) for e in found) < 1.0, "the last layer's, on kernels that round differently"
    assert all(np.isinf(e.snr) for e in layer_errors(FLOAT, FLOAT, rows(2)))


@pytest.mark.parametrize("model_bytes", [INT8, FLOAT])
def test_golden_vectors_are_seeded_synthetic_and_hold_everywhere(model_bytes):
    inputs, outputs = golden_vectors(model_bytes, rows(), 7)
    again, _ = golden_vectors(model_bytes, rows(), 7)
    np.testing.assert_array_equal(inputs, again)
    assert len(inputs) == COUNT
    own = Interpreter(model_bytes).input.quantize(rows()).reshape(30, -1)
    assert not (inputs.reshape(COUNT, 1, -1) == own).all(axis=2).any(), "no row of the data"
    limit = 2 if inputs.dtype == np.int8 else 1e-3
    for name in installed():
        here = Interpreter(model_bytes, runtime=name).run_raw(inputs).astype(float)
        assert np.abs(here - outputs).max() <= limit
    assert len(set(outputs.argmax(axis=1))) > 1, "they tell classes apart"


def test_synthetic_inputs_spread_as_the_data_do():
    like = np.random.default_rng(3).normal([2.0, -1.0], [0.5, 0.1], (200, 30, 2)).astype(np.float32)
    made = synthetic((30, 2), like, 200, 0)
    assert made.shape == (200, 30, 2)
    np.testing.assert_allclose(made.mean(axis=(0, 1)), [2.0, -1.0], atol=0.05)
    assert made[..., 0].min() >= like[..., 0].min()


def test_the_daemon_loads_what_verify_calls_sound(model):
    assert load_model(model, "face").info.labels[0] == "rage"


def test_a_shipped_model_is_found_by_its_name(capsys):
    assert main(["inspect", "face", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"].endswith("face.tflite")
