"""What a `.tflite` is made of: its operations, which of them stay in float, how its layers compare to another's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.inference import runtime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

BORDER = ("QUANTIZE", "DEQUANTIZE")
"""Operations that only change the type; in full int8 with int8 input and output there is none of them either."""


@dataclass(frozen=True, slots=True)
class LayerError:
    """How much of a layer's signal is left after conversion."""

    name: str
    snr: float
    """Decibels, over all rows; infinite where nothing changed."""


def plain_interpreter(model: bytes, *, keep: bool = False) -> Any:
    """An interpreter without delegates, whose operations are the file's own; `keep` holds every tensor."""
    module = runtime.module(runtime.chosen())
    kind = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    made = module.Interpreter(
        model_content=model, experimental_op_resolver_type=kind, experimental_preserve_all_tensors=keep
    )
    made.allocate_tensors()
    return made


def operations(model: bytes) -> Mapping[str, int]:
    """How often each operation occurs."""
    return dict(Counter(op["op_name"] for op in _details(plain_interpreter(model))))


def float_operations(model: bytes) -> list[str]:
    """Names of the operations that compute in float, in order; empty for full int8."""
    made = plain_interpreter(model)
    types = {tensor["index"]: np.dtype(tensor["dtype"]) for tensor in made.get_tensor_details()}

    def is_float(op: Mapping[str, Any]) -> bool:
        touched = [types[i] for i in (*op["inputs"], *op["outputs"]) if i in types]
        return any(kind.kind == "f" for kind in touched)

    return [op["op_name"] for op in _details(made) if is_float(op)]


def _details(interpreter: Any) -> list[dict[str, Any]]:
    # The only way to the graph without TensorFlow; both runtimes have it.
    found: list[dict[str, Any]] = interpreter._get_ops_details()  # noqa: SLF001
    return found


def layer_errors(reference: bytes, converted: bytes, rows: NDArray[np.float32]) -> list[LayerError]:
    """Signal-to-noise ratio of each layer output that stands in both files under one name, worst first.

    The error is what has gathered up to this layer: 10 log10(sum x^2 / sum (x - y)^2) over `rows`.
    """
    ours, theirs = plain_interpreter(reference, keep=True), plain_interpreter(converted, keep=True)
    pairs = _shared(ours, theirs)
    signal, noise = np.zeros(len(pairs)), np.zeros(len(pairs))
    for row in rows:
        for made in (ours, theirs):
            _feed(made, row)
            made.reset_all_variables()
            made.invoke()
        for i, (_, a, b) in enumerate(pairs):
            exact, other = _real(ours, a), _real(theirs, b)
            signal[i] += float((exact**2).sum())
            noise[i] += float(((exact - other) ** 2).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        decibels = 10 * np.log10(signal / noise)
    found = [
        LayerError(name, float(db))
        for (name, _, _), db, power in zip(pairs, decibels, signal, strict=True)
        if power > 0 and not np.isnan(db)
    ]
    return sorted(found, key=lambda error: error.snr)


def _shared(ours: Any, theirs: Any) -> list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Outputs of operations that both graphs name alike; constants and type changes are none."""
    tables = []
    for made in (ours, theirs):
        tensors = {tensor["index"]: tensor for tensor in made.get_tensor_details()}
        outputs = [i for op in _details(made) if op["op_name"] not in BORDER for i in op["outputs"]]
        tables.append({tensors[i]["name"]: tensors[i] for i in outputs if i in tensors})
    return [(_short(name), a, tables[1][name]) for name, a in tables[0].items() if name in tables[1]
            and tuple(a["shape"]) == tuple(tables[1][name]["shape"])]  # fmt: skip


def _short(name: str) -> str:
    """The last of the names that the converter has joined, without the model's own."""
    last = name.split(";")[0].strip()
    return "/".join(last.split("/")[1:]) or last


def _feed(interpreter: Any, row: NDArray[np.float32]) -> None:
    detail = interpreter.get_input_details()[0]
    scale, zero_point = detail["quantization"]
    tensor = runtime.Tensor(tuple(detail["shape"][1:]), np.dtype(detail["dtype"]), scale, zero_point)
    interpreter.set_tensor(detail["index"], tensor.quantize(row).reshape(detail["shape"]))


def _real(interpreter: Any, detail: Mapping[str, Any]) -> NDArray[np.float64]:
    values: NDArray[Any] = interpreter.get_tensor(detail["index"])
    scales = detail["quantization_parameters"]["scales"]
    if values.dtype.kind == "f" or not len(scales):
        return values.astype(np.float64)
    zero_point = detail["quantization_parameters"]["zero_points"][0]
    real: NDArray[np.float64] = (values.astype(np.float64) - zero_point) * float(scales[0])
    return real
