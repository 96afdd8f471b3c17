"""Faces out of a FER2013 CSV or a folder of pictures: pixels, labels, parts and subjects."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from emoedge.emotions import INDEX, canonical
from emoedge.errors import MediaError
from workbench.data import face_names, fer_csv
from workbench.data.portraits import Framer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

EVERY = 500
"""Pictures between two lines of progress."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceFiles:
    """What stood in the files."""

    images: NDArray[np.uint8]
    """N x 48 x 48."""
    labels: NDArray[np.int64]
    """Index into CANONICAL, N."""
    parts: NDArray[np.str_]
    """`train`, `test`, `validation`, `private`, or empty; N."""
    subjects: NDArray[np.str_]
    """Empty where unknown; N."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Pictures without a canonical emotion, by label; and those that lie beside a CSV, which alone is read."""
    portraits: int = 0
    uncropped: int = 0
    """Pictures looked through for a face, and those of them without one."""


def read(path: Path) -> FaceFiles:
    """A CSV, a folder with one, or a folder of pictures. Raises MediaError, saying what was looked for."""
    table = path if path.is_file() else fer_csv.find(path)
    if table is not None:
        images, labels, parts = fer_csv.read(table)
        beside = 0 if table == path else len(face_names.scan(path)[0])
        dropped = {f"beside {table.name}": beside} if beside else {}
        return FaceFiles(images, labels, np.array(parts), np.full(len(labels), "", dtype="<U1"), dropped)
    kept, dropped = face_names.scan(path)
    if not kept:
        raise MediaError(
            f"{path}: none of {sum(dropped.values())} pictures has a known name or stands in a folder named after "
            f"an emotion; looked for {fer_csv.LOOKED_FOR}, {face_names.LOOKED_FOR}"
        )
    framer = Framer()
    images = np.empty((len(kept), fer_csv.SIDE, fer_csv.SIDE), dtype=np.uint8)
    for i, (file, said) in enumerate(kept):
        images[i] = framer.read(path / file, drawn=said.drawn)
        if i % EVERY == EVERY - 1 and sys.stderr.isatty():
            print(f"\r{path.name}: {i + 1}/{len(kept)} pictures\x1b[K", end="", file=sys.stderr, flush=True)
    if len(kept) >= EVERY and sys.stderr.isatty():
        print(file=sys.stderr)
    return FaceFiles(
        images=images,
        labels=np.array([INDEX[canonical(said.label) or said.label] for _, said in kept], dtype=np.int64),
        parts=np.array([said.part for _, said in kept]),
        subjects=np.array([said.subject for _, said in kept]),
        dropped=dropped, portraits=framer.portraits, uncropped=framer.uncropped,
    )  # fmt: skip
