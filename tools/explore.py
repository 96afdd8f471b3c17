"""Show what is in a data set, or in several joined: `tools/explore.py DATA... [--output DIR] [--json]`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import exploration, exploration_plots
from workbench.data import layout
from workbench.data.sources import named

from emoedge.errors import MediaError
from emoedge.messages import Modality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.exploration import Contents

    Counts = Mapping[str, Mapping[str, int]]


def main(arguments: list[str] | None = None) -> int:
    """Read, print, draw; returns the exit code."""
    parser = argparse.ArgumentParser(
        description="Class counts by part and by speaker, durations, duplicates and leaks of a data set."
    )
    parser.add_argument("data", type=Path, nargs="+", metavar="DATA", help="a layout of docs/data.md")
    parser.add_argument("--output", type=Path, metavar="DIR", help="draw classes.png, people.png, samples.png there")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="which samples are drawn (default 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    given = parser.parse_args(arguments)
    try:
        modality = layout.modality(given.data)
        read = exploration.of_faces if modality is Modality.FACE else exploration.of_speech
        contents = read(given.data, seed=given.seed)
    except (MediaError, ValueError, OSError) as error:
        print(f"cannot explore: {error}", file=sys.stderr)
        return 65
    found: Mapping[str, Any] = exploration.report(contents)
    _print(named(given.data), modality, found)
    if given.output is not None:
        try:
            _draw(given.output, named(given.data), modality, contents, found)
        except OSError as error:
            print(f"{given.output}: cannot be written: {error}", file=sys.stderr)
            return 2
    if given.json:
        print(json.dumps({"data": [str(path) for path in given.data], "modality": modality, **found}))
    return 0


def _table(title: str, table: Counts) -> list[str]:
    names = list(next(iter(table.values())))
    first = max(len(title), len("all"), *(len(group) for group in table))
    widths = [max(len(name), 6) for name in names]
    lines = [title.ljust(first) + "".join(f"  {n:>{w}}" for n, w in zip(names, widths, strict=True)) + "     all"]
    rows = {**table, "all": {name: sum(own[name] for own in table.values()) for name in names}}
    for group, own in rows.items() if len(table) > 1 else table.items():
        cells = "".join(f"  {own[name]:>{w}}" for name, w in zip(names, widths, strict=True))
        lines.append(f"{group:<{first}}{cells}  {sum(own.values()):>6}")
    return lines


def _print(data: str, modality: Modality, found: Mapping[str, Any]) -> None:
    print(f"{data}: {found['rows']} {'pictures' if modality is Modality.FACE else 'clips'}")
    for title, counts in {"left out": found["left_out"], "note": found["notes"]}.items():
        for what, count in counts.items():
            print(f"{title}: {count} {what}")
    print("", *_table("part", found["parts"]), sep="\n")
    if found["people"]:
        print("", *_table("speaker" if modality is Modality.SPEECH else "subject", found["people"]), sep="\n")
    if found["durations"]:
        print(f"\n{'seconds':<10}  shortest  median  longest       sum")
        for name, s in found["durations"].items():
            print(f"{name:<10}  {s['shortest']:>8.2f}  {s['median']:>6.2f}  {s['longest']:>7.2f}  {s['sum']:>8.1f}")
    twice = found["duplicates"]
    print(f"\nduplicates: {twice['rows']} rows repeat another one exactly, in {twice['groups']} groups, "
          f"{twice['groups_with_two_labels']} of them with two labels")  # fmt: skip
    for counts in found["leaks"]["equal_rows"].values():
        rows = ", ".join(f"{count} rows of {part}" for part, count in counts.items() if part != "groups")
        print(f"leak: {counts['groups']} groups of equal rows stand in several parts: {rows}")
    for who, parts in found["leaks"]["people"].items():
        print(f"leak: {who} stands in {' and '.join(parts)}")
    if not found["leaks"]["equal_rows"] and not found["leaks"]["people"]:
        print("leaks: none")
    sizes = found["balance"]
    weights = ", ".join(f"{name} {weight:g}" for name, weight in sizes["weights"].items())
    print(f"balance of the training part: none {sizes['none']} rows, under {sizes['under']}, over {sizes['over']}; "
          f"weights {weights}")  # fmt: skip


def _draw(folder: Path, data: str, modality: Modality, contents: Contents, found: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    exploration_plots.classes(found["parts"], folder / "classes.png", title=data)
    if found["people"]:
        exploration_plots.people(found["people"], folder / "people.png", title=data)
    samples = exploration_plots.faces if modality is Modality.FACE else exploration_plots.spectrograms
    samples(contents.samples, folder / "samples.png", title=data)
    print(f"drawn: {', '.join(str(path) for path in sorted(folder.glob('*.png')))}")


if __name__ == "__main__":
    sys.exit(main())
