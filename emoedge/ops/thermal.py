"""How much of the frame rate heat and supply voltage allow: a pure policy of two thresholds with hysteresis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emoedge.config.thermal import ThermalConfig
    from emoedge.ops.throttling import Throttling

SHARES = (1.0, 0.5, 0.25)
"""Of the frame rate: cool, warm, hot."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What is allowed now."""

    share: float
    """Of the frames that are looked at otherwise, above 0 to 1."""
    reason: str | None = None
    """Why it is less than 1."""
    stretch: float = 1.0
    """Of `speech.hop`, 1 or more."""


    def slower(self, other: Pace) -> Pace:
        """The slower of both in each sense, with the reasons of both."""
        reasons = [pace.reason for pace in (self, other) if pace.reason is not None]
        return Pace(min(self.share, other.share), ", ".join(reasons) or None, max(self.stretch, other.stretch))


FULL = Pace(1.0)


class ThermalPolicy:
    """Remembers only on which side of each threshold the temperature was last."""

    def __init__(self, config: ThermalConfig) -> None:
        self._thresholds = (config.warm, config.hot)
        self._hysteresis = config.hysteresis
        self._level = 0

    def pace(self, celsius: float | None, flags: Throttling | None) -> Pace:
        """Pace at this temperature (None: unknown) and with these flags of the firmware (None: not told)."""
        if celsius is not None:
            while self._level < len(self._thresholds) and celsius >= self._thresholds[self._level]:
                self._level += 1
            while self._level > 0 and celsius < self._thresholds[self._level - 1] - self._hysteresis:
                self._level -= 1
        reasons = []
        if self._level:
            reasons.append(f"above {self._thresholds[self._level - 1]:g} °C")
        if flags is not None and flags.undervoltage:
            reasons.append("undervoltage")
        if flags is not None and flags.throttled:
            reasons.append("throttled by the firmware")
        level = max(self._level, 1) if reasons else 0
        return Pace(SHARES[level], ", ".join(reasons) or None)
