"""Speech data sets: `labels.csv` beside `<dataset>.tar` (or the extracted folders), split by speaker."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from emoedge.emotions import canonical
from emoedge.errors import MediaError
from workbench.data.archive import Archive

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

LABELS = "labels.csv"
REQUIRED = ("dataset", "file", "speaker", "emotion")

TEST_SPEAKERS: Mapping[str, tuple[str, ...]] = {
    "ravdess": ("Actor_17", "Actor_18", "Actor_19", "Actor_20"),
}
"""Two men, two women: no shipped model is trained, chosen or calibrated on them."""

VALIDATION_SPEAKERS: Mapping[str, tuple[str, ...]] = {
    "ravdess": ("Actor_15", "Actor_16"),
    "nemo": ("MP0", "KD0"),
    "urdu": ("SM24", "SF6"),
}
"""Held out of training too; temperature and reliability are fitted on them.

TESS has two speakers, both are needed, so no figure of a shipped model may be quoted on TESS.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One row of `labels.csv`."""

    dataset: str
    file: str
    """Path inside the tar or below the folder; also the clip's name in every order."""
    speaker: str
    emotion: str
    """Canonical emotion."""
    label: str
    """The data set's own name of it, lower case (`calm` stays `calm`)."""
    gender: str = ""
    language: str = ""
    duration: float = 0.0
    """Seconds, as the table says; 0 where it does not."""

    @property
    def fine(self) -> str:
        """The canonical emotion, save that `calm` is kept apart from neutral."""
        return "calm" if self.label == "calm" else self.emotion

    @property
    def digest(self) -> str:
        """SHA-256 of `file`: an order that neither name nor label decides."""
        return hashlib.sha256(self.file.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SpeechFolder:
    """The rows of one folder that carry a canonical emotion."""

    root: Path
    clips: tuple[Clip, ...]
    dropped: Mapping[str, int]
    """Rows left out because their label has no canonical name, by label."""

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets, sorted."""
        return tuple(sorted({clip.dataset for clip in self.clips}))

    def only(self, speakers: Collection[str]) -> SpeechFolder:
        """The clips of these speakers."""
        return SpeechFolder(self.root, tuple(c for c in self.clips if c.speaker in speakers), self.dropped)

    def sessions(self) -> Iterator[tuple[str, list[Clip]]]:
        """(`dataset/speaker`, clips in the order of their digest), sorted by name."""
        ordered = sorted(self.clips, key=lambda clip: (clip.dataset, clip.speaker, clip.digest))
        for key, clips in groupby(ordered, key=lambda clip: f"{clip.dataset}/{clip.speaker}"):
            yield key, list(clips)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
            if missing:
                raise MediaError(f"{path}: no column {', '.join(missing)}; needed are {', '.join(REQUIRED)}")
            return [{key: value or "" for key, value in row.items() if key} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MediaError(f"{path}: cannot be read ({error})") from error


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def read_folder(root: Path, dataset: str | None = None, speakers: Collection[str] | None = None) -> SpeechFolder:
    """Clips of a folder, optionally of one data set and of some speakers only.

    Raises MediaError where the table is missing or broken, or nothing is left of it.
    """
    rows = _rows(root / LABELS)
    names = {row["dataset"] for row in rows}
    if dataset is not None and dataset not in names:
        raise MediaError(f"{root / LABELS}: no data set {dataset!r}; there are {', '.join(sorted(names)) or 'none'}")
    clips: list[Clip] = []
    dropped: Counter[str] = Counter()
    for row in rows:
        if dataset not in (None, row["dataset"]) or (speakers is not None and row["speaker"] not in speakers):
            continue
        label = row["emotion"].strip().lower()
        emotion = canonical(label)
        if emotion is None:
            dropped[label] += 1
            continue
        clips.append(
            Clip(
                dataset=row["dataset"], file=row["file"], speaker=row["speaker"], emotion=emotion, label=label,
                gender=row.get("gender", ""), language=row.get("language", ""),
                duration=_seconds(row.get("duration_s", "")),
            )
        )  # fmt: skip
    if not clips:
        raise MediaError(f"{root / LABELS}: no row with a known emotion is left of {len(rows)}; check the filters")
    return SpeechFolder(root, tuple(clips), dict(dropped))


def held_out(clip: Clip) -> bool:
    """Whether this clip's speaker belongs to the validation or the test part."""
    parts = (*TEST_SPEAKERS.get(clip.dataset, ()), *VALIDATION_SPEAKERS.get(clip.dataset, ()))
    return clip.speaker in parts


def decode(root: Path, clips: Sequence[Clip]) -> Iterator[tuple[Clip, NDArray[np.float32]]]:
    """Each clip with its samples (float32, 16 kHz mono), in the order given; one archive is open at a time."""
    for dataset, group in groupby(clips, key=lambda clip: clip.dataset):
        with Archive(root, dataset) as archive:
            for clip in group:
                yield clip, archive.read(clip.file)
