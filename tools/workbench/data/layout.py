"""Which of the two senses a data set is for, told from what lies in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emoedge.errors import MediaError
from emoedge.messages import Modality
from workbench.data import face_names, fer_csv, speech_names
from workbench.data.sources import listed

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.data.sources import Sources

TABLE = "labels.csv"


def modality(data: Sources) -> Modality:
    """Sense of a data set, or of several of the same sense. Raises MediaError, saying what was looked for."""
    found = {path: _of(path) for path in listed(data)}
    if len(set(found.values())) > 1:
        said = ", ".join(f"{path} is {sense} data" for path, sense in found.items())
        raise MediaError(f"these cannot be joined: {said}")
    return next(iter(found.values()))


def _of(path: Path) -> Modality:
    if not path.exists():
        raise MediaError(f"{path}: no such file or folder")
    if path.is_file():
        if path.suffix.lower() in (".npz", ".csv"):
            return Modality.FACE
        raise MediaError(f"{path}: neither a folder, nor a .npz pack, nor {fer_csv.LOOKED_FOR}")
    if (path / TABLE).exists():
        return Modality.SPEECH
    if fer_csv.find(path) is not None:
        return Modality.FACE
    faces, clips = len(face_names.scan(path)[0]), len(speech_names.scan(path)[0])
    if not faces and not clips:
        inside = [found for pattern in ("*.npz", f"*/{TABLE}") for found in sorted(path.glob(pattern))]
        if inside:
            sets = ", ".join(str(found if found.suffix == ".npz" else found.parent) for found in inside)
            raise MediaError(f"{path}: a folder of data sets; name those that are meant: {sets}")
        raise MediaError(
            f"{path}: no known layout. Looked for faces: {fer_csv.LOOKED_FOR}, {face_names.LOOKED_FOR}; "
            f"for speech: {TABLE}, names of {speech_names.LOOKED_FOR}"
        )
    return Modality.FACE if faces > clips else Modality.SPEECH
