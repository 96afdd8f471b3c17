"""The daemon's pace: what heat, power and the CPU budget allow together, told to everybody who can slow down."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from emoedge.ops.budget import Budget
from emoedge.ops.health import CpuUse
from emoedge.ops.thermal import FULL, Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from emoedge.config import Config
    from emoedge.ops.cooling import Cooling
    from emoedge.pipeline import Pipeline
    from emoedge.sources.rate import RateLimit

log = logging.getLogger(__name__)


class Governor:
    """`decoding`: the limit of the camera's own thread, which slows down with the pipeline; None without one.

    `spent`: tells the CPU seconds of the whole process.
    """

    def __init__(
        self, config: Config, pipeline: Pipeline, *, cooling: Cooling, decoding: RateLimit | None = None,
        spent: Callable[[], float] = time.process_time,
    ) -> None:  # fmt: skip
        self._limit = config.cpu.share
        self._said = "" if config.cpu.budget is None else f"cpu.budget {config.cpu.budget}"
        self._pipeline = pipeline
        self._cooling = cooling
        self._decoding = decoding
        self._spent = spent
        rate = pipeline.frame_rate if pipeline.vision is not None else 0.0
        self._budget = Budget(self._limit, rate, config.speech.hop)
        self._reason: str | None = None

    def look(self, celsius: float | None, now: float) -> tuple[Pace, CpuUse]:
        """Set the pace for what is known at `now` (monotonic seconds); `celsius`: of the processor."""
        spending = self._budget.look(self._spent(), now)
        own = FULL
        if spending.share < 1 or spending.stretch > 1:
            reason = self._said if spending.kept else f"{self._said} cannot be kept"
            own = Pace(spending.share, reason, spending.stretch)
        self._log(own.reason)
        pace = self._cooling.look(celsius, now).slower(own)
        self._pipeline.slow(pace.share, pace.stretch)
        if self._decoding is not None:
            self._decoding.slow(pace.share)
        seeing, hearing = self._pipeline.vision is not None, self._pipeline.hearing
        use = CpuUse(
            self._limit, spending.used, self._pipeline.frame_rate if seeing else None,
            None if hearing is None else hearing.hop,
        )  # fmt: skip
        return pace, use

    def _log(self, reason: str | None) -> None:
        if reason == self._reason:
            return
        self._reason = reason
        if reason is None:
            log.info("cpu: at full pace again")
        else:
            level = logging.WARNING if reason != self._said else logging.INFO
            log.log(level, "cpu: slower than configured: %s", reason)
