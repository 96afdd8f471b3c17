"""Which minute of the wall clock it is, told by the monotonic clock until the wall clock is set."""

from __future__ import annotations

import math

MINUTE = 60.0
"""Seconds."""

TOLERANCE = 2.0
"""Seconds; a wall clock that is off by more was set. Less is the difference of two readings, or a small correction."""


class WallMinutes:
    """Counts minutes since 1970; between two settings of the clock the count never goes back."""

    def __init__(self) -> None:
        self._offset: float | None = None

    def read(self, at: float, wall: float) -> tuple[int, bool]:
        """The minute, and whether the clock was set since the last reading (also true of the first one).

        `at`: monotonic seconds. `wall`: Unix seconds.
        """
        offset = wall - at
        if self._offset is None or abs(offset - self._offset) > TOLERANCE:
            self._offset = offset
            return math.floor(wall / MINUTE), True
        minute, second = divmod(at + self._offset, MINUTE)
        # A small correction is taken over in the middle of a minute, where it moves no boundary that has passed.
        if MINUTE / 3 <= second < MINUTE * 2 / 3:
            self._offset = offset
        return int(minute), False
