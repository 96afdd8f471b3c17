"""One conversion from beginning to end."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.errors import EmoedgeError
from emoedge.inference.model import SMALLEST, calibrated, front_end_shape
from emoedge.inference.model_file import ModelFile
from emoedge.inference.runtime import Interpreter
from emoedge.inference.spec import FrontEndSpec, ModelInfo
from emoedge.messages import Modality
from workbench.conversion import calibration, doubts, keras_source, report
from workbench.conversion.golden import golden_vectors, synthetic
from workbench.conversion.latency import latencies
from workbench.conversion.operations import float_operations, layer_errors
from workbench.conversion.parity import Parity, canonical_scores, compare, fit_temperature, output_kind
from workbench.conversion.process import Converter, ConverterCrashError, explain
from workbench.conversion.request import ConversionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from workbench.conversion.request import Request
    from workbench.conversion.rows import CalibrationSet

SYNTHETIC = "seeded synthetic inputs"
LAYER_ROWS = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a conversion has made."""

    path: Path
    info: ModelInfo
    passed: bool
    """Whether all parity gates were passed, or accepted by name."""
    report: Mapping[str, Any]
    reports: tuple[Path, Path]
    """The JSON and the Markdown file."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What its user should look at, one line each."""
        return tuple(self.report["warnings"])


def convert(request: Request) -> Outcome:
    """Convert, measure, and write the model file and its report.

    Raises ConversionError, ModelError, MediaError or ValueError; then nothing was written. A failed gate raises
    nothing: the file says it (`parity.passed`) and so does the outcome.
    """
    prefix = request.report or request.output.with_name(request.output.stem + ".report")
    for path in (request.output, prefix):
        if not path.parent.is_dir():
            raise ConversionError(f"{path}: no such folder; make {path.parent} first")
    keras_source.kind(request.model)
    shape = front_end_shape(request.front_end)
    with tempfile.TemporaryDirectory(prefix="emoedge-convert-") as name:
        folder = Path(name)
        try:
            with Converter(folder, request, shape) as converter:
                try:
                    rows = calibration.prepare(request)
                except (EmoedgeError, ValueError):
                    converter.loaded()  # what is wrong with the model comes before what is wrong with the rows
                    raise
                representative, measured = _inputs(rows, shape, request.seed)
                converter.finish(representative, measured)
        except ConverterCrashError as crash:
            raise explain(crash, request, shape, folder) from crash
        made = _Made(request, rows, measured, folder)
        file = made.file()
        outcome_report = made.report(file)
    file.write(request.output)
    reports = report.write(outcome_report, prefix)
    return Outcome(request.output, file.info, bool(file.info.parity["passed"]), outcome_report, reports)


