"""Face packs: pictures with labels, and votes where there are some, cleaned and split for training."""

from __future__ import annotations

import zipfile
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.npyio import NpzFile

from emoedge.emotions import CANONICAL
from emoedge.errors import MediaError
from workbench.data import division, face_files
from workbench.data.sources import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from workbench.data.face_files import FaceFiles
    from workbench.data.sources import Sources

SIDE = 48
TRAINING, REPORTED, KEPT = 0, 1, 2
DRAWN = 0.2
"""Share of the subjects (or pictures) that is reported on where the files name no parts."""

VOTE_COLUMNS = (
    "neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt", "unknown", "not_a_face",
)  # fmt: skip
"""FERPlus's order of the vote columns (Barsoum et al. 2016), by our names."""

VOTE_CLASSES = (*CANONICAL, "contempt")
"""What the votes head learns: contempt has votes of its own and would otherwise pull at angry and neutral."""

_VOTE_ORDER = [VOTE_COLUMNS.index(name) for name in VOTE_CLASSES]
_KEYS = ("images", "labels", "split")


@dataclass(frozen=True, slots=True, eq=False)
class FacePack:
    """Rows of one face data set. FER2013's own label order is the canonical one."""

    images: NDArray[np.uint8]
    """Gray, N x 48 x 48."""
    labels: NDArray[np.int64]
    """Index into CANONICAL, N."""
    split: NDArray[np.int64]
    """0 to train on, 1 to report on, 2 kept apart from both (a second test, or a validation beside a test); N."""
    votes: NDArray[np.float32] | None
    """Crowd votes, N x 10 in the order of VOTE_COLUMNS; None where the set has none."""
    clean: NDArray[np.bool_]
    """False for what is no face, or stands in the set with contradicting labels; N."""
    first: NDArray[np.int64]
    """Index of the first row with the same pixels (its own where it is the only one); N."""
    subjects: NDArray[np.str_]
    """Who it is, as `jaffe/KA`; empty where unknown; N."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Pictures left out: by their label where it has no canonical name, or as lying beside a CSV."""
    portraits: int = 0
    """Pictures that were looked through for a face."""
    uncropped: int = 0
    """Those of them without one: kept whole."""

    def __len__(self) -> int:
        return len(self.labels)


def load(data: Sources) -> FacePack:
    """Read one data set, or join several: `.npz` packs, FER2013's CSV, folders of pictures.

    Raises ValueError where a pack lacks keys or its shapes do not fit, MediaError where other files cannot be read.
    """
    read = [_read(path) for path in listed(data)]
    return read[0][0] if len(read) == 1 else _joined(read)


def _read(path: Path) -> tuple[FacePack, bool]:
    """The pack, and whether its split was drawn."""
    if path.is_dir() or path.suffix.lower() == ".csv":
        found = face_files.read(path)
        return _pack(found), not (found.parts != "").any()
    if not path.exists():
        raise MediaError(f"{path}: no such file or folder")
    return _archive(path), False


def _pack(found: FaceFiles) -> FacePack:
    first = _first_rows(found.images)
    if (found.parts != "").any():
        split = np.where(np.isin(found.parts, ["", "train"]), TRAINING, KEPT)
        split[found.parts == ("test" if "test" in found.parts else "validation")] = REPORTED
    else:
        split = _drawn(first, found.subjects)
    pixels = found.images.reshape(len(first), -1)
    labels = {(f, label) for f, label in zip(first.tolist(), found.labels.tolist(), strict=True)}
    contradicted = [f for f, count in Counter(f for f, _ in labels).items() if count > 1]
    return FacePack(
        images=found.images, labels=found.labels, split=split.astype(np.int64), votes=None,
        clean=(pixels.min(axis=1) < pixels.max(axis=1)) & ~np.isin(first, contradicted),
        first=first, subjects=found.subjects,
        dropped=found.dropped, portraits=found.portraits, uncropped=found.uncropped,
    )  # fmt: skip


def _drawn(first: NDArray[np.int64], subjects: NDArray[np.str_]) -> NDArray[np.int64]:
    """A split by subject; twins stay on one side too."""
    held = division.held(division.merged(first, subjects), share=DRAWN, seed=0)
    return np.where(held, REPORTED, TRAINING).astype(np.int64)


def _joined(read: Sequence[tuple[FacePack, bool]]) -> FacePack:
    """All rows, one pack after the other; rows without votes have none where others do."""
    packs = [pack for pack, _ in read]
    images = np.concatenate([pack.images for pack in packs])
    first = _first_rows(images)
    split = np.concatenate([pack.split for pack in packs])
    subjects = np.concatenate([pack.subjects for pack in packs])
    # A subject may stand in two of the sets: what was drawn is drawn anew, together.
    rows = np.repeat([drawn for _, drawn in read], [len(pack) for pack in packs])
    split[rows] = _drawn(first[rows], subjects[rows])
    votes = None
    if any(pack.votes is not None for pack in packs):
        none = (np.zeros((len(p), len(VOTE_COLUMNS)), dtype=np.float32) for p in packs)
        votes = np.concatenate([n if p.votes is None else p.votes for p, n in zip(packs, none, strict=True)])
    return FacePack(
        images=images,
        labels=np.concatenate([pack.labels for pack in packs]),
        split=split, votes=votes,
        clean=np.concatenate([pack.clean for pack in packs]),
        first=first, subjects=subjects,
        dropped=dict(sum((Counter(pack.dropped) for pack in packs), Counter())),
        portraits=sum(pack.portraits for pack in packs),
        uncropped=sum(pack.uncropped for pack in packs),
    )  # fmt: skip


