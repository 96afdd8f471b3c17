"""Where data comes from: one path or several, and the files below a folder."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

Sources = Path | Sequence[Path]
"""One data set, or several to join."""

PARTS = {
    "train": "train", "training": "train",
    "test": "test", "testing": "test", "publictest": "test",
    "val": "validation", "valid": "validation", "validation": "validation",
    "private": "private", "privatetest": "private",
}  # fmt: skip
"""Names of folders (lower case) and of `Usage` or `split` cells that say which part a file belongs to."""


def listed(data: Sources) -> tuple[Path, ...]:
    """The paths, in the order given."""
    return (data,) if isinstance(data, Path) else tuple(data)


def named(data: Sources) -> str:
    """The paths in one line, for messages."""
    return ", ".join(str(path) for path in listed(data))


def files(root: Path, suffixes: Collection[str]) -> list[PurePosixPath]:
    """Files below `root` with one of the suffixes (lower case, with dot), relative to it, sorted.

    Hidden files and folders are left out: archives made on a Mac bring a `._` twin of each file.
    """
    found: list[PurePosixPath] = []
    for folder, names, leaves in os.walk(root):
        names[:] = [name for name in names if not name.startswith((".", "__MACOSX"))]
        below = PurePosixPath(Path(folder).relative_to(root).as_posix())
        found += [
            below / leaf for leaf in leaves if not leaf.startswith(".") and Path(leaf).suffix.lower() in suffixes
        ]
    return sorted(found)


def part(path: PurePosixPath) -> str:
    """`train`, `test`, `validation` or `private` where a folder of the path says so, else empty."""
    for name in reversed(path.parent.parts):
        if name.lower() in PARTS:
            return PARTS[name.lower()]
    return ""