def _inputs(
    rows: CalibrationSet | None, shape: tuple[int, ...], seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if rows is not None:
        return rows.representative.inputs, rows.held_out.inputs
    like = np.random.default_rng(seed).standard_normal((50, *shape)).astype(np.float32)
    patterns = synthetic(shape, like, 100, seed)
    return patterns, patterns


class _Made:
    """What the child has left in its folder, measured."""

    def __init__(
        self, request: Request, rows: CalibrationSet | None, measured: NDArray[np.float32], folder: Path
    ) -> None:
        self.request, self.rows, self.measured = request, rows, measured
        self.float32 = (folder / "float32.tflite").read_bytes()
        self.target = (folder / "target.tflite").read_bytes()
        with np.load(folder / "reference.npz") as arrays:
            self.source: NDArray[np.float32] = arrays["outputs"]
        self.described: Mapping[str, Any] = json.loads((folder / "described.json").read_text())
        if not np.isfinite(self.source).all():
            raise ConversionError(f"{request.model}: the model's outputs hold NaN or infinity; train it again")
        self.interpreter = Interpreter(self.target)
        self.smallest = max(SMALLEST, self.interpreter.output.scale / 2)
        self.outputs = self.interpreter.run(measured.reshape(-1, *self.interpreter.input.shape))
        self.targets = rows.held_out.targets if rows is not None else np.full(len(measured), -1)

    def file(self) -> ModelFile:
        """The model file with all its fields."""
        request = self.request
        info = ModelInfo(
            name=request.name or request.output.stem, version=request.version, modality=_modality(request),
            front_end=resolved(request.front_end), labels=request.labels, label_map=request.label_map,
            dimensions=request.dimensions,
            output=request.output_kind or output_kind(self.source[:, : len(request.labels)]),
            dtype=request.dtype, prior=self._prior(), reliability=request.reliability, trained_on=request.trained_on,
            licence=request.licence, calibrated_on=SYNTHETIC if self.rows is None else self.rows.description,
            source_sha256=source_sha256(request.model),
        )  # fmt: skip
        info = replace(info, temperature=self._temperature(info))
        parity = replace(
            compare(self.source, self.outputs, self.targets, info, self.smallest),
            float_ops=tuple(float_operations(self.target)) if request.dtype == "int8" else (),
        )
        info = replace(info, parity=self._gates(parity), accuracy=self._accuracy(parity))
        like = self.rows.representative.inputs if self.rows is not None else self.measured
        inputs, outputs = golden_vectors(self.target, like, request.seed)
        return ModelFile(info, self.target, inputs, outputs)

    def _prior(self) -> tuple[float, ...]:
        prior = self.request.prior
        if not isinstance(prior, str):
            return prior
        if self.rows is None or not self.rows.prior:
            raise ConversionError("--prior data needs labelled rows; name them with --calibrate")
        return self.rows.prior

    def _temperature(self, info: ModelInfo) -> float:
        if self.request.temperature is not None:
            return self.request.temperature
        if not self._labelled:
            return 1.0
        return fit_temperature(self.outputs, self.targets, info, self.smallest)

    @property
    def _labelled(self) -> bool:
        return self.rows is not None and self.rows.held_out.labelled

    def _warnings(self, info: ModelInfo) -> list[str]:
        scale = self._scale_doubts()
        if not self._labelled:
            return scale
        said = canonical_scores(calibrated(self.source, replace(info, temperature=1.0)), info.label_map)
        fitted = self.request.temperature is None
        return [
            *scale,
            *doubts.of_accuracy(said, self.targets, info.label_map),
            *(doubts.of_temperature(info.temperature, len(self.targets)) if fitted else []),
        ]

    def _scale_doubts(self) -> list[str]:
        """Only a face front end's values have a known range."""
        if self.request.front_end.modality is not Modality.FACE:
            return []
        from emoedge.vision.crop import FaceFrontEnd

        own = {key: self.described[key] for key in ("factor", "whole") if key in self.described}
        return doubts.of_scale(FaceFrontEnd(self.request.front_end).span, **own)

    def _gates(self, parity: Parity) -> dict[str, object]:
        failures = parity.failures(self.request.dtype)
        allowed = sorted(self.request.allow & set(failures))
        refused = [text for gate, text in failures.items() if gate not in allowed]
        values = asdict(parity)
        return {
            "passed": not refused, "reason": "; ".join(refused), "allowed": allowed,
            "rows": parity.rows, "agreement": report.rounded(parity.agreement), "kl": report.rounded(parity.kl),
            "macro_f1_loss": None if parity.macro_f1_loss is None else report.rounded(parity.macro_f1_loss),
            "dimension_error": None if parity.dimension_error is None else report.rounded(parity.dimension_error),
            "float_ops": list(values["float_ops"]),
        }  # fmt: skip

    def _accuracy(self, parity: Parity) -> dict[str, float]:
        if parity.accuracy is None or parity.macro_f1 is None:
            return {}
        names = ("float", self.request.dtype)
        figures = dict(zip(names, parity.accuracy, strict=True))
        figures |= {f"macro_f1_{name}": value for name, value in zip(names, parity.macro_f1, strict=True)}
        return {name: round(value, 5) for name, value in figures.items()}

    def report(self, file: ModelFile) -> dict[str, Any]:
        """Everything that was measured, for the two report files."""
        info = file.info
        accuracy = info.accuracy
        pairs = {
            key: [accuracy[before], accuracy[after]] if before in accuracy else None
            for key, before, after in (
                ("accuracy", "float", info.dtype),
                ("macro_f1", "macro_f1_float", f"macro_f1_{info.dtype}"),
            )
        }
        worst = [] if info.dtype == "float32" else layer_errors(self.float32, self.target, self.measured[:LAYER_ROWS])
        return {
            "source": self.request.model.name, "source_sha256": info.source_sha256, "output": self.request.output.name,
            "dtype": info.dtype, "output_kind": info.output, "front_end": str(info.front_end),
            "labels": list(info.labels), "label_map": list(info.label_map), "temperature": info.temperature,
            "calibrated_on": info.calibrated_on, "warnings": self._warnings(info), "parity": dict(info.parity), **pairs,
            "size": {
                "source": size(self.request.model), "float32": len(self.float32), "converted": len(file.content()),
            },
            "runtime": self.interpreter.runtime,
            "latency_ms": {str(n): [round(v, 4) for v in each] for n, each in latencies(self.target).items()},
            "worst_layers": [{"name": e.name, "snr_db": report.rounded(e.snr, 2)} for e in worst[: report.WORST]],
        }  # fmt: skip


def _modality(request: Request) -> Modality:
    modality = request.front_end.modality
    if modality is None:
        raise ConversionError(f"front end {request.front_end.name!r} is unknown")
    return modality


def resolved(spec: FrontEndSpec) -> FrontEndSpec:
    """The front end with *all* its parameters, defaults included, as the file must hold them."""
    if spec.modality is Modality.FACE:
        from emoedge.vision.crop import FaceFrontEnd

        return replace(spec, parameters=dict(FaceFrontEnd(spec).parameters))
    from emoedge.audio.front_end import build

    return replace(spec, parameters=dict(build(spec).parameters))


def source_sha256(path: Path) -> str:
    """Hex digest of a file, or of a folder's files in the order of their names."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def size(path: Path) -> int:
    """Bytes of a file or of all files of a folder."""
    return path.stat().st_size if path.is_file() else sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
