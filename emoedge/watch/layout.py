"""The fleet table as lines of text that fit a terminal; pure."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoedge.outputs.lines import bar
from emoedge.watch.row import ALARMING, Condition, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GAP = "  "

MIN_EVENTS = 4
"""Lines that events get where there is room for both."""

LONGEST_NAME = 24
"""Characters of a device id in the table; the rest gives way to `~`."""

MINUTE, HOUR, DAY = 60, 3600, 86_400

COLOURS = {
    Condition.OFFLINE: "\x1b[1;31m", Condition.SILENT: "\x1b[1;31m", Condition.BLIND: "\x1b[1;37;41m",
    Condition.DEGRADED: "\x1b[33m", Condition.PAUSED: "\x1b[36m", Condition.ONLINE: "",
}  # fmt: skip
PLAIN, BOLD, DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"


@dataclass(frozen=True, slots=True)
class Column:
    """One property of a row."""

    title: str
    width: int
    rank: int
    """The highest gives way first where the terminal is narrow."""
    show: Callable[[Row], str]
    right: bool = False


COLUMNS = (
    Column("device", 0, 0, lambda row: row.device),
    Column("status", 8, 0, lambda row: str(row.condition)),
    Column("mode", 11, 5, lambda row: row.mode or "-"),
    Column("people", 6, 6, lambda row: _whole(row.people), right=True),
    Column("emotion", 10, 0, lambda row: row.label or "-"),
    Column("confidence", 17, 3, lambda row: _confidence(row)),
    Column("age", 5, 1, lambda row: duration(row.age), right=True),
    Column("frame", 5, 7, lambda row: duration(row.frame_age), right=True),
    Column("drops", 5, 8, lambda row: _whole(row.drops), right=True),
    Column("temp", 5, 9, lambda row: "-" if row.temperature is None else f"{row.temperature:.0f} C", right=True),
    Column("problem", 7, 4, lambda row: row.problem or ""),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that one picture shows."""

    broker: str
    rows: Sequence[Row]
    events: Sequence[str]
    """Oldest first."""
    problem: str | None = None
    """Why the broker is not there."""
    skipped: int = 0
    """Messages that came faster than they could be shown."""


def picture(scene: Scene, width: int, height: int, *, colour: bool) -> list[str]:
    """At most `height` lines of at most `width` characters: a head, the table, the newest events."""
    head = _head(scene, width, colour=colour)
    if height <= 3 or not scene.rows:
        lines = head + _events(scene.events, width, height - len(head))
        return lines[: max(height, 1)]
    room = height - len(head) - 1  # the table's own head
    shown = len(scene.rows)
    if shown > room - MIN_EVENTS:
        shown = max(1, room - MIN_EVENTS - 1)
    lines = head + _table(scene.rows[:shown], width, colour=colour)
    hidden = scene.rows[shown:]
    if hidden:
        lines.append(fit(f"... {len(hidden)} more: {_census(hidden)}", width))
    lines += _events(scene.events, width, height - len(lines))
    return lines[:height]


def duration(seconds: float | None) -> str:
    """`3 s`, `12 m`, `5 h`, `9 d`; `-` where it is not known."""
    if seconds is None:
        return "-"
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if seconds >= 2 * size:
            return f"{min(int(seconds // size), 999)} {unit}"
    return f"{seconds:.0f} s"


def fit(text: str, width: int) -> str:
    """`text` in at most `width` cells of a terminal, `~` at the end of what was cut."""
    if text.isascii():
        return text if len(text) <= width else text[: max(0, width - 1)] + "~"[:width]
    if sum(map(_cells, text)) <= width:
        return text
    used, kept = 1, []
    for character in text:
        used += _cells(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept) + "~"[:width]


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _head(scene: Scene, width: int, *, colour: bool) -> list[str]:
    count = len(scene.rows)
    said = f"{count} device{'' if count == 1 else 's'}"
    census = f": {_census(scene.rows)}" if count else ""
    lines = [_painted(fit(f"emoedge watch{GAP}{scene.broker}{GAP}{said}{census}", width), BOLD, colour=colour)]
    if scene.problem is not None:
        old = "; what stands below is old" if count else ""
        text = fit(f"! no broker: {scene.problem}{old}", width)
        lines.append(_painted(text, COLOURS[Condition.BLIND], colour=colour))
    elif not count:
        lines.append(fit("connected; no device has said anything yet", width))
    if scene.skipped:
        lines.append(fit(f"! {scene.skipped} messages came too fast and are not shown", width))
    return lines


def _census(rows: Sequence[Row]) -> str:
    counts = Counter(row.condition for row in rows)
    return ", ".join(f"{counts[c]} {c}" for c in Condition if counts[c])


def _table(rows: Sequence[Row], width: int, *, colour: bool) -> list[str]:
    columns = _fitting(width, min(LONGEST_NAME, max(6, *(len(row.device) for row in rows), 6)))
    title = GAP.join(_cell(c.title, size, right=c.right) for c, size in columns)
    lines = [_painted(fit(f"  {title}".rstrip(), width), DIM, colour=colour)]
    for row in rows:
        # A mark beside the colour: not everybody sees red, and not every terminal shows it.
        mark = "! " if row.condition in ALARMING else "  "
        text = mark + GAP.join(_cell(c.show(row), size, right=c.right) for c, size in columns)
        lines.append(_painted(fit(text.rstrip(), width), COLOURS[row.condition], colour=colour))
    return lines


def _fitting(width: int, name: int) -> list[tuple[Column, int]]:
    """Columns that fit side by side, with their widths; the last takes what is left."""
    chosen = list(COLUMNS)

    def needed() -> int:
        return 2 + sum((c.width or name) + len(GAP) for c in chosen) - len(GAP)

    while needed() > width and any(c.rank for c in chosen):
        chosen.remove(max(chosen, key=lambda c: c.rank))
    spare = max(0, width - needed())
    return [
        (c, (c.width or name) + (spare if c.title == "problem" else 0)) for c in chosen
    ]  # fmt: skip


def _cell(text: str, size: int, *, right: bool) -> str:
    cut = fit(text, size)
    space = " " * (size - sum(map(_cells, cut)))
    return space + cut if right else cut + space


def _events(events: Sequence[str], width: int, room: int) -> list[str]:
    """A rule, and the newest events that fit below it."""
    if room < 2:
        return []
    return ["-" * width, *(fit(line, width) for line in events[-(room - 1) :])]


def _painted(text: str, paint: str, *, colour: bool) -> str:
    return f"{paint}{text}{PLAIN}" if colour and paint else text


def _whole(value: int | None) -> str:
    return "-" if value is None else str(value)


def _confidence(row: Row) -> str:
    """A bar, or why there is none."""
    if row.label == "unknown" or row.label is None:
        return row.reason or ""
    return bar(row.confidence)
