"""Keeps the daemon's CPU time within a share of one core: a pure controller, time and CPU time are arguments."""

from __future__ import annotations

import math
from dataclasses import dataclass

PERIOD = 3.0
"""Seconds over which use is measured, and between two changes of pace: one scan of the picture is no trend."""

AIM = 0.93
"""Share of the budget that is steered for ..."""

HOLD = 0.86
"""... and the share below which the pace may rise again: in between nothing changes."""

HARDEST, SOFTEST = math.log(2.0), math.log(1.3)
"""Most that the pace falls and rises in one change: halved, or 1.3 times."""

SLOWEST_RATE = 1.0
"""Frames a second: an expression that lasts a second or two must still be seen."""

LONGEST_HOP = 2.0
"""Seconds between two classified windows of speech: what is said in a sentence must still be heard."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What was spent, and the pace that follows from it."""

    used: float | None
    """Cores over the last PERIOD; None while that has not passed."""
    share: float = 1.0
    """Of the frame rate, above 0 to 1."""
    stretch: float = 1.0
    """Of the time between two classified windows of speech, 1 or more."""
    kept: bool = True
    """Whether the budget can be kept at all: False when all is as slow as it may be and too much is used still."""


class Budget:
    """Remembers how hard it brakes.

    Braking is a way on a logarithmic scale: first the frame rate falls to `SLOWEST_RATE`, then speech is judged less
    often, up to every `LONGEST_HOP`; easing goes back the same way. A change is as large as what is used exceeds the
    aim. As only a part of the use follows the pace, that never goes beyond the aim, so there is nothing to swing.

    `limit`: cores; None only measures. `rate`: frames a second at full pace. `hop`: seconds, at full pace.
    """

    def __init__(self, limit: float | None, rate: float, hop: float) -> None:
        self._limit = limit
        self._vision = math.log(max(1.0, rate / SLOWEST_RATE))
        self._speech = math.log(max(1.0, LONGEST_HOP / hop))
        self._brake = 0.0
        self._since: tuple[float, float] | None = None
        self._spending = Spending(None)

    def look(self, spent: float, at: float) -> Spending:
        """What follows from `spent` seconds of CPU time of the whole process at `at` (monotonic seconds)."""
        if self._since is None:
            self._since = (spent, at)
        before, since = self._since
        if at - since < PERIOD:
            return self._spending
        used = (spent - before) / (at - since)
        self._since = (spent, at)
        kept = True
        if self._limit is not None:
            kept = self._steer(max(used, 1e-4) / self._limit)
        share = math.exp(-min(self._brake, self._vision))
        stretch = math.exp(max(0.0, self._brake - self._vision))
        self._spending = Spending(used, share, stretch, kept)
        return self._spending

    def _steer(self, load: float) -> bool:
        """Brake or ease for use of `load` times the limit; whether the limit can be kept."""
        if HOLD <= load <= 1.0:
            return True
        end = self._vision + self._speech
        spent_out = load > 1.0 and self._brake >= end
        # Easing takes half the way: what a face costs that comes back is not known.
        change = min(math.log(load / AIM), HARDEST) if load > 1.0 else max(math.log(load / AIM) / 2, -SOFTEST)
        self._brake = min(max(self._brake + change, 0.0), end)
        return not spent_out
