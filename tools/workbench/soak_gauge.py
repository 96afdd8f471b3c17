"""What a long run may wear out: memory, open files, threads of a process, and how fast they grow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

DAY = 86_400.0
"""Seconds."""

WARM_UP = 0.25
"""Share of the samples that may still grow: caches, the allocator's pools, the first outage."""


class TooShortError(ValueError):
    """A run that ended before there was anything to tell of it."""

    def __init__(self, samples: int) -> None:
        """`samples`: how many were taken."""
        super().__init__(f"too short to tell anything ({samples} samples); run longer")


class Gauge:
    """Samples of one process over a clock of one's own; this process where `pid` is None."""

    def __init__(self, pid: int | None = None) -> None:
        self._folder = Path("/proc/self" if pid is None else f"/proc/{pid}")
        self._samples: list[tuple[float, float, int, int]] = []

    def sample(self, at: float) -> None:
        """Look now; `at` in seconds of the run's clock."""
        pages = int((self._folder / "statm").read_text().split()[1])
        self._samples.append((
            at, pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
            len(list((self._folder / "fd").iterdir())), len(list((self._folder / "task").iterdir())),
        ))  # fmt: skip

    def report(self) -> dict[str, Any]:
        """Slope by least squares after the warm-up, and how open files and threads moved in that time."""
        settled = np.array(self._samples[int(len(self._samples) * WARM_UP) :])
        if len(settled) < 3:
            raise TooShortError(len(self._samples))
        at, rss, files, threads = settled.T
        third = max(1, len(settled) // 3)
        slope, sigma = _slope(at, rss)
        return {
            "samples": len(self._samples),
            "warm_up_s": round(float(at[0] - self._samples[0][0]), 1),
            "measured_s": round(float(at[-1] - at[0]), 1),
            "rss_mb": {
                "first": round(rss[0], 2), "last": round(rss[-1], 2), "max": round(rss.max(), 2),
                "quarters": [round(float(np.median(part)), 2) for part in np.array_split(rss, 4)],
            },
            "rss_mb_per_day": round(slope * DAY, 3),
            "rss_mb_per_day_error": round(sigma * DAY, 3),
            "open_files": _moved(files, third),
            "threads": _moved(threads, third),
        }


def _slope(at: Any, values: Any) -> tuple[float, float]:
    """Least squares, and the standard error of the slope."""
    centred = at - at.mean()
    spread = float(centred @ centred)
    slope = float(centred @ values) / spread
    rest = values - values.mean() - slope * centred
    return slope, float(np.sqrt(rest @ rest / max(1, len(at) - 2) / spread))


def _moved(values: Any, third: int) -> dict[str, int]:
    return {
        "first": int(np.median(values[:third])), "last": int(np.median(values[-third:])),
        "min": int(values.min()), "max": int(values.max()),
    }  # fmt: skip
