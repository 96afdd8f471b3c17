#!/usr/bin/env python3
"""Compares the events of one recording on two machines: the same episodes, and how far their scores lie apart.

Reads two files of JSON lines as `emoedge replay --jsonl` writes them. Prints one row an event; exits 1 where
an event is missing, added or of another kind, or where a score differs by more than allowed.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

WITHIN = 0.02
"""Largest difference of a score that still counts as the same."""

IDENTITY = ("event_type", "subject", "episode_id", "label", "cause", "mode", "previous")
"""Fields that make two events the same event: which subject and episode, what began or ended, and why."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The events at one place in two runs; either may be missing."""

    left: dict[str, Any] | None
    right: dict[str, Any] | None

    @property
    def same(self) -> bool:
        """Whether both are there and tell of the same thing, whatever its time and scores."""
        if self.left is None or self.right is None:
            return False
        return all(self.left.get(name) == self.right.get(name) for name in IDENTITY)

    @property
    def apart(self) -> float:
        """Largest difference of a score or of the confidence, 0 where neither has one."""
        left, right = scores(self.left), scores(self.right)
        return max((abs(left.get(name, 0.0) - right.get(name, 0.0)) for name in {*left, *right}), default=0.0)

    @property
    def later(self) -> float:
        """Seconds by which the right one's time is later; 0 where one is missing."""
        if self.left is None or self.right is None:
            return 0.0
        return (when(self.right) - when(self.left)).total_seconds()


def scores(event: dict[str, Any] | None) -> dict[str, float]:
    """The numbers of an event that a model decides, by name."""
    if event is None:
        return {}
    found = dict(event.get("scores") or {})
    if event.get("confidence") is not None:
        found["confidence"] = event["confidence"]
    return found


def when(event: dict[str, Any]) -> datetime:
    """The time of an event."""
    return datetime.fromisoformat(event["ts"])


def read(path: Path) -> list[dict[str, Any]]:
    """The events of a run, in order."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def pairs(left: Sequence[dict[str, Any]], right: Sequence[dict[str, Any]]) -> list[Pair]:
    """Events side by side, by their place in the run."""
    return [Pair(a, b) for a, b in zip_longest(left, right)]


def row(pair: Pair) -> str:
    """One line of the table."""
    event = pair.left or pair.right or {}
    time = when(event).strftime("%M:%S.%f")[:-5]
    what = " ".join(str(event[name]) for name in ("event_type", "label", "mode") if event.get(name))
    apart = f"{pair.apart:.3f}" if scores(pair.left) or scores(pair.right) else "-"
    verdict = "" if pair.same else "  only on one side, or another event"
    return f"{time:>8}  {what:<32}{event.get('subject') or '-':<9}{pair.later:>+7.1f}{apart:>8}{verdict}"


def verdict(compared: Sequence[Pair], within: float) -> tuple[bool, str]:
    """Whether two runs agree, and the line that says so."""
    same = all(pair.same for pair in compared)
    apart = max((pair.apart for pair in compared), default=0.0)
    later = max((abs(pair.later) for pair in compared), default=0.0)
    agree = bool(compared) and same and apart <= within
    episodes = len({pair.left["episode_id"] for pair in compared if pair.left and pair.left.get("episode_id")})
    return agree, (
        f"{'agree' if agree else 'DISAGREE'}: {len(compared)} events of {episodes} episodes, "
        f"{sum(pair.same for pair in compared)} the same; "
        f"times at most {later:.1f} s apart, scores at most {apart:.3f} (allowed {within})"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("left", type=Path, help="events of the first run, JSON lines")
    parser.add_argument("right", type=Path, help="events of the second run")
    parser.add_argument("--within", type=float, default=WITHIN, help="largest difference of a score (%(default)s)")
    given = parser.parse_args(arguments)
    compared = pairs(read(given.left), read(given.right))
    print(f"{'time':>8}  {'event':<32}{'subject':<9}{'later':>7}{'scores':>8}")
    for pair in compared:
        print(row(pair))
    agree, line = verdict(compared, given.within)
    print(line)
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
