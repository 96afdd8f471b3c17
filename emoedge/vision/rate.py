"""Which frames are analysed where a rate is asked for."""

from __future__ import annotations


class RateLimit:
    """Passes frames at `rate` hertz by their own times; 0 passes all.

    Passed frames keep to a grid, so a 25 Hz film at 10 Hz passes 10 a second, not 8.3. After a gap, or when
    time starts anew, the grid does too.
    """

    def __init__(self, rate: float) -> None:
        self._period = 1 / rate if rate > 0 else 0.0
        self._next: float | None = None

    def due(self, at: float) -> bool:
        """Whether the frame taken at `at` (seconds) is to be analysed."""
        if self._period == 0:
            return True
        # Cameras jitter: a frame a tenth of a period early is this period's frame.
        early = 0.1 * self._period
        if self._next is None or at < self._next - 2 * self._period:
            self._next = at
        if at < self._next - early:
            return False
        self._next += self._period
        if self._next <= at:
            self._next = at + self._period
        return True
