"""What the names of picture files and their folders say: emotion, subject and part."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoedge.emotions import canonical
from workbench.data import ck_plus
from workbench.data.sources import PARTS, files, part

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm"})

LOOKED_FOR = (
    "JAFFE names (KA.AN1.39.tiff), CK+ names (S005_001_00000011.png, with S005_001_00000011_emotion.txt or in "
    "class folders), FERG-DB (aia/aia_anger/aia_anger_1.png), class folders (train/angry/*.jpg, angry/*.png)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What one name says."""

    label: str
    """The data set's own word, lower case."""
    subject: str
    """As `jaffe/KA`; empty where the name does not tell."""
    part: str
    """`train`, `test`, `validation`, `private`, or empty."""
    drawn: bool = False
    """A cartoon: the detector of human faces has no say in its framing."""


_JAFFE = re.compile(r"([A-Z]{2})\.(AN|DI|FE|HA|SA|SU|NE)\d*\.\d+", re.ASCII)
_JAFFE_LABELS = {
    "AN": "angry", "DI": "disgust", "FE": "fear", "HA": "happy", "SA": "sad", "SU": "surprise", "NE": "neutral",
}  # fmt: skip
_FERG = re.compile(r"([a-z]+)_(anger|disgust|fear|joy|neutral|sadness|surprise)_\d+")
_FER = re.compile(r"(Training|PublicTest|PrivateTest)_\d+")


def _folder_label(path: PurePosixPath) -> str:
    """Name of the nearest folder that names an emotion, else of the nearest that names no part."""
    folders = [name for name in reversed(path.parent.parts) if name.lower() not in PARTS]
    return next((name.lower() for name in folders if canonical(name)), folders[0].lower() if folders else "")


def named(path: PurePosixPath, of_picture: dict[str, str]) -> Named | None:
    """What a picture's path (relative to the data) says, or None; `of_picture`: labels of CK+ pictures."""
    jaffe, ferg, ck = (pattern.fullmatch(path.stem) for pattern in (_JAFFE, _FERG, ck_plus.NAME))
    if jaffe is not None:
        return Named(label=_JAFFE_LABELS[jaffe[2]], subject=f"jaffe/{jaffe[1]}", part=part(path))
    if ferg is not None and path.parent.name == f"{ferg[1]}_{ferg[2]}":
        return Named(label=ferg[2], subject=f"ferg/{ferg[1]}", part=part(path), drawn=True)
    label = _folder_label(path)
    if ck is not None:
        label = of_picture.get(path.stem) or (label if canonical(label) or label in ck_plus.CODES else "")
        return Named(label=label, subject=f"ck+/S{ck[1]}", part=part(path)) if label else None
    usage = _FER.fullmatch(path.stem)
    where = PARTS[usage[1].lower()] if usage and part(path) else part(path)
    return Named(label=label, subject="", part=where) if label else None


def scan(root: Path) -> tuple[list[tuple[PurePosixPath, Named]], dict[str, int]]:
    """Pictures below `root` with a canonical emotion, and how many were left out, by their label.

    Pictures that nothing labels, such as those between the first and the last of a CK+ sequence, count as
    `unlabelled`.
    """
    found = files(root, SUFFIXES)
    of_picture = ck_plus.picture_labels([path.stem for path in found], ck_plus.emotion_files(root))
    kept: list[tuple[PurePosixPath, Named]] = []
    dropped: Counter[str] = Counter()
    for path in found:
        said = named(path, of_picture)
        if said is None:
            dropped["unlabelled"] += 1
        elif canonical(said.label) is None:
            dropped[said.label] += 1
        else:
            kept.append((path, said))
    return kept, dict(dropped)
