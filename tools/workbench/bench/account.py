"""What a contender told, held against the truth of a clip."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emoedge.messages import Box
    from workbench.bench.loops import Found

NEAR = 0.3
"""Sides of the true face: a find whose centre lies this close to its centre, and whose side is ..."""

LEAST, MOST = 0.6, 1.6
"""... between these parts of it, is that face."""


def is_hit(found: Box, truth: Box) -> bool:
    """Whether a find is that face."""
    (x, y), (tx, ty), side = found.centre, truth.centre, truth.width
    near = abs(x - tx) < NEAR * side and abs(y - ty) < NEAR * side
    return near and LEAST < found.width / side < MOST


@dataclass(slots=True)
class Account:
    """Counts over a clip."""

    faces: int = 0
    """True faces, summed over frames."""
    hits: int = 0
    false: int = 0
    """Finds that are no face."""
    switches: int = 0
    """How often a true face got another name than it had when it was last found."""
    _names: dict[int, int] = field(default_factory=dict)

    def add(self, found: Sequence[Found], truths: Sequence[Box | None]) -> None:
        """Take one frame; the order of `truths` says who is who, None stands for somebody who is not there."""
        self.faces += sum(truth is not None for truth in truths)
        left = list(found)
        for who, truth in enumerate(truths):
            if truth is None:
                continue
            hit = next((f for f in left if is_hit(f.box, truth)), None)
            if hit is None:
                continue
            left.remove(hit)
            self.hits += 1
            self.switches += self._names.get(who, hit.who) != hit.who
            self._names[who] = hit.who
        self.false += len(left)

    def as_dict(self) -> dict[str, int]:
        """The counts."""
        return {"faces": self.faces, "hits": self.hits, "false": self.false, "switches": self.switches}


def summary(values: Sequence[float]) -> dict[str, float]:
    """Mean, median, 95th and 99th percentile."""
    p50, p95, p99 = (float(v) for v in np.percentile(values, (50, 95, 99)))
    return {"mean": float(np.mean(values)), "p50": p50, "p95": p95, "p99": p99}
