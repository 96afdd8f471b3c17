"""Runs the child process of a conversion, and turns its death into words."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.conversion.request import ConversionError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from workbench.conversion.request import Request

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / "tools"
TRAIN_PYTHON = "EMOEDGE_TRAIN_PYTHON"
"""Environment variable: the interpreter that has TensorFlow."""

LOOPS = ("GRU", "SimpleRNN", "RNN", "ConvLSTM", "Bidirectional", "CuDNN")
"""Layers that become a loop, which the calibrator of int8 crashes on."""


def train_python() -> str:
    """The interpreter that has TensorFlow: this one, EMOEDGE_TRAIN_PYTHON's, or `.venv-train`'s."""
    if importlib.util.find_spec("tensorflow") is not None:
        return sys.executable
    path = Path(os.environ.get(TRAIN_PYTHON, ROOT / ".venv-train" / "bin" / "python"))
    if path.exists():
        return str(path)
    raise ConversionError("converting needs TensorFlow; run `make setup-train`, or pip install 'emoedge[train]'")


class Converter:
    """One child process on one folder; a context manager."""

    def __init__(self, folder: Path, request: Request, shape: tuple[int, ...], **extra: object) -> None:
        self.folder, self.request = folder, request
        self._command = [train_python(), "-m", "workbench.conversion.child", str(folder)]
        job = {
            "model": str(request.model), "labels": request.labels, "dimensions": len(request.dimensions),
            "dtype": request.dtype, "allow_lambda": request.allow_lambda, "front_end_shape": shape, **extra,
        }  # fmt: skip
        (folder / "job.json").write_text(json.dumps(job))
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(TOOLS), str(ROOT)))}
        environment.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
        with (self.folder / "log.txt").open("w") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=log, stderr=log, text=True, env=environment
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def finish(self, representative: NDArray[np.float32], measured: NDArray[np.float32]) -> None:
        """Hand over the rows and wait; raises ConversionError where the child refused or died."""
        assert self._process is not None
        np.savez(self.folder / "rows.npz", representative=representative, measured=measured)
        try:
            self._process.communicate("go\n")
        except BrokenPipeError:
            self._process.wait()
        self._judge(self._process.returncode)

    def loaded(self) -> None:
        """Wait until the model is loaded and found fit; raises ConversionError where it is not."""
        assert self._process is not None
        while not (self.folder / "described.json").exists():
            if self._process.poll() is not None:
                self._judge(self._process.returncode)
                return
            time.sleep(0.05)

    def _judge(self, code: int) -> None:
        if code == 0:
            return
        refused = self.folder / "refused.txt"
        if refused.exists():
            raise ConversionError(refused.read_text())
        if code < 0:
            raise ConverterCrashError(self._crash(code), self.described)
        raise ConversionError(f"{self.request.model}: {self._stage}: {self._last_line()}")

    @property
    def described(self) -> Mapping[str, Any]:
        """Input shape and layers, as far as the child came to tell."""
        path = self.folder / "described.json"
        described: Mapping[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return described

    @property
    def _stage(self) -> str:
        path = self.folder / "stage.txt"
        return path.read_text() if path.exists() else "starting TensorFlow"

    def _crash(self, code: int) -> str:
        name = signal.Signals(-code).name
        return f"{self.request.model}: the converter crashed ({name}) while {self._stage}"

    def _last_line(self) -> str:
        lines = (self.folder / "log.txt").read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"


class ConverterCrashError(ConversionError):
    """The child was killed by a signal; `described` holds what it had told of the model."""

    def __init__(self, message: str, described: Mapping[str, Any]) -> None:
        self.described = described
        super().__init__(message)


def explain(crash: ConverterCrashError, request: Request, shape: tuple[int, ...], folder: Path) -> ConversionError:
    """The crash with the layer that causes it, found by converting ever shorter models, and what to do."""
    layers = crash.described.get("layers", [])
    culprit = _culprit(layers, request, shape, folder)
    what = f"at layer {culprit[0]!r} ({culprit[1]})" if culprit else "at no single layer"
    if culprit and any(loop in culprit[1] for loop in LOOPS):
        remedy = "a loop cannot be quantized: use an LSTM or GRU layer in its place, or --dtype dynamic"
    else:
        remedy = "replace that layer, or try --dtype dynamic or float16"
    return ConversionError(f"{crash} {what}; {remedy}")


def _culprit(layers: list[list[str]], request: Request, shape: tuple[int, ...], folder: Path) -> list[str] | None:
    """First layer with which the model crashes the converter: halving, at most log2(layers) conversions."""
    low, high = 0, len(layers) - 1
    if high < 0:
        return None
    while low < high:
        middle = (low + high) // 2
        if _crashes(middle, request, shape, folder):
            high = middle
        else:
            low = middle + 1
    return layers[low]


def _crashes(until: int, request: Request, shape: tuple[int, ...], folder: Path) -> bool:
    with np.load(folder / "rows.npz") as arrays:
        rows = {key: arrays[key][:2] for key in arrays.files}
    part = folder / f"until-{until}"
    part.mkdir()
    try:
        with Converter(part, request, shape, until=until) as converter:
            converter.finish(rows["representative"], rows["measured"])
    except ConverterCrashError:
        return True
    except ConversionError:
        return False
    return False
