"""Golden vectors: seeded synthetic inputs on which a sound runtime has no freedom to differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.inference.runtime import Interpreter, Tensor
from workbench.conversion.operations import plain_interpreter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

COUNT = 10
CANDIDATES = 100
COARSE = 12
"""Cells of the coarse grid along each axis: smooth patterns look like input, and compress."""


def synthetic(shape: Sequence[int], like: NDArray[np.float32], count: int, seed: int) -> NDArray[np.float32]:
    """`count` seeded patterns of `shape`: a coarse random grid, blown up, with the spread of `like` (n x shape).

    Only mean and deviation of each place on the last axis are taken from `like`, no row of it.
    """
    rng = np.random.default_rng(seed)
    axes = tuple(range(like.ndim - 1))
    mean, deviation = like.mean(axis=axes), like.std(axis=axes)
    low, high = like.min(axis=axes), like.max(axis=axes)
    cells = [min(n, COARSE) for n in shape[:-1]] + [shape[-1]]
    if len(shape) == 1:
        cells = [min(shape[0], 4 * COARSE)]
    patterns = rng.standard_normal((count, *cells))
    contrast = rng.uniform(0.3, 1.5, (count, *([1] * len(shape))))
    for axis, (n, cell) in enumerate(zip(shape, cells, strict=True), start=1):
        patterns = np.take(patterns, np.arange(n) * cell // n, axis=axis)
    return np.clip(mean + deviation * contrast * patterns, low, high).astype(np.float32)


def golden_vectors(model: bytes, like: NDArray[np.float32], seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ten inputs in the model's own type and their outputs.

    Kernels round differently (XNNPACK, the builtin ones, ARM), and a step early on may grow: of a hundred
    candidates those are taken whose outputs move least between kernels and under a step of noise, as many of
    each predicted class as there are.
    """
    interpreter = Interpreter(model)
    shape = interpreter.input.shape
    values = synthetic(shape, like.reshape(-1, *shape), CANDIDATES, seed)
    inputs = np.unique(interpreter.input.quantize(values), axis=0)
    outputs = interpreter.run_raw(inputs)
    moved = np.zeros(len(inputs))
    noisy = _noisy(inputs, interpreter.input, np.random.default_rng(seed + 1))
    for other in (_plain(model, inputs), _plain(model, inputs, reference=True), interpreter.run_raw(noisy)):
        moved = np.maximum(moved, np.abs(other.astype(float) - outputs.astype(float)).max(axis=1))
    chosen = _spread(outputs.argmax(axis=1), moved)
    return inputs[chosen], outputs[chosen]


def _spread(classes: NDArray[np.int64], moved: NDArray[np.float64]) -> NDArray[np.int64]:
    """COUNT places: the steadiest of each class in turn."""
    order = np.argsort(moved, kind="stable")
    rank = np.zeros(len(order), dtype=np.int64)
    seen: dict[int, int] = {}
    for place in order:
        kind = int(classes[place])
        rank[place] = seen[kind] = seen.get(kind, -1) + 1
    # Steadiness first where a class has only shaky candidates: whole steps count before variety.
    shaky = moved > np.median(moved)
    return np.sort(np.lexsort((moved, rank, shaky))[:COUNT])


def _noisy(inputs: NDArray[Any], tensor: Tensor, rng: np.random.Generator) -> NDArray[Any]:
    if not tensor.quantized:
        return inputs
    limits = np.iinfo(tensor.dtype)
    moved = inputs.astype(np.int32) + (rng.random(inputs.shape) < 0.1) * rng.choice([-1, 1], inputs.shape)
    noisy: NDArray[Any] = np.clip(moved, limits.min, limits.max).astype(tensor.dtype)
    return noisy


def _plain(model: bytes, inputs: NDArray[Any], *, reference: bool = False) -> NDArray[Any]:
    made = plain_interpreter(model, reference=reference)
    source, target = made.get_input_details()[0]["index"], made.get_output_details()[0]["index"]
    rows = []
    for row in inputs:
        made.set_tensor(source, row[np.newaxis])
        made.invoke()
        rows.append(made.get_tensor(target)[0])
    return np.array(rows)
