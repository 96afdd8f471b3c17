"""Casts for the hard clips from a pack of face pictures: each gets a drawn head, as a detector wants one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from workbench.clips import Sitter
from workbench.scenes import head

if TYPE_CHECKING:
    from pathlib import Path

CAST = 4
"""People in a cast: as many as the fullest clip shows."""

UPSCALE = 3
"""The pack's pictures are 48 px wide, faces in the clips up to 210: enlarging them smoothly first hides the pixels."""

MEASURED = 1
"""The split whose faces are shown: no model was trained on it."""


def cast(pack: Path, number: int) -> tuple[Sitter, ...]:
    """The cast of that number; the same for the same pack."""
    chance = np.random.default_rng(number)
    with np.load(pack, allow_pickle=False) as held:
        faces = held["images"][held["split"] == MEASURED]
    chosen = faces[chance.choice(len(faces), CAST, replace=False)]
    sitters = []
    for face in chosen:
        side = UPSCALE * face.shape[0]
        drawn = head(np.asarray(cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8), chance)
        colour = np.asarray(cv2.cvtColor(drawn.picture, cv2.COLOR_GRAY2BGR), np.uint8)
        sitters.append(Sitter(colour, drawn.opaque, drawn.face))
    return tuple(sitters)
