"""Which frames are analysed where a rate is asked for."""

from __future__ import annotations


class RateLimit:
    """Passes frames at `rate` hertz by their own times; 0 passes all.

    Passed frames keep to a grid, so a 25 Hz film at 10 Hz passes 10 a second, not 8.3. After a gap, or when
    time starts anew, the grid does too. `full`: hertz at which frames come, for `slow`: all that 0, or a higher rate,
    amounts to. One thread may ask and another one slow it down.
    """

    def __init__(self, rate: float, full: float = 30.0) -> None:
        self._rate = rate
        self._whole = min(rate or full, full)
        self._share = 1.0
        self._period = 1 / rate if rate > 0 else 0.0
        self._next: float | None = None

    def slow(self, share: float) -> None:
        """Pass this share of the frames from now on, above 0 to 1; the grid begins anew where it changes."""
        if share == self._share:
            return
        self._share = share
        rate = self._rate if share == 1 else self._whole * share
        self._period = 1 / rate if rate > 0 else 0.0
        self._next = None

    @property
    def rate(self) -> float:
        """Hertz passed now at most; those that come where all are passed."""
        return self._whole * self._share

    def due(self, at: float) -> bool:
        """Whether the frame taken at `at` (seconds) is to be analysed."""
        if self._period == 0:
            return True
        # Cameras jitter: a frame a tenth of a period early is this period's frame.
        period, upcoming = self._period, self._next  # once: another thread may slow it down meanwhile
        early = 0.1 * period
        if upcoming is None or at < upcoming - 2 * period:
            upcoming = at
        if at < upcoming - early:
            return False
        upcoming += period
        self._next = upcoming if upcoming > at else at + period
        return True
