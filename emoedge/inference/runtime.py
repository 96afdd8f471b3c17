"""The TFLite interpreter: the one place that imports it, floats in and floats out."""

from __future__ import annotations

import contextlib
import importlib
import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

RUNTIMES: Mapping[str, str] = {"litert": "ai_edge_litert.interpreter", "tflite": "tflite_runtime.interpreter"}
"""Names and modules, the preferred one first: its int8 kernels are the faster ones on x86."""

FORCE = "EMOEDGE_RUNTIME"
"""Environment variable that names the runtime to use, for tests and comparisons."""


@cache
def module(runtime: str) -> Any:
    """The runtime's module, with its `Interpreter`; ImportError where it is not installed or cannot be loaded."""
    return importlib.import_module(RUNTIMES[runtime])


def installed() -> tuple[str, ...]:
    """Names of the runtimes that can be imported here, the preferred one first."""
    names = []
    for name in RUNTIMES:
        try:
            module(name)
        except ImportError:
            continue
        names.append(name)
    return tuple(names)


def chosen() -> str:
    """The runtime that models run on: the one EMOEDGE_RUNTIME names, else the preferred of those installed.

    Raises ModelError where it is not installed or there is none.
    """
    forced = os.environ.get(FORCE, "")
    for name in (forced,) if forced else RUNTIMES:  # one import, not all: each costs time and memory at start
        try:
            module(name)
        except (ImportError, KeyError):
            continue
        return name
    if forced:
        here = ", ".join(installed()) or "none"
        raise ModelError(f"{FORCE}={forced}: no such TFLite runtime here; installed: {here}")
    raise ModelError("no TFLite runtime is installed; pip install ai-edge-litert, or tflite-runtime")


@dataclass(frozen=True, slots=True)
class Tensor:
    """Input or output of a model."""

    shape: tuple[int, ...]
    """Without the batch dimension."""
    dtype: np.dtype[Any]
    """float32, int8 or uint8."""
    scale: float
    """One quantization step: real = (q - zero_point) * scale; 0 where the tensor is float."""
    zero_point: int

    @property
    def quantized(self) -> bool:
        """Whether values are integers with a scale."""
        return self.scale > 0

    def quantize(self, values: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Real values to the tensor's own type, rounded and clipped to its range; any shape."""
        if not self.quantized:
            return values.astype(self.dtype, copy=False)
        limits = np.iinfo(self.dtype)
        steps = np.rint(np.asarray(values, dtype=np.float32) / self.scale) + self.zero_point
        clipped: NDArray[np.float32] = np.clip(steps, limits.min, limits.max)
        return clipped.astype(self.dtype)

    def dequantize(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """The tensor's own type to real values, float32, any shape."""
        if not self.quantized:
            return values.astype(np.float32, copy=False)
        return (values.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)


class Interpreter:
    """One model on one runtime; not for use by two threads at once.

    `model`: the bytes of the `.tflite`. `threads`: of the interpreter. `runtime`: a name of RUNTIMES, default
    `chosen()`. Raises ModelError where the runtime cannot build the model, or the model has not one input and
    one output of a batch of 1.
    """

    def __init__(self, model: bytes, threads: int = 1, runtime: str | None = None) -> None:
        self.runtime = runtime or chosen()
        if model[4:8] != b"TFL3":  # tflite-runtime crashes on some of what is no model
            raise ModelError("not a TFLite model")
        try:
            with _quiet():
                self._interpreter = module(self.runtime).Interpreter(model_content=model, num_threads=threads)
                self._interpreter.allocate_tensors()
            inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except (ValueError, RuntimeError) as error:  # also UnicodeDecodeError, of a tensor's name
            raise ModelError(f"{self.runtime} cannot run it: {first_line(error)}") from error
        self.input, input_index = _only(inputs, "input")
        self.output, output_index = _only(outputs, "output")
        # Views into the runtime's memory; made anew for each use, as a live one blocks `invoke`.
        self._input_view = self._interpreter.tensor(input_index)
        self._output_view = self._interpreter.tensor(output_index)
        self._scratch = np.empty(self.input.shape, dtype=np.float32)
        if self.input.quantized:
            limits = np.iinfo(self.input.dtype)
            self._lowest, self._highest = np.float32(limits.min), np.float32(limits.max)

    def run(self, batch: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Real outputs, shape (n, *output.shape), of real inputs, shape (n, *input.shape)."""
        result = np.empty((len(batch), *self.output.shape), dtype=np.float32)
        for item, row in zip(batch, result, strict=True):
            self._feed(item)
            self._invoke()
            row[...] = self.output.dequantize(self._output_view()[0])
        return result

    def run_raw(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Outputs in the model's own type, of inputs in the model's own type; shapes as in `run`."""
        result = np.empty((len(batch), *self.output.shape), dtype=self.output.dtype)
        for item, row in zip(batch, result, strict=True):
            self._input_view()[0] = item
            self._invoke()
            row[...] = self._output_view()[0]
        return result

    def _invoke(self) -> None:
        # A fused LSTM keeps its state from one run to the next; each input here is a sequence of its own.
        self._interpreter.reset_all_variables()
        self._interpreter.invoke()

    def _feed(self, item: NDArray[np.floating[Any]]) -> None:
        tensor = self.input
        if not tensor.quantized:
            self._input_view()[0] = item
            return
        scratch = self._scratch
        np.divide(item, tensor.scale, out=scratch, casting="same_kind")
        np.rint(scratch, out=scratch)
        np.add(scratch, tensor.zero_point, out=scratch)
        # Not np.clip, which takes longer than both for inputs of this size.
        np.maximum(scratch, self._lowest, out=scratch)
        np.minimum(scratch, self._highest, out=scratch)
        self._input_view()[0] = scratch


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the runtimes' own `INFO: Created ... delegate` off stderr; it passes no logger that could be set."""
    try:
        kept = os.dup(2)
    except OSError:  # stderr is closed: nothing can be written anyway
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - os.devnull is a name, not a file
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def first_line(error: Exception) -> str:
    """What went wrong, of all that a runtime says of it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _only(details: list[dict[str, Any]], what: str) -> tuple[Tensor, int]:
    if len(details) != 1:
        raise ModelError(f"{len(details)} {what}s, one is expected")
    detail = details[0]
    shape = tuple(int(n) for n in detail["shape"])
    if len(shape) < 2 or shape[0] != 1:
        raise ModelError(f"{what} shape {shape}, expected a batch of 1 in front")
    scale, zero_point = detail["quantization"]
    dtype = np.dtype(detail["dtype"])
    if dtype not in (np.float32, np.int8, np.uint8):
        raise ModelError(f"{what} type {dtype}, expected float32, int8 or uint8")
    if dtype == np.float32:
        scale, zero_point = 0.0, 0  # some converters leave those of their training behind
    elif not scale > 0:
        raise ModelError(f"{what} is {dtype} without a quantization scale")
    return Tensor(shape[1:], dtype, float(scale), int(zero_point)), int(detail["index"])
