"""The figures behind the gates, by hand and against scikit-like definitions; the report that shows them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from workbench.conversion import report
from workbench.conversion.parity import compare, figures, fit_temperature, output_kind

from emoedge.emotions import CANONICAL
from emoedge.inference.model import SMALLEST, calibrated
from emoedge.inference.spec import FrontEndSpec, ModelInfo
from emoedge.messages import Modality

INFO = ModelInfo(name="m", version="1", modality=Modality.FACE, front_end=FrontEndSpec("face_gray"),
                 labels=CANONICAL, label_map=CANONICAL)  # fmt: skip
THREE = replace(INFO, labels=("a", "h", "h2"), label_map=("angry", "happy", "happy"))


def test_the_same_model_agrees_with_itself():
    p = np.random.default_rng(0).dirichlet(np.ones(7), 50)
    found = compare(p, p, np.arange(50) % 7, INFO, SMALLEST)
    assert (found.agreement, found.kl, found.largest, found.macro_f1_loss) == (1.0, 0.0, 0.0, 0.0)
    assert not found.failures("int8")


def test_figures_by_hand():
    source = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3], [0.1, 0.2, 0.7]])
    converted = np.array([[0.4, 0.5, 0.1], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3], [0.1, 0.7, 0.2]])
    found = compare(source, converted, np.array([0, 3, 3, 3]), THREE, SMALLEST)
    assert found.agreement == 0.5  # rows 0 and 3 changed; for happy it does not matter which of the two says it
    assert found.accuracy == (1.0, 0.75)  # row 2: 0.4 angry against 0.6 happy in two labels
    expected = 0.5 * (2 * 0 / 1 + 2 * 3 / 7)
    assert found.macro_f1 == (1.0, pytest.approx(expected))
    kl = np.mean([(s * np.log(s / c)).sum() for s, c in zip(source, converted, strict=True)])
    assert found.kl == pytest.approx(kl, abs=1e-6)
    assert set(found.failures("int8")) == {"agreement", "macro_f1"}


def test_figures_leave_out_classes_that_nobody_shows_or_the_model_lacks():
    scores = np.zeros((3, 7))
    scores[:, 1] = 0.9  # disgust is not among the rows, so it is not what they are taken for
    scores[[0, 1, 2], [0, 3, 0]] = 0.1
    assert figures(scores, np.array([0, 3, 3]), CANONICAL) == (pytest.approx(2 / 3), pytest.approx(2 / 3))


@pytest.mark.parametrize(("gate", "changes"), [
    ("agreement", {"agreement": 0.9699}),
    ("macro_f1", {"macro_f1": (0.5, 0.4899)}),
    ("float_ops", {"float_ops": ("GELU",)}),
])  # fmt: skip
def test_each_gate_fails_by_itself(gate, changes):
    p = np.eye(7)
    sound = replace(compare(p, p, np.arange(7), INFO, SMALLEST), agreement=0.97, macro_f1=(0.5, 0.4901))
    assert not sound.failures("int8")
    assert list(replace(sound, **changes).failures("int8")) == [gate]


def test_float_operations_matter_in_int8_only():
    p = np.eye(7)
    found = replace(compare(p, p, np.arange(7), INFO, SMALLEST), float_ops=("CONV_2D",))
    assert not found.failures("float32")


def test_without_labels_only_agreement_is_measured():
    p = np.eye(7)
    found = compare(p, p, np.full(7, -1), INFO, SMALLEST)
    assert found.accuracy is found.macro_f1 is found.macro_f1_loss is None
    assert not found.failures("int8")


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("output", ["probabilities", "logits"])
def test_temperature_is_found_again(true, output):
    """Labels drawn from softmax(z / T) make T the best temperature for z."""
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (4000, 7))
    info = replace(INFO, output=output)
    drawn = calibrated(logits, replace(INFO, output="logits", temperature=true))
    targets = np.array([rng.choice(7, p=p) for p in drawn])
    outputs = logits if output == "logits" else calibrated(logits, replace(INFO, output="logits"))
    assert fit_temperature(outputs, targets, info) == pytest.approx(true, rel=0.08)


def test_output_kind_is_told_from_values():
    rng = np.random.default_rng(2)
    assert output_kind(rng.dirichlet(np.ones(7), 20).astype(np.float32)) == "probabilities"
    assert output_kind(rng.random((20, 7))) == "sigmoid"
    assert output_kind(rng.normal(0, 1, (20, 7))) == "logits"


def test_report_is_written_in_both_forms(tmp_path):
    content = {
        "source": "m.keras", "dtype": "int8", "calibrated_on": "set", "temperature": 1.25, "runtime": "litert",
        "parity": {"passed": False, "reason": "agreement 0.9 is below 0.97", "allowed": ["float_ops"], "rows": 9,
                   "agreement": 0.9, "kl": 0.01, "float_ops": ["GELU"]},
        "accuracy": [0.7, 0.6], "macro_f1": None, "size": {"source": 10, "float32": 9, "converted": 3},
        "latency_ms": {"1": [0.1, 0.2]}, "worst_layers": [{"name": "conv/Relu", "snr_db": 12.3}], "warnings": ["look"],
    }  # fmt: skip
    as_json, as_page = report.write(content, tmp_path / "m.report")
    assert json.loads(as_json.read_text()) == content
    text = as_page.read_text()
    for words in ("not passed", "agreement 0.9 is below 0.97", "float_ops", "| conv/Relu | 12.3 |", "| accuracy | 0.7000 | 0.6000 |",
                  "| macro-F1 | not measured | not measured |", "GELU", "- Warning: look.", "| 1 | 0.100 | 0.200 |"):  # fmt: skip
        assert words in text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.report.json", "m.report.md"]


def test_a_report_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    content = {
        "source": "m", "dtype": "int8", "calibrated_on": "", "temperature": 1.0, "runtime": "", "accuracy": None, "macro_f1": None,
        "parity": {"passed": True, "allowed": [], "rows": 1, "agreement": 1.0, "kl": 0.0, "float_ops": []},
        "size": {"source": 1, "float32": 1, "converted": 1}, "latency_ms": {}, "worst_layers": [],
    }  # fmt: skip
    (tmp_path / "m.json").mkdir()
    with pytest.raises(OSError):
        report.write(content, tmp_path / "m")
    assert [p.name for p in tmp_path.iterdir()] == ["m.json"]
