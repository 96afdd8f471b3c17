"""What is in a data set: counts, durations, duplicates, leaks between parts, and what balancing would leave."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from emoedge.emotions import CANONICAL
from emoedge.messages import SAMPLE_RATE
from workbench.data import balance, division, faces, speech

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from workbench.data.sources import Sources

PARTS = {faces.TRAINING: "train", faces.REPORTED: "test", faces.KEPT: "kept apart"}
CLASSES = (*CANONICAL, "calm")
FACES_SHOWN, CLIPS_SHOWN = 10, 3
"""Samples kept of each class."""


@dataclass(slots=True, eq=False)
class Contents:
    """Rows of a data set, one entry a row in each list."""

    classes: list[str] = field(default_factory=list)
    """Canonical emotion; calm is kept apart."""
    parts: list[str] = field(default_factory=list)
    who: list[str] = field(default_factory=list)
    """`corpus/speaker` or subject, empty where unknown."""
    digests: list[str] = field(default_factory=list)
    """Hash of the pixels or samples."""
    seconds: list[float] = field(default_factory=list)
    """Of clips; empty for pictures."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Files that were not read as rows, by label or reason."""
    notes: dict[str, int] = field(default_factory=dict)
    """More counts, by what they count."""
    samples: dict[str, list[NDArray[np.generic]]] = field(default_factory=dict)
    """Pictures (48 x 48) or clips (16 kHz) of each class, drawn by the seed."""


def of_faces(data: Sources, *, seed: int = 0) -> Contents:
    """Contents of face sets. Raises MediaError or ValueError as `faces.load` does."""
    pack = faces.load(data)
    found = Contents(
        classes=[CANONICAL[label] for label in pack.labels],
        parts=[PARTS.get(split, f"split {split}") for split in pack.split.tolist()],
        who=pack.subjects.tolist(),
        digests=[_digest(image) for image in pack.images],
        left_out=dict(pack.dropped),
        notes={"not clean (no face, or labels that contradict each other)": int((~pack.clean).sum())},
    )
    if pack.portraits:
        found.notes |= {"looked through for a face": pack.portraits, "no face found, kept whole": pack.uncropped}
    for name, rows in _drawn(found.classes, FACES_SHOWN, seed):
        found.samples[name] = [pack.images[row] for row in rows]
    return found


def of_speech(data: Sources, *, seed: int = 0) -> Contents:
    """Contents of speech sets; every clip is decoded. Raises MediaError where one cannot be."""
    folder = speech.read_folder(data)
    found = Contents(
        classes=[clip.fine for clip in folder.clips],
        parts=list(speech.parts(folder.clips)),
        who=[f"{clip.dataset}/{clip.speaker}" for clip in folder.clips],
        left_out={**folder.dropped, **folder.ignored},
    )
    found.samples = {name: [] for name in present(found.classes)}
    shown = {row: name for name, rows in _drawn(found.classes, CLIPS_SHOWN, seed) for row in rows}
    for row, (_, samples) in enumerate(speech.decode(data, folder.clips)):
        found.digests.append(_digest(samples))
        found.seconds.append(len(samples) / SAMPLE_RATE)
        if row in shown:
            found.samples[shown[row]].append(samples)
        if row % 200 == 0 and sys.stderr.isatty():
            print(f"\r{row}/{len(folder.clips)} clips\x1b[K", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return found


def _digest(values: NDArray[np.generic]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(values).tobytes(), digest_size=16).hexdigest()


def _drawn(classes: Sequence[str], count: int, seed: int) -> Iterator[tuple[str, list[int]]]:
    rng = np.random.default_rng(seed)
    every = np.array(classes)
    for name in present(classes):
        yield name, sorted(rng.permutation(np.flatnonzero(every == name))[:count].tolist())


def present(classes: Sequence[str]) -> list[str]:
    """Classes that occur, in canonical order."""
    there = set(classes)
    return [name for name in CLASSES if name in there]


def counts(groups: Sequence[str], classes: Sequence[str]) -> dict[str, dict[str, int]]:
    """Rows of each class in each group, groups sorted; classes without a row stand as 0."""
    names = present(classes)
    found = Counter(zip(groups, classes, strict=True))
    return {group: {name: found[group, name] for name in names} for group in sorted(set(groups))}


def duplicates(contents: Contents) -> dict[str, int]:
    """Rows whose pixels or samples stand in an earlier row; groups of equal rows, and those with two labels."""
    labels: dict[str, set[str]] = {}
    for digest, name in zip(contents.digests, contents.classes, strict=True):
        labels.setdefault(digest, set()).add(name)
    times = Counter(contents.digests)
    return {
        "rows": len(contents.digests) - len(times),
        "groups": sum(count > 1 for count in times.values()),
        "groups_with_two_labels": sum(len(names) > 1 for names in labels.values()),
    }


def leaks(contents: Contents) -> dict[str, object]:
    """What stands in two parts: equal rows (groups of them, and rows in each part), and people by name."""
    shared = division.leaks(contents.digests, contents.parts)
    rows: dict[str, Counter[str]] = {" and ".join(where): Counter() for where in shared.values()}
    for where in shared.values():
        rows[" and ".join(where)]["groups"] += 1
    for digest, part in zip(contents.digests, contents.parts, strict=True):
        if digest in shared:
            rows[" and ".join(shared[digest])][part] += 1
    people = {name: list(where) for name, where in division.leaks(contents.who, contents.parts).items()}
    return {"equal_rows": {where: dict(own) for where, own in rows.items()}, "people": people}


def durations(contents: Contents) -> dict[str, dict[str, float]]:
    """Seconds of the clips of each class and of all: shortest, median, longest, sum."""
    seconds, names = np.array(contents.seconds), np.array(contents.classes)
    if not len(seconds):
        return {}
    of_class = {name: seconds[names == name] for name in present(contents.classes)}
    return {
        name: {
            "shortest": round(float(own.min()), 2), "median": round(float(np.median(own)), 2),
            "longest": round(float(own.max()), 2), "sum": round(float(own.sum()), 1),
        }
        for name, own in {**of_class, "all": seconds}.items()
    }  # fmt: skip


def balancing(contents: Contents) -> dict[str, object]:
    """Rows of the training part as they are, and after each way to balance them; and the weights of the classes."""
    names = present(contents.classes)
    rows = zip(contents.parts, contents.classes, strict=True)
    labels = np.array([names.index(name) for part, name in rows if part == "train"], dtype=np.int64)
    sizes = {way: len(balance.rows(labels, way, seed=0)) for way in (balance.NONE, balance.UNDER, balance.OVER)}
    weights = balance.class_weights(labels, len(names))
    return {**sizes, "weights": {name: round(float(w), 3) for name, w in zip(names, weights, strict=True)}}


def report(contents: Contents) -> Mapping[str, object]:
    """All of it, ready for JSON."""
    people = [(who, name) for who, name in zip(contents.who, contents.classes, strict=True) if who]
    return {
        "rows": len(contents.classes),
        "parts": counts(contents.parts, contents.classes),
        "people": counts([who for who, _ in people], [name for _, name in people]),
        "left_out": contents.left_out,
        "notes": contents.notes,
        "durations": durations(contents),
        "duplicates": duplicates(contents),
        "leaks": leaks(contents),
        "balance": balancing(contents),
    }
