"""Section `aggregates`."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting

LENGTHS = (1, 5, 15)
"""Minutes; each divides the next, so that windows are nested or apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregatesConfig:
    """Anonymous figures over the people of the last minutes, published on `aggregate/<length>`."""

    enabled: bool = setting(default=False, help="Publish them.")
    only: bool = setting(
        default=False,
        help="Publish nothing else about people: no `emotion`, `event` or `raw`, and no Home Assistant entities of "
        "them.",
    )  # fmt: skip
    windows: tuple[int, ...] = setting(
        LENGTHS, choices=LENGTHS, unit="min", help="Lengths of the windows, which begin at full minutes of the clock."
    )
    k: int = setting(
        5, minimum=3, maximum=1000, unit="people",
        help="Windows with fewer people in them, also by subtracting others, are told without figures. With 2, each "
        "of two people would know the other's.",
    )  # fmt: skip
    gap: float = setting(
        5.0, minimum=0, maximum=60, unit="s",
        help="A face that appears within this time of another's leaving counts as the same person.",
    )
