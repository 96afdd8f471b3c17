"""Which figures may be told without a difference of two of them being about a few people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class Veil:
    """Lets a set of people pass where no figures that were told can be subtracted to less than `k` people.

    The sets must be nested or disjoint, and an inner one must be asked about before an outer one. What can be
    worked out from sums over such sets are sums over their parts that no smaller told set covers: the parts
    that make up the difference of a set and the told sets in it. Each must be empty or of at least `k` people.
    """

    def __init__(self, k: int) -> None:
        self._k = k
        self._told: set[int] = set()

    def passes(self, people: AbstractSet[int]) -> bool:
        """Whether figures over `people` (their numbers) may be told; they then count as told."""
        rest = people - self._told
        if len(people) < self._k or 0 < len(rest) < self._k:
            return False
        self._told |= people
        return True

    def forget(self) -> None:
        """Begin anew with people of whom nothing was told."""
        self._told.clear()