def _archive(path: Path) -> FacePack:
    with _opened(path) as archive:
        missing = [key for key in _KEYS if key not in archive.files]
        if missing:
            raise ValueError(f"{path}: no {', '.join(missing)} in the pack")
        images = archive["images"]
        count = len(images) if images.ndim else 0
        if images.dtype != np.uint8 or images.shape != (count, SIDE, SIDE):
            raise ValueError(f"{path}: images must be uint8 N x {SIDE} x {SIDE}, not {images.dtype} {images.shape}")
        present = set(archive.files)
        read = {
            key: archive[key]
            for key in (*_KEYS[1:], "ferplus_votes", "exact_pixels", "label_ambiguous", "dup_of")
            if key in present
        }
    for key, values in read.items():
        expected = (count, len(VOTE_COLUMNS)) if key == "ferplus_votes" else (count,)
        if values.ndim and len(values) != count:
            raise ValueError(f"{path}: {key} has {len(values)} rows for {count} images")
        if values.shape != expected or values.dtype.kind not in "biuf":
            wanted = " x ".join(map(str, expected))
            raise ValueError(f"{path}: {key} must be numbers, {wanted}, not {values.dtype} {values.shape}")
    labels = read["labels"].astype(np.int64)
    if count and not 0 <= labels.min() <= labels.max() < len(CANONICAL):
        raise ValueError(f"{path}: labels must be 0..{len(CANONICAL) - 1}")
    clean = np.ones(count, dtype=bool)
    if "exact_pixels" in read:
        clean &= read["exact_pixels"].astype(bool)
    if "label_ambiguous" in read:
        clean &= ~read["label_ambiguous"].astype(bool)
    votes = read.get("ferplus_votes")
    return FacePack(
        images=images,
        labels=labels,
        split=read["split"].astype(np.int64),
        votes=None if votes is None else votes.astype(np.float32),
        clean=clean,
        first=read["dup_of"].astype(np.int64) if "dup_of" in read else _first_rows(images),
        subjects=np.full(count, "", dtype="<U1"),
    )


def _opened(path: Path) -> NpzFile:
    try:
        archive = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: no .npz pack, or a truncated one") from error
    if not isinstance(archive, NpzFile):
        # The file's content, not an argument's type, is wrong.
        raise ValueError(f"{path}: one array; a pack is an .npz with {', '.join(_KEYS)}")  # noqa: TRY004
    return archive


def _first_rows(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(image.tobytes(), i) for i, image in enumerate(images)], dtype=np.int64)


def training_rows(pack: FacePack) -> NDArray[np.int64]:
    """Rows to learn from: split 0, clean, and no pixel twin among the reported rows."""
    twins = np.isin(pack.first, np.unique(pack.first[pack.split != TRAINING]))
    return np.flatnonzero((pack.split == TRAINING) & pack.clean & ~twins)


def twinless(pack: FacePack, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the rows whose pixels stand in no row of the training split."""
    return rows[~np.isin(pack.first[rows], np.unique(pack.first[pack.split == TRAINING]))]


def hold_out(
    pack: FacePack, rows: NDArray[np.int64], *, share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide rows into (learned from, held out); twins stay on one side, and so do the pictures of a subject."""
    group = pack.first if not (pack.subjects != "").any() else division.merged(pack.first, pack.subjects)
    groups = np.unique(group[rows])
    count = max(round(share * len(groups)), min(1, len(groups) - 1))
    chosen = np.random.default_rng(seed).permutation(groups)[:count]
    held = np.isin(group[rows], chosen)
    return rows[~held], rows[held]


def vote_targets(votes: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Soft targets (N x 8, order VOTE_CLASSES) and their weights (N: 0 where nobody voted for one of them).

    A lone vote counts as a slip where another class has more, as in Barsoum et al. 2016; the weight is the
    share of the ten voters that is left, so that faces the crowd could not read teach less.
    """
    kept = votes[:, _VOTE_ORDER].copy()
    kept[(kept == 1) & (kept.max(axis=1, keepdims=True) > 1)] = 0
    total = kept.sum(axis=1)
    cast = np.maximum(votes.sum(axis=1), 1)
    targets = kept / np.maximum(total, 1)[:, None]
    return targets.astype(np.float32), (total / cast).astype(np.float32)


def majority(votes: NDArray[np.float32]) -> NDArray[np.int64]:
    """Canonical class with the most votes among the seven, -1 where two share the lead or nobody voted; N."""
    seven = votes[:, _VOTE_ORDER[: len(CANONICAL)]]
    top = seven.max(axis=1)
    unique = ((seven == top[:, None]).sum(axis=1) == 1) & (top > 0)
    return np.where(unique, seven.argmax(axis=1), -1).astype(np.int64)
