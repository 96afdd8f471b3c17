"""FER2013 as it is downloaded: one CSV with the columns emotion, pixels and Usage."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from emoedge.emotions import CANONICAL
from emoedge.errors import MediaError
from workbench.data.sources import PARTS, files

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIDE = 48
COLUMNS = ("emotion", "pixels", "usage")
LOOKED_FOR = "fer2013.csv (columns emotion, pixels, Usage)"


def find(root: Path) -> Path | None:
    """The first CSV in a folder, or one folder below it, that has the columns."""
    for path in files(root, {".csv"}):
        if len(path.parts) <= 2 and all(name in _header(root / path) for name in COLUMNS[:2]):
            return root / path
    return None


def _header(path: Path) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            return [name.strip().lower() for name in next(csv.reader(stream), [])]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[str]]:
    """Images (N x 48 x 48), labels (0..6, FER2013's order is the canonical one) and parts as Usage names them.

    Raises MediaError where a column is missing, or a row holds no label or not 48 x 48 gray levels; it names
    the row.
    """
    header = _header(path)
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise MediaError(f"{path}: no column {', '.join(missing)}; looked for {LOOKED_FOR}")
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    parts: list[str] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.reader(stream)
            next(rows)
            for number, cells in enumerate(rows, 2):
                row = dict(zip(header, cells, strict=False))
                images.append(_pixels(row.get("pixels", ""), f"{path}, row {number}"))
                labels.append(_label(row.get("emotion", ""), f"{path}, row {number}"))
                usage = row.get("usage", "").strip().lower()
                if usage not in PARTS:
                    raise MediaError(f"{path}, row {number}: Usage {usage!r} is not Training, PublicTest, PrivateTest")
                parts.append(PARTS[usage])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MediaError(f"{path}: cannot be read ({error})") from error
    if not images:
        raise MediaError(f"{path}: no row in it")
    return np.stack(images), np.array(labels, dtype=np.int64), parts


def _label(text: str, where: str) -> int:
    if text.strip() not in {str(i) for i in range(len(CANONICAL))}:
        raise MediaError(f"{where}: emotion {text!r} is not 0 to {len(CANONICAL) - 1}")
    return int(text)


def _pixels(text: str, where: str) -> NDArray[np.uint8]:
    try:
        levels = np.fromstring(text, dtype=np.int64, sep=" ")
    except ValueError:
        levels = np.empty(0, dtype=np.int64)
    if len(levels) != SIDE * SIDE or levels.min() < 0 or levels.max() > 255:
        raise MediaError(f"{where}: pixels are not {SIDE * SIDE} gray levels of 0 to 255")
    return levels.astype(np.uint8).reshape(SIDE, SIDE)
