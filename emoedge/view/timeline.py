"""The last minute: what face, speech and both together said, at fixed steps of time."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emoedge.judging.judgement import Opinion
    from emoedge.view.moment import Moment

SPAN = 60.0
"""Seconds that are kept."""

STEP = 0.2
"""Seconds between two points."""

BRIEF = 20.0
"""Seconds that are shown at first; the picture then grows with the run up to SPAN."""

HOLE = 3.0
"""Seconds between two points from which a lane is broken; a busy machine may well miss a few steps."""

Share = tuple[float, ...]
"""Probabilities of the seven emotions in canonical order."""

LANES = ("face", "speech", "fused")


class Point(NamedTuple):
    """One step; None where a lane has nothing to say."""

    at: float
    face: Share | None
    speech: Share | None
    fused: Share | None


class Timeline:
    """Points not older than SPAN, one a STEP; pure."""

    def __init__(self) -> None:
        self._points: deque[Point] = deque()
        self._slot = -math.inf

    def add(self, moment: Moment) -> None:
        """Take what is shown at `moment.at`; more than one in a step counts as the first."""
        slot = math.floor(moment.at / STEP + 1e-6)
        if slot <= self._slot:
            return
        self._slot = slot
        lanes = (_share(opinion) for opinion in (moment.face, moment.speech, moment.fused))
        self._points.append(Point(round(moment.at, 2), *lanes))
        while self._points[0].at < moment.at - SPAN:
            self._points.popleft()

    def since(self, at: float = -math.inf) -> list[Point]:
        """Points later than `at`, the oldest first."""
        return [point for point in self._points if point.at > at]


def runs(points: Iterable[Point], lane: str) -> list[list[tuple[float, Share]]]:
    """Pieces of a lane without a gap: times and shares."""
    pieces: list[list[tuple[float, Share]]] = []
    last = -math.inf
    for point in points:
        share: Share | None = getattr(point, lane)
        if share is None:
            last = -math.inf
            continue
        if point.at - last > HOLE:
            pieces.append([])
        pieces[-1].append((point.at, share))
        last = point.at
    return pieces


def shown_span(now: float) -> float:
    """Seconds that the timeline shows at `now` seconds since the start."""
    return min(SPAN, max(BRIEF, now))


def _share(opinion: Opinion | None) -> Share | None:
    if opinion is None or opinion.scores is None:
        return None
    return tuple(round(float(value), 3) for value in opinion.scores.values)
