"""Runs a face model over a face pack through the code that the daemon runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emoedge.emotions import CANONICAL, INDEX
from emoedge.vision.crop import FaceFrontEnd
from workbench.data import faces
from workbench.data.sources import named
from workbench.metrics import Predictions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emoedge.inference.model import Model
    from workbench.data.sources import Sources

TARGETS = ("original", "ferplus")
_BATCH = 64


def evaluate(
    model: Model, data: Sources, *, split: int | None, target: str
) -> tuple[Predictions, NDArray[np.bool_]]:
    """Predictions over a split (None: all rows), and which rows have no pixel twin in the training split.

    `target` is `original` (the labels as they stand) or `ferplus` (rows on which one of the seven emotions has
    more votes than any other; the rest count as unnamed). Raises ValueError where the pack has no such rows or
    no votes.
    """
    pack = faces.load(data)
    rows = np.arange(len(pack)) if split is None else np.flatnonzero(pack.split == split)
    if not len(rows):
        there = ", ".join(str(s) for s in np.unique(pack.split))
        raise ValueError(f"{named(data)}: no rows in split {split}; there are: {there}")
    if target == "ferplus":
        if pack.votes is None:
            raise ValueError(f"{named(data)}: no ferplus_votes in the pack")
        truth = faces.majority(pack.votes[rows])
    else:
        truth = pack.labels[rows]
    known = np.zeros(len(CANONICAL), dtype=bool)
    known[[INDEX[label] for label in model.info.label_map]] = True
    alone = np.isin(rows, faces.twinless(pack, rows))
    return Predictions(scores(model, pack.images[rows]), known, truth), alone


def scores(model: Model, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Canonical probabilities, N x 7, of gray faces, uint8 N x H x W."""
    front_end = FaceFrontEnd(model.info.front_end)
    out = np.empty((len(images), len(CANONICAL)))
    for first in range(0, len(images), _BATCH):
        features = np.stack([front_end.prepare(image) for image in images[first : first + _BATCH]])
        for i, said in enumerate(model.classify_batch(features), first):
            out[i] = said.values
    return out
