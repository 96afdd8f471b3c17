"""How long to wait before the next attempt: exponential, capped, with jitter."""

from __future__ import annotations

import random as _random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Backoff:
    """Delays that double from `initial` to `maximum` seconds until something worked.

    Each delay is spread by `jitter` (0..1, share of the delay to either side) so that a fleet whose
    broker comes back does not knock at the same moment. `random` returns uniform values in [0, 1);
    `random.Random(seed).random` makes the sequence repeatable.
    """

    def __init__(
        self,
        initial: float = 1.0,
        maximum: float = 60.0,
        jitter: float = 0.2,
        random: Callable[[], float] = _random.random,
    ) -> None:
        if not 0 < initial <= maximum:
            raise ValueError(f"expected 0 < initial <= maximum, got {initial} and {maximum}")
        if not 0 <= jitter <= 1:
            raise ValueError(f"expected jitter in 0..1, got {jitter}")
        self._initial = initial
        self._maximum = maximum
        self._jitter = jitter
        self._random = random
        self._base = initial

    def next(self) -> float:
        """Seconds to wait now; every call without a reset doubles the next one. Never above `maximum`."""
        delay = self._base * (1 + self._jitter * (2 * self._random() - 1))
        self._base = min(self._base * 2, self._maximum)
        return min(delay, self._maximum)

    def reset(self) -> None:
        """Begin at `initial` again: the attempt worked."""
        self._base = self._initial
