"""Watches heat and power for the daemon, says what changes once, and names the pace."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from emoedge.ops.thermal import FULL, Pace, ThermalPolicy
from emoedge.ops.throttling import Throttling, read_throttling

if TYPE_CHECKING:
    from collections.abc import Callable

    from emoedge.config.thermal import ThermalConfig

log = logging.getLogger(__name__)

INTERVAL = 2.0
"""Seconds between two looks; a processor's temperature moves within seconds, not faster."""


class Cooling:
    """`read` tells the firmware's flags, None where there are none."""

    def __init__(
        self, config: ThermalConfig, read: Callable[[], Throttling | None] = read_throttling
    ) -> None:
        self._policy = ThermalPolicy(config)
        self._read = read
        self._pace = FULL
        self._looked = float("-inf")
        self._told_power = False

    def look(self, celsius: float | None, now: float) -> Pace:
        """Pace at `now` (monotonic seconds)."""
        if now - self._looked < INTERVAL:
            return self._pace
        self._looked = now
        flags = self._read()
        if flags is not None and flags.undervoltage and not self._told_power:
            self._told_power = True
            log.warning("power: the supply voltage is too low; use the board's own power supply and cable")
        pace = self._policy.pace(celsius, flags)
        if pace != self._pace:
            log.log(logging.WARNING if pace.share < 1 else logging.INFO, "heat: %s", _said(pace))
            self._pace = pace
        return pace


def _said(pace: Pace) -> str:
    return "full frame rate again" if pace.reason is None else f"{pace.share:.0%} of the frame rate: {pace.reason}"
