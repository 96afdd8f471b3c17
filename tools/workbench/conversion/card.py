"""The verbs that need no TensorFlow: a readable card of a model file, its check, its speed."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from emoedge.errors import ModelError
from emoedge.inference import runtime
from emoedge.inference.model import check_fit, check_golden
from emoedge.inference.model_file import ModelFile, refuse
from emoedge.inference.runtime import Interpreter
from workbench.command import model_file
from workbench.conversion.latency import latencies
from workbench.conversion.operations import float_operations, operations

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path


def describe(path: Path) -> dict[str, Any]:
    """All that a model file says and is, JSON-ready; raises ModelError."""
    file = ModelFile.read(path)
    interpreter = Interpreter(file.tflite)
    info = asdict(file.info)
    info["front_end"] = str(file.info.front_end)
    info["front_end_weights"] = len(file.info.front_end.weights)
    info["modality"] = file.info.modality.value
    return {
        "file": str(path), "sha256": file.sha256, "bytes": path.stat().st_size, **info,
        "input": _tensor(interpreter.input), "output_tensor": _tensor(interpreter.output),
        "operations": operations(file.tflite), "float_operations": len(float_operations(file.tflite)),
        "golden": len(file.golden_inputs),
    }  # fmt: skip


def inspect(given: argparse.Namespace) -> int:
    """Print the card; returns the exit code."""
    found = describe(model_file(given.file))
    print(json.dumps(found) if given.json else _page(found))
    return 0


def verify(given: argparse.Namespace) -> int:
    """Check each file on each runtime; a line each; returns 1 where one does not pass."""
    failed = False
    for path in given.files:
        try:
            print(f"{path}: sound; {', '.join(check(model_file(path)))}")
        except ModelError as error:
            print(f"FAILED {error}", file=sys.stderr)
            failed = True
    return int(failed)


def check(path: Path) -> list[str]:
    """How far golden outputs differ on each installed runtime; raises ModelError for a file that is refused."""
    file = ModelFile.read(path)
    found = []
    for name in runtime.installed():
        try:
            interpreter = Interpreter(file.tflite, runtime=name)
        except ModelError as error:
            raise refuse(path, str(error)) from error
        check_fit(path, file, interpreter)
        unit = "steps" if interpreter.output.quantized else "at most"
        found.append(f"{name} {unit} {check_golden(path, file, interpreter):.2g}")
    if not found:
        runtime.chosen()  # raises with the remedy
    return found


def bench(given: argparse.Namespace) -> int:
    """Print latencies on each runtime; returns the exit code."""
    file = ModelFile.read(model_file(given.file))
    found = {name: latencies(file.tflite, name) for name in runtime.installed()}
    if given.json:
        print(json.dumps({
            name: {str(n): {"median_ms": median, "p95_ms": high} for n, (median, high) in each.items()}
            for name, each in found.items()
        }))  # fmt: skip
        return 0
    print(f"{given.file}: {file.info.dtype}, one inference, median and 95th percentile in ms")
    for name, each in found.items():
        for threads, (median, high) in each.items():
            print(f"  {name:<7} {threads} thread{'s' if threads > 1 else ' '}  {median:8.3f}  {high:8.3f}")
    return 0


def _tensor(tensor: runtime.Tensor) -> dict[str, Any]:
    return {
        "shape": list(tensor.shape), "dtype": str(tensor.dtype), "scale": tensor.scale, "zero_point": tensor.zero_point
    }  # fmt: skip


def _page(found: Mapping[str, Any]) -> str:
    parity = found["parity"]
    labels = ", ".join(
        own if own == emotion else f"{own} ({emotion})"
        for own, emotion in zip(found["labels"], found["label_map"], strict=True)
    )
    states = {True: "passed", False: f"NOT passed: {parity.get('reason', '')}", None: "not measured"}
    state = states[parity.get("passed")]
    allowed = f", accepted by name: {', '.join(parity['allowed'])}" if parity.get("allowed") else ""
    rows = {
        "name": f"{found['name']}, version {found['version']}",
        "modality": found["modality"],
        "labels": labels,
        "dimensions": ", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in found["dimensions"].items())
        or "of the labels",
        "front end": found["front_end"],
        "its net": f"{found['front_end_weights']} bytes" if found["front_end_weights"] else "none",
        "input": _shape(found["input"]),
        "output": f"{found['output']}, {_shape(found['output_tensor'])}",
        "dtype": f"{found['dtype']}; {found['float_operations']} operations touch floats",
        "operations": ", ".join(f"{name} {n}" for name, n in found["operations"].items()),
        "calibration": f"temperature {found['temperature']:.3f}, reliability {found['reliability']:.2f}",
        "abstention": f"names no label below {found['abstain_below']:.3f}" if found["abstain_below"] else "never",
        "prior": ", ".join(f"{p:.3f}" for p in found["prior"]) or "uniform",
        "parity": f"{state}{allowed}; agreement {parity.get('agreement')}, macro-F1 loss {parity.get('macro_f1_loss')}",
        "accuracy": ", ".join(f"{key} {value:.4f}" for key, value in found["accuracy"].items()) or "not measured",
        "calibrated on": found["calibrated_on"] or "not told",
        "trained on": found["trained_on"] or "not told",
        "licence": found["licence"] or "not told",
        "made from": found["source_sha256"] or "not told",
        "size": f"{found['bytes']} bytes, {found['golden']} golden vectors",
        "sha256": found["sha256"],
    }
    width = max(map(len, rows))
    return "\n".join([found["file"], *(f"  {key:<{width}}  {value}" for key, value in rows.items())])


def _shape(tensor: Mapping[str, Any]) -> str:
    shape = " x ".join(map(str, tensor["shape"]))
    step = f", step {tensor['scale']:.6g}, zero {tensor['zero_point']}" if tensor["scale"] else ""
    return f"{shape} {tensor['dtype']}{step}"
