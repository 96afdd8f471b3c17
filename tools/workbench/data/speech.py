"""Speech data sets: `labels.csv` beside `<dataset>.tar` (or the folders), or known file names; split by speaker."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from emoedge.emotions import canonical
from emoedge.errors import MediaError
from workbench.data import division, speech_names
from workbench.data.archive import Archive
from workbench.data.noise import TABLE as NOISES
from workbench.data.noise import read_noises
from workbench.data.sources import PARTS, files, listed, named, part

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from workbench.data.sources import Sources

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
    """One recording: a row of `labels.csv`, or a file whose name says what it is."""

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
    split: str = ""
    """`train`, `validation` or `test` where the table or a folder says so."""
    home: Path = Path()
    """Its folder, relative to the data; absolute where several data sets are joined."""

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
    """The clips of one folder, or of several joined, that carry a canonical emotion."""

    root: Path
    """The folder; of several the first with noises, else the first."""
    clips: tuple[Clip, ...]
    dropped: Mapping[str, int]
    """Rows left out because their label has no canonical name, by label."""
    ignored: Mapping[str, int] = field(default_factory=dict)
    """Files left out for another reason (`song`, `second copy`, `not in labels.csv` ...), by reason."""

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets, sorted."""
        return tuple(sorted({clip.dataset for clip in self.clips}))

    def only(self, speakers: Collection[str]) -> SpeechFolder:
        """The clips of these speakers."""
        return replace(self, clips=tuple(c for c in self.clips if c.speaker in speakers))

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


def _split(named: str) -> str:
    return division.TEST if named == "private" else named


def _from_table(root: Path) -> tuple[list[Clip], Mapping[str, int]]:
    clips: list[Clip] = []
    for row in _rows(root / LABELS):
        label = row["emotion"].strip().lower()
        clips.append(
            Clip(
                dataset=row["dataset"], file=row["file"], speaker=row["speaker"], label=label,
                emotion=canonical(label) or "", gender=row.get("gender", ""), language=row.get("language", ""),
                duration=_seconds(row.get("duration_s", "")),
                split=_split(PARTS.get(row.get("split", "").strip().lower(), "")),
            )
        )  # fmt: skip
    told = [clip.file for clip in clips]
    with suppress(MediaError):  # without noises, or with a table of them that only who asks for noise may refuse
        told += [noise.file for noise in read_noises(root, human=True)]
    # A table may name a file by its whole path, or by way of another folder.
    home = Path.cwd() / root
    found = {os.path.normpath(home / file) for file in files(root, speech_names.SUFFIXES)}
    return clips, {f"not in {LABELS}": len(found - {os.path.normpath(home / file) for file in told})}


def _from_names(root: Path) -> tuple[list[Clip], Mapping[str, int]]:
    scanned, ignored = speech_names.scan(root)
    if not scanned:
        count = sum(ignored.values())
        raise MediaError(
            f"{root / LABELS}: cannot be read (no such file), and none of {count} sound files below {root} has a "
            f"known name; looked for {LABELS} with {', '.join(REQUIRED)}, and names of {speech_names.LOOKED_FOR}"
        )
    clips = [
        Clip(
            dataset=said.dataset, file=str(path), speaker=said.speaker, emotion=canonical(said.label) or "",
            label=said.label, gender=said.gender, language=said.language, split=_split(part(path)),
        )
        for path, said in scanned
    ]  # fmt: skip
    return clips, ignored


def _found(roots: Sequence[Path]) -> tuple[list[Clip], dict[str, int]]:
    """Every clip, those without a canonical emotion too, and what was ignored."""
    every: list[Clip] = []
    ignored: Counter[str] = Counter()
    seen: set[tuple[str, str, str]] = set()
    for root in roots:
        clips, without = _from_table(root) if (root / LABELS).exists() else _from_names(root)
        ignored.update(without)
        if len(roots) > 1:
            own = {clip: (clip.dataset, clip.speaker, PurePosixPath(clip.file).stem.lower()) for clip in clips}
            ignored.update({"second copy": sum(key in seen for key in own.values())})
            clips = [replace(clip, home=root.resolve()) for clip in clips if own[clip] not in seen]
            seen.update(own.values())
        every += clips
    return every, {reason: count for reason, count in ignored.items() if count}


def read_folder(data: Sources, dataset: str | None = None, speakers: Collection[str] | None = None) -> SpeechFolder:
    """Clips of a folder, or of several joined, optionally of one data set and of some speakers only.

    A folder holds `labels.csv`, or files named as RAVDESS, TESS, SAVEE, EMO-DB or CREMA-D name theirs. Of a clip
    that stands in two of the joined folders the first is kept. Raises MediaError where a table is missing or
    broken, no name is known, nothing is left, or one of the speakers is not there.
    """
    roots = listed(data)
    every, ignored = _found(roots)
    where = named(data)
    names = {clip.dataset for clip in every}
    if dataset is not None and dataset not in names:
        raise MediaError(f"{where}: no data set {dataset!r}; there are {', '.join(sorted(names)) or 'none'}")
    chosen = [c for c in every if dataset in (None, c.dataset) and (speakers is None or c.speaker in speakers)]
    clips = tuple(clip for clip in chosen if clip.emotion)
    if not clips:
        raise MediaError(f"{where}: no row with a known emotion is left of {len(every)}; check the filters")
    strange = sorted(set(speakers or ()) - {clip.speaker for clip in chosen})
    if strange:
        raise MediaError(f"{where}: no row of speaker {', '.join(strange)}; check the filters")
    root = next((root for root in roots if (root / NOISES).exists()), roots[0])
    return SpeechFolder(root, clips, dict(Counter(c.label for c in chosen if not c.emotion)), ignored)


def held_out(clip: Clip) -> bool:
    """Whether this clip's speaker belongs to the validation or the test part."""
    parts = (*TEST_SPEAKERS.get(clip.dataset, ()), *VALIDATION_SPEAKERS.get(clip.dataset, ()))
    return clip.speaker in parts


def parts(clips: Sequence[Clip], *, seed: int = 0) -> tuple[str, ...]:
    """`train`, `validation` or `test` of each clip: whole speakers.

    What the table or a folder says comes first, then the speakers named above; of other data sets with three
    speakers or more a fifth is drawn to test and a tenth to validate, by `seed`.
    """
    out = [clip.split for clip in clips]
    for dataset in sorted({clip.dataset for clip in clips}):
        rows = [i for i, clip in enumerate(clips) if clip.dataset == dataset and not clip.split]
        test, validation = TEST_SPEAKERS.get(dataset, ()), VALIDATION_SPEAKERS.get(dataset, ())
        drawn = division.parts([clips[i].speaker for i in rows], seed=seed)
        for i, by_lot in zip(rows, drawn, strict=True):
            fixed = "test" if clips[i].speaker in test else "validation" if clips[i].speaker in validation else "train"
            out[i] = fixed if test or validation else str(by_lot)
    return tuple(out)


def decode(data: Sources, clips: Sequence[Clip]) -> Iterator[tuple[Clip, NDArray[np.float32]]]:
    """Each clip with its samples (float32, 16 kHz mono), in the order given; one archive is open at a time.

    `data` is what the clips were read from.
    """
    root = listed(data)[0]
    for (home, dataset), group in groupby(clips, key=lambda clip: (clip.home, clip.dataset)):
        with Archive(root / home, dataset) as archive:
            for clip in group:
                yield clip, archive.read(clip.file)
