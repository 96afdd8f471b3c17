"""Golden vectors: seeded synthetic inputs on which a sound runtime has no freedom to differ."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.inference.model import GOLDEN_FLOAT, GOLDEN_STEPS
from emoedge.inference.runtime import Interpreter, Tensor
from workbench.conversion.operations import plain_interpreter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

COUNT = 10
CANDIDATES = 300
SECONDS = 10.0
"""Time that the candidates of a slow model may take; there are fewer of them then, but never under 30."""

CHANGES = 300
"""Times that a pattern is mended, fewer for a slow model: about as long as the candidates take."""

TRIALS = 6
"""Times that the input is moved."""

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
    contrast = rng.uniform(0.05, 1.5, (count, *([1] * len(shape))))
    for axis, (n, cell) in enumerate(zip(shape, cells, strict=True), start=1):
        patterns = np.take(patterns, np.arange(n) * cell // n, axis=axis)
    drawn: NDArray[np.float64] = np.clip(mean + deviation * contrast * patterns, low, high)
    return drawn.astype(np.float32)


def golden_vectors(model: bytes, like: NDArray[np.float32], seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ten inputs in the model's own type and their outputs.

    Kernels round differently (XNNPACK, the builtin ones, ARM), and a step early on may grow: of the candidates
    those are taken that tell the classes apart and whose outputs stay within a quarter of the tolerance (the same
    step, in int8), on other kernels and with a fifth of the input moved by a step; where there are too few, the
    steadiest. Patterns of which the model is sure are made for that: a face model that was doubtful of all its
    vectors came out 3 steps apart on arm64.
    """
    interpreter = Interpreter(model)
    shape = interpreter.input.shape
    like = like.reshape(-1, *shape)
    seconds = _seconds(model, interpreter.input.quantize(like[:2]))
    count = min(CANDIDATES, max(30, int(SECONDS / seconds)))
    inputs = np.unique(interpreter.input.quantize(synthetic(shape, like, count, seed)), axis=0)
    rng = np.random.default_rng(seed + 1)
    inputs = np.concatenate([inputs, _sure(interpreter, inputs, rng, trials=int(4 * SECONDS / seconds))])
    outputs = interpreter.run_raw(inputs)
    others = [
        _plain(model, inputs),
        *(interpreter.run_raw(_noisy(inputs, interpreter.input, rng)) for _ in range(TRIALS)),
    ]
    moved = np.max([np.abs(other.astype(float) - outputs.astype(float)).max(axis=1) for other in others], axis=0)
    tolerance = GOLDEN_STEPS if interpreter.output.quantized else GOLDEN_FLOAT
    chosen = _spread(outputs.argmax(axis=1), np.maximum(moved - tolerance / 4, 0))
    return inputs[chosen], outputs[chosen]


def _sure(interpreter: Interpreter, inputs: NDArray[Any], rng: np.random.Generator, *, trials: int) -> NDArray[Any]:
    """Three patterns a class that the model is the surest of, mended with pieces of the others in so many trials."""
    outputs = interpreter.run_raw(inputs)
    classes = outputs.shape[1]
    places = [(kind, row) for kind in range(classes) for row in np.argsort(-outputs[:, kind].astype(float))[:3]]
    best = inputs[[row for _, row in places]]
    kinds, rows = np.array([kind for kind, _ in places]), np.arange(len(places))
    reached = outputs[[row for _, row in places], kinds].astype(float)
    for _ in range(min(CHANGES, trials // len(places))):
        tried = best.copy()
        for row, other in enumerate(rng.integers(len(inputs), size=len(places))):
            piece = tuple(slice(*np.sort(rng.integers(0, n + 1, 2))) for n in inputs.shape[1:-1]) or (
                slice(*np.sort(rng.integers(0, inputs.shape[-1] + 1, 2))),
            )
            tried[row][piece] = inputs[other][piece]
        told = interpreter.run_raw(tried)[rows, kinds].astype(float)
        better = told > reached
        best[better], reached[better] = tried[better], told[better]
    return best


def _spread(classes: NDArray[np.int64], excess: NDArray[np.float64]) -> NDArray[np.int64]:
    """COUNT places: the least excess first, and among equals one of each class in turn."""
    order = np.argsort(excess, kind="stable")
    rank = np.zeros(len(order), dtype=np.int64)
    seen: dict[int, int] = {}
    for place in order:
        kind = int(classes[place])
        rank[place] = seen[kind] = seen.get(kind, -1) + 1
    return np.sort(np.lexsort((rank, excess))[:COUNT])


def _seconds(model: bytes, inputs: NDArray[Any]) -> float:
    _plain(model, inputs[:1])
    start = time.perf_counter()
    _plain(model, inputs)
    return max((time.perf_counter() - start) / len(inputs), 1e-6)


def _noisy(inputs: NDArray[Any], tensor: Tensor, rng: np.random.Generator) -> NDArray[Any]:
    if not tensor.quantized:
        return inputs
    limits = np.iinfo(tensor.dtype)
    moved = inputs.astype(np.int32) + (rng.random(inputs.shape) < 0.2) * rng.choice([-1, 1], inputs.shape)
    noisy: NDArray[Any] = np.clip(moved, limits.min, limits.max).astype(tensor.dtype)
    return noisy


def _plain(model: bytes, inputs: NDArray[Any]) -> NDArray[Any]:
    made = plain_interpreter(model)
    source, target = made.get_input_details()[0]["index"], made.get_output_details()[0]["index"]
    rows = []
    for row in inputs:
        made.set_tensor(source, row[np.newaxis])
        made.reset_all_variables()
        made.invoke()
        rows.append(made.get_tensor(target)[0])
    return np.array(rows)
