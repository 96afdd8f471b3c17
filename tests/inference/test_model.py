"""A loaded model: golden vectors, calibration, and the same answers on every runtime installed."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emoedge.emotions import CANONICAL
from emoedge.errors import ModelError
from emoedge.inference.model import calibrated, load_model
from emoedge.inference.runtime import FORCE, Interpreter, Tensor, chosen, installed
from emoedge.inference.spec import FrontEndSpec, ModelInfo
from emoedge.messages import Modality

RUNTIMES = installed()


def written(tmp_path, file):
    file.write(tmp_path / "m.tflite")
    return tmp_path / "m.tflite"


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_loads_on_every_runtime(tmp_path, model_file, monkeypatch, runtime, dtype):
    path = written(tmp_path, model_file(dtype))
    monkeypatch.setenv(FORCE, runtime)
    model = load_model(path, "face")
    assert model.runtime == runtime
    batch = np.random.default_rng(2).random((5, 12, 12, 1), dtype=np.float32)
    probabilities = model.probabilities_batch(batch)
    assert probabilities.shape == (5, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    scores = model.classify_batch(batch)
    for row, score in zip(probabilities, scores, strict=True):
        np.testing.assert_allclose(score.values, row)
        assert score.known.all()
    np.testing.assert_allclose(model.classify(batch[3]).values, scores[3].values)
    np.testing.assert_allclose(model.probabilities(batch[3]), probabilities[3])


def test_int8_follows_float(model_file):
    batch = np.random.default_rng(3).random((40, 12, 12, 1), dtype=np.float32)
    exact, quantized = (Interpreter(model_file(d).tflite).run(batch) for d in ("float32", "int8"))
    assert np.abs(exact - quantized).max() < 0.1
    assert np.ptp(exact, axis=0).max() > 0.1, "the committed model should tell its inputs apart"


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("damage", [281, 5380, 5684], ids=["weights", "input", "shape"])
def test_what_fails_only_when_it_is_computed_is_refused(tmp_path, model_file, monkeypatch, runtime, damage):
    monkeypatch.setenv(FORCE, runtime)
    good = model_file("float32")
    # Where the committed network names its weights, its input, the shape that this is brought into.
    tflite = good.tflite[:damage] + b"\0" + good.tflite[damage + 1 :]
    Interpreter(tflite)  # takes it
    path = written(tmp_path, replace(good, tflite=tflite))
    with pytest.raises(ModelError, match=rf"^[^\n]*m\.tflite: {runtime} cannot run it: [^\n]*; convert it again [^\n]*$"):
        load_model(path, "face")


def test_run_quantizes_like_the_tensor_says(model_file):
    interpreter = Interpreter(model_file().tflite)
    batch = np.random.default_rng(4).normal(0.5, 1.0, (6, 12, 12, 1))  # also outside the range: clipped
    raw = interpreter.run_raw(interpreter.input.quantize(batch))
    np.testing.assert_array_equal(interpreter.run(batch), interpreter.output.dequantize(raw))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_scale_left_on_floats_changes_nothing(model_file, runtime):
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    flatbuffers = pytest.importorskip("flatbuffers")
    plain = model_file("float32").tflite
    network = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(plain), 0))
    graph = network.subgraphs[0]
    for index in (graph.inputs[0], graph.outputs[0]):
        left = graph.tensors[index].quantization = schema.QuantizationParametersT()
        left.scale, left.zeroPoint = [0.1], [3]
    builder = flatbuffers.Builder(1024)
    builder.Finish(network.Pack(builder), b"TFL3")
    batch = np.random.default_rng(5).random((3, 12, 12, 1), dtype=np.float32)
    odd = Interpreter(bytes(builder.Output()), runtime=runtime)
    assert not odd.input.quantized
    np.testing.assert_array_equal(odd.run(batch), Interpreter(plain, runtime=runtime).run(batch))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("dtype", "change", "loads"), [
    ("int8", 2, True), ("int8", 3, False), ("float32", 5e-4, True), ("float32", 2e-3, False), ("float32", np.nan, False),
])  # fmt: skip
def test_golden_tolerance(tmp_path, model_file, monkeypatch, runtime, dtype, change, loads):
    monkeypatch.setenv(FORCE, runtime)
    file = model_file(dtype)
    outputs = file.golden_outputs.copy()
    column = int(np.argmin(np.abs(outputs[4].astype(float))))
    outputs[4, column] += np.asarray(change).astype(outputs.dtype)
    path = written(tmp_path, replace(file, golden_outputs=outputs))
    if loads:
        assert load_model(path).info.dtype == dtype
    else:
        with pytest.raises(ModelError, match=f"golden vectors disagree with {runtime}"):
            load_model(path)


def test_failed_parity_loads_with_a_warning(tmp_path, model_file, caplog):
    path = written(tmp_path, model_file(parity={"passed": False, "reason": "agreement 0.90 is below 0.97"}))
    with caplog.at_level(logging.WARNING):
        load_model(path)
    assert "agreement 0.90" in caplog.text
    caplog.clear()
    load_model(written(tmp_path, model_file(parity={"passed": True})))
    assert not caplog.text


def test_labels_are_summed_and_missing_ones_unknown(tmp_path, model_file):
    own = ("joy", "laughter", "rage", "fear_a", "fear_b", "calm", "plain")
    mapped = ("happy", "happy", "angry", "fear", "fear", "neutral", "neutral")
    model = load_model(written(tmp_path, model_file(labels=own, label_map=mapped)))
    features = np.full((12, 12, 1), 0.3, np.float32)
    p, scores = model.probabilities(features), model.classify(features)
    assert scores.values[CANONICAL.index("happy")] == pytest.approx(p[0] + p[1])
    assert {c for c, known in zip(CANONICAL, scores.known, strict=True) if known} == set(mapped)
    assert scores.values[~scores.known].sum() == 0


@pytest.mark.parametrize("strange", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("output", ["probabilities", "logits"])
def test_outputs_that_are_no_numbers_are_no_opinion(tmp_path, model_file, monkeypatch, output, strange):
    model = load_model(written(tmp_path, model_file("float32", output=output)))
    rows = np.array([[0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1]] * 2, dtype=np.float32)
    rows[0, 2] = strange
    monkeypatch.setattr(model._interpreter, "run", lambda batch: rows[: len(batch)])
    features = np.zeros((2, 12, 12, 1), np.float32)
    assert model.classify(features[0]) is None
    said = model.classify_batch(features)
    assert said[0].margin == 0
    assert said[1].label == CANONICAL[3]


@pytest.mark.parametrize("strange", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_features_that_are_no_numbers_are_no_opinion(tmp_path, model_file, dtype, strange):
    model = load_model(written(tmp_path, model_file(dtype)))
    features = np.full((12, 12, 1), 0.3, np.float32)
    assert model.classify(features) is not None
    features[3, 4] = strange
    assert model.classify(features) is None


def test_features_of_another_shape_are_refused(tiny):
    with pytest.raises(ValueError, match="the model takes"):
        load_model(tiny).classify(np.zeros((11, 12, 1), np.float32))


def test_forced_runtime_must_be_installed(monkeypatch):
    monkeypatch.setenv(FORCE, "abacus")
    with pytest.raises(ModelError, match="EMOEDGE_RUNTIME=abacus"):
        chosen()
    monkeypatch.delenv(FORCE)
    assert chosen() == RUNTIMES[0]


def test_calibration_by_hand(model_file):
    info = model_file().info
    p = np.array([[0.7, 0.2, 0.1]])
    np.testing.assert_allclose(calibrated(p, info), p)
    squared = p**2 / (p**2).sum()
    np.testing.assert_allclose(calibrated(p, replace(info, temperature=0.5)), squared)
    logits = replace(info, output="logits", temperature=2.0)
    e = np.exp([0.5, 0.0, -0.5])
    np.testing.assert_allclose(calibrated(np.array([[1.0, 0.0, -1.0]]), logits), [e / e.sum()])
    sigmoid = replace(info, output="sigmoid")
    np.testing.assert_allclose(calibrated(np.array([[0.8, 0.4, 0.4]]), sigmoid), [[0.5, 0.25, 0.25]])


@given(arrays(np.float32, (3, 7), elements=st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))), st.floats(0.05, 20),
       st.sampled_from(["probabilities", "logits", "sigmoid"]))  # fmt: skip
def test_calibration_is_always_a_distribution(outputs, temperature, kind):
    info = ModelInfo(
        name="m", version="1", modality=Modality.FACE, front_end=FrontEndSpec("face_gray"), labels=CANONICAL,
        label_map=CANONICAL, output=kind, temperature=temperature,
    )  # fmt: skip
    p = calibrated(outputs, info)
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)


@given(arrays(np.float64, (20,), elements=st.floats(-3.9, 3.9)))
def test_quantization_error_is_half_a_step(values):
    tensor = Tensor((20,), np.dtype(np.int8), 4 / 127, 0)
    assert np.abs(tensor.dequantize(tensor.quantize(values)) - values).max() <= 2.001 / 127
