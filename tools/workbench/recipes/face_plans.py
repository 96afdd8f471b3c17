"""What the variants of the face recipe are: which network, how long and how fast it learns, from what and from whom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.data import faces
from workbench.face_views import FIELD

if TYPE_CHECKING:
    from collections.abc import Mapping

WARM = 2.0
"""Epochs, at most, in which a cycle's rate rises."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cosine from the peak rate to nothing."""

    epochs: int
    small: float
    """Share of the epochs, at the beginning, on smaller pictures: two thirds of the time each, or less."""
    cut: float
    """Share of the batches that are cut and mixed; a third as many are faded into each other."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A variant of the recipe."""

    stages: tuple[tuple[int, int], ...]
    cycles: tuple[Cycle, ...]
    peak: float = 0.1
    """Largest learning rate."""
    taught: float = 0.6
    """Share of the teachers in the targets, where there are teachers."""
    rare: int = 1
    """How often an epoch shows the faces of a class with less than RARE of the rows."""
    field: int = FIELD
    """Side of what the views show of the 48 px picture."""
    looks: float = 0.0
    """Share of the pictures shown as the daemon's eye cut them out of a film."""
    kept: float = 0.0
    """Share of the weights it began with in those that are written (Wortsman et al. 2022, arXiv:2109.01903)."""
    glance: int | None = None
    """Side of the picture that a file looks at once, scaled from all of a face, and of views; None: SIDES, mirrored."""
    asks: bool = False
    """Whether teachers of another kind are asked about each view, not only for their OPINIONS of pictures."""
    dropout: float = 0.2
    small_side: int = 36
    """Side of the views in the first epochs of a cycle."""
    equivariant: bool = False
    """Whether the network is its own mirror image."""
    lessons: int = 0
    """How many views of each picture are made and shown to the teachers beforehand, to learn from in turn; 0: none."""


# The first cycle gives a model that can be used after half an hour; the second starts warm from it.
PLANS: Mapping[str, Plan] = {
    "wide": Plan(((24, 1), (48, 2), (112, 2), (160, 3)), (Cycle(18, 0.5, 0.2), Cycle(80, 0.55, 0.3))),
    # For networks that have teachers: as many weights as a file of one megabyte holds.
    "broad": Plan(((32, 1), (48, 2), (112, 2), (176, 3)), (Cycle(64, 0.55, 0.25),)),
    # Goes on from a trained network (--start), at a rate that refines it.
    "refine": Plan(((32, 1), (48, 2), (112, 2), (176, 3)), (Cycle(20, 0.0, 0.25),), peak=0.05, rare=3),
    # Goes on from `wide` on whole pictures, half of them as a camera and a detector leave them.
    "settle": Plan(((24, 1), (48, 2), (112, 2), (160, 3)), (Cycle(16, 0.0, 0.25),), peak=0.03, field=faces.SIDE,
                   looks=0.5, kept=0.3),
    # What a settled network (--start and --teacher) says of a face and its mirror image, said at one look.
    "glance": Plan(((24, 1), (48, 2), (112, 2), (160, 3)), (Cycle(12, 0.0, 0.5),), peak=0.02, taught=0.8, rare=3,
                   field=faces.SIDE, looks=0.5, glance=46, asks=True, dropout=0.1),
    # What a settled network and one of another kind (--teacher) say of a view, said by the first of them (--start).
    "match": Plan(((24, 1), (48, 2), (112, 2), (160, 3)), (Cycle(60, 0.0, 0.25),), peak=0.05, taught=0.9, rare=3,
                  field=faces.SIDE, looks=0.5, asks=True, dropout=0.1, lessons=8),
    # At one look what others say at two: its own mirror image, learned from pictures and films at once.
    "even": Plan(((24, 1), (48, 2), (104, 2), (160, 3)), (Cycle(60, 0.5, 0.3),), rare=2, field=faces.SIDE,
                 looks=0.4, glance=faces.SIDE, small_side=32, equivariant=True),
    "small": Plan(((24, 1), (48, 2), (96, 2), (144, 3)), (Cycle(26, 0.5, 0.2),)),
}


def fall(epoch: float, epochs: int) -> float:
    """Share of a cycle's largest rate: a short rise, then a cosine."""
    warm = min(WARM, epochs / 4)
    if epoch < warm:
        return (epoch + 0.05) / (warm + 0.05)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (epoch - warm) / (epochs - warm))))
