"""What the file names of the well-known speech corpora say: corpus, speaker and emotion."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoedge.emotions import canonical
from workbench.data.sources import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path, PurePosixPath

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus"})

LOOKED_FOR = (
    "RAVDESS (03-01-06-01-02-01-12.wav), TESS (OAF_back_angry.wav, or OAF_angry/*.wav), "
    "SAVEE (DC_a01.wav, or DC/a01.wav), EMO-DB (03a01Fa.wav), CREMA-D (1001_DFA_ANG_XX.wav)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What one name says."""

    dataset: str
    speaker: str
    label: str
    """Canonical where there is such a name, else the corpus's own word (`boredom`); `calm` stays `calm`."""
    gender: str
    language: str
    song: bool = False


_RAVDESS = re.compile(r"(\d\d)-(\d\d)-(\d\d)-\d\d-\d\d-\d\d-(\d\d)", re.ASCII)
_RAVDESS_LABELS = {
    "01": "neutral", "02": "calm", "03": "happy", "04": "sad", "05": "angry", "06": "fear", "07": "disgust",
    "08": "surprise",
}  # fmt: skip
_TESS = re.compile(r"(OAF?|YAF)_(?:\w+_)?([a-z]+)", re.IGNORECASE)
_TESS_FOLDER = re.compile(r"(OAF|YAF)_(\w+)", re.IGNORECASE)
_SAVEE = re.compile(r"(?:(DC|JE|JK|KL)_)?(sa|su|[adfhn])\d\d")
_SAVEE_SPEAKERS = frozenset({"DC", "JE", "JK", "KL"})
_SAVEE_LABELS = {
    "a": "angry", "d": "disgust", "f": "fear", "h": "happy", "n": "neutral", "sa": "sad", "su": "surprise",
}  # fmt: skip
_EMODB = re.compile(r"(\d\d)[ab]\d\d([WLEAFTN])[a-z]?", re.ASCII)
_EMODB_LABELS = {
    "W": "angry", "L": "boredom", "E": "disgust", "A": "fear", "F": "happy", "T": "sad", "N": "neutral",
}  # fmt: skip
_EMODB_MEN = frozenset({"03", "10", "11", "12", "15"})
_CREMA = re.compile(r"(1\d\d\d)_[A-Z]{3}_(ANG|DIS|FEA|HAP|NEU|SAD)_(?:LO|MD|HI|XX?)", re.ASCII)
_CREMA_LABELS = {
    "ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad",
}  # fmt: skip


def _ravdess(path: PurePosixPath) -> Named | None:
    match = _RAVDESS.fullmatch(path.stem)
    if match is None or match[3] not in _RAVDESS_LABELS or match[2] not in ("01", "02"):
        return None
    return Named(
        dataset="ravdess", speaker=f"Actor_{match[4]}", label=_RAVDESS_LABELS[match[3]], language="en",
        gender="male" if int(match[4]) % 2 else "female", song=match[2] == "02",
    )  # fmt: skip


def _tess(path: PurePosixPath) -> Named | None:
    match = _TESS.fullmatch(path.stem)
    label = canonical(match[2]) if match else None
    if match is None or label is None:
        match = _TESS_FOLDER.fullmatch(path.parent.name)
        label = canonical(match[2]) if match else None
    if match is None or label is None:
        return None
    # One file of the original set is called OA_bite_neutral.wav.
    speaker = "OAF" if match[1].upper().startswith("OA") else "YAF"
    return Named(dataset="tess", speaker=speaker, label=label, gender="female", language="en")


def _savee(path: PurePosixPath) -> Named | None:
    match = _SAVEE.fullmatch(path.stem)
    speaker = match[1] or path.parent.name if match else ""
    if match is None or speaker not in _SAVEE_SPEAKERS:
        return None
    return Named(dataset="savee", speaker=speaker, label=_SAVEE_LABELS[match[2]], gender="male", language="en")


def _emodb(path: PurePosixPath) -> Named | None:
    match = _EMODB.fullmatch(path.stem)
    if match is None:
        return None
    gender = "male" if match[1] in _EMODB_MEN else "female"
    return Named(dataset="emodb", speaker=match[1], label=_EMODB_LABELS[match[2]], gender=gender, language="de")


def _crema(path: PurePosixPath) -> Named | None:
    match = _CREMA.fullmatch(path.stem)
    if match is None:
        return None
    return Named(dataset="crema-d", speaker=match[1], label=_CREMA_LABELS[match[2]], gender="", language="en")


CORPORA: Mapping[str, Callable[[PurePosixPath], Named | None]] = {
    "ravdess": _ravdess, "tess": _tess, "savee": _savee, "emodb": _emodb, "crema-d": _crema,
}  # fmt: skip
"""By the name that its clips get as data set."""


def named(path: PurePosixPath) -> Named | None:
    """What the name of a sound file (relative to the data) says, or None where no corpus names its files so."""
    for reader in CORPORA.values():
        found = reader(path)
        if found is not None:
            return found
    return None


def scan(root: Path) -> tuple[list[tuple[PurePosixPath, Named]], dict[str, int]]:
    """Sound files below `root` whose names say something, and how many were left out, by reason.

    Left out are songs, files with another name, and a second copy of a clip: some downloads hold a corpus twice.
    """
    kept: list[tuple[PurePosixPath, Named]] = []
    ignored: Counter[str] = Counter()
    seen: set[tuple[str, str, str, str]] = set()
    for path in files(root, SUFFIXES):
        found = named(path)
        if found is None:
            ignored["unknown name"] += 1
            continue
        key = (found.dataset, found.speaker, found.label, path.stem.lower())
        if found.song:
            ignored["song"] += 1
        elif key in seen:
            ignored["second copy"] += 1
        else:
            seen.add(key)
            kept.append((path, found))
    return kept, dict(ignored)
