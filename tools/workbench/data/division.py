"""Divides rows into parts so that no speaker, subject or picture stands in two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TRAIN, VALIDATION, TEST = "train", "validation", "test"

FEWEST = 3
"""Groups below which nothing is held out: each of two speakers is needed to learn from."""


def held(groups: Sequence[Any] | NDArray[Any], *, share: float, seed: int) -> NDArray[np.bool_]:
    """Which rows are held out, whole groups of them, N; `groups` names the group of each row.

    A share of the groups, rounded, but at least one, and none at all of fewer than FEWEST. The same groups give
    the same answer whatever the order of the rows.
    """
    names = np.unique(np.asarray(groups))
    if len(names) < FEWEST:
        return np.zeros(len(groups), dtype=bool)
    drawn = np.random.default_rng(seed).permutation(names)[: max(1, round(share * len(names)))]
    return np.isin(np.asarray(groups), drawn)


def parts(
    groups: Sequence[Any] | NDArray[Any], *, validation: float = 0.1, test: float = 0.2, seed: int = 0
) -> NDArray[np.str_]:
    """`train`, `validation` or `test` of each row, whole groups of them, N."""
    every = np.asarray(groups)
    out = np.full(len(every), TRAIN, dtype="<U10")
    tested = held(every, share=test, seed=seed)
    out[tested] = TEST
    rest = np.flatnonzero(~tested)
    if len(np.unique(every[rest])) > 1 and tested.any():
        names = np.unique(every[rest])
        drawn = np.random.default_rng((seed, 1)).permutation(names)[: max(1, round(validation * len(names)))]
        out[rest[np.isin(every[rest], drawn)]] = VALIDATION
    return out


def merged(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.int64]:
    """Groups that keep together what either of two groupings keeps together, N: the smallest row of each.

    Rows that are empty in `second` (names, '' for unknown) are bound by `first` alone.
    """
    count = len(first)
    group = np.arange(count, dtype=np.int64)
    named = np.asarray(second) != ""
    bonds = [(first, np.ones(count, dtype=bool)), (second, named)]
    while True:
        before = group.copy()
        for names, rows in bonds:
            if not rows.any():
                continue
            _, inverse = np.unique(np.asarray(names)[rows], return_inverse=True)
            least = np.full(inverse.max() + 1, count, dtype=np.int64)
            np.minimum.at(least, inverse, group[rows])
            group[rows] = least[inverse]
        if np.array_equal(before, group):
            return group


def leaks(groups: Sequence[Any] | NDArray[Any], part: Sequence[Any] | NDArray[Any]) -> dict[str, tuple[str, ...]]:
    """Groups that stand in more than one part, with these parts; '' names no group."""
    seen: dict[str, set[str]] = {}
    for group, where in zip(groups, part, strict=True):
        if str(group):
            seen.setdefault(str(group), set()).add(str(where))
    return {group: tuple(sorted(where)) for group, where in sorted(seen.items()) if len(where) > 1}
