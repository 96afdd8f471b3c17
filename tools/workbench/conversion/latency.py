"""How long one inference takes."""

from __future__ import annotations

import time

import numpy as np

from emoedge.inference.runtime import Interpreter

THREADS = (1, 2, 4)
SECONDS = 0.4
LEAST = 10


def latency(model: bytes, threads: int, runtime: str | None = None, seconds: float = SECONDS) -> tuple[float, float]:
    """Median and 95th percentile of one inference, milliseconds, quantizing included; after a warm-up."""
    interpreter = Interpreter(model, threads, runtime)
    batch = np.random.default_rng(0).random((1, *interpreter.input.shape), dtype=np.float32)
    for _ in range(3):
        interpreter.run(batch)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < LEAST or time.perf_counter() < end:
        start = time.perf_counter()
        interpreter.run(batch)
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times)), float(np.percentile(times, 95))


def latencies(model: bytes, runtime: str | None = None) -> dict[int, tuple[float, float]]:
    """`latency` for each number of THREADS."""
    return {threads: latency(model, threads, runtime) for threads in THREADS}
