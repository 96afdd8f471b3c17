"""Background noise: `noise.csv` beside `noise.tar` (or the extracted folder)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoedge.errors import MediaError
from workbench.data.archive import Archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

TABLE = "noise.csv"
HUMAN = frozenset({"baby_cry", "person_sneeze", "dude_miaowing"})
"""Categories made by a human voice: no noise to a voice gate, and no background to a voice."""


@dataclass(frozen=True, slots=True)
class Noise:
    """One recording."""

    file: str
    category: str


def read_noises(root: Path, *, human: bool = False) -> tuple[Noise, ...]:
    """Rows of `noise.csv`, those of human voices left out unless asked for.

    Raises MediaError where the table is missing, broken or empty.
    """
    path = root / TABLE
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = [(row["file"] or "", row["category"]) for row in csv.DictReader(stream)]
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise MediaError(f"{path}: cannot be read ({error}); it has the columns file and category") from error
    noises = tuple(Noise(file, category) for file, category in rows if human or category not in HUMAN)
    if not noises:
        raise MediaError(f"{path}: no noise in it")
    return noises


def decode_noises(root: Path, *, human: bool = False) -> Iterator[tuple[Noise, NDArray[np.float32]]]:
    """Each noise with its samples (float32, 16 kHz mono, -1..1)."""
    with Archive(root, "noise") as archive:
        for noise in read_noises(root, human=human):
            yield noise, archive.read(noise.file)
