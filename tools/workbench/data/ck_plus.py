"""The Extended Cohn-Kanade set as it is handed out: sequences of pictures, and a label for some of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emoedge.errors import MediaError
from workbench.data.sources import files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NAME = re.compile(r"S(\d{3})_(\d{3})_(\d{8})", re.ASCII)
"""Subject, sequence, picture, as in S005_001_00000011."""

CODES = ("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
"""By the number in an emotion file (Lucey et al. 2010, doi:10.1109/CVPRW.2010.5543262)."""

PEAK = 3
"""Last pictures of a sequence that show its emotion; it begins with a neutral one."""

Sequence_ = tuple[str, str]


def emotion_files(root: Path) -> dict[Sequence_, str]:
    """Label of each sequence that has a file like `S005_001_00000011_emotion.txt` somewhere below `root`.

    Raises MediaError for one that does not hold a code.
    """
    labels: dict[Sequence_, str] = {}
    for path in files(root, {".txt"}):
        match = NAME.fullmatch(path.stem.removesuffix("_emotion"))
        if match is None or not path.stem.endswith("_emotion"):
            continue
        try:
            code = float((root / path).read_text(encoding="ascii"))
            labels[match[1], match[2]] = CODES[[float(i) for i in range(len(CODES))].index(code)]
        except (OSError, ValueError) as error:
            raise MediaError(f"{root / path}: holds no emotion code of CK+, 0 to {len(CODES) - 1}") from error
    return labels


def picture_labels(stems: Sequence[str], of_sequence: Mapping[Sequence_, str]) -> dict[str, str]:
    """Label of each picture that has one: the emotion for the last PEAK, neutral for the first, none between."""
    sequences: dict[Sequence_, list[str]] = {}
    for stem in stems:
        match = NAME.fullmatch(stem)
        if match is not None:
            sequences.setdefault((match[1], match[2]), []).append(stem)
    labels: dict[str, str] = {}
    for key, own in sequences.items():
        if key in of_sequence:
            ordered = sorted(own)
            labels |= {ordered[0]: CODES[0]} | dict.fromkeys(ordered[1:][-PEAK:] or ordered, of_sequence[key])
    return labels
