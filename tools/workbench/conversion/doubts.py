"""What a conversion cannot know and its user should look at: lines of warning, which refuse nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emoedge.emotions import INDEX
from workbench.conversion.parity import TEMPERATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FEWEST = 50
"""Rows below which a fitted temperature is mostly luck."""


NARROW = 0.05
"""Least range in which a model can be expected to have learned: it is 1 or more after any scaling in use."""


def of_scale(span: tuple[float, float], *, factor: float = 1.0, whole: bool = False) -> list[str]:
    """Doubts about a front end that makes values of `span` for a model which scales by `factor`, or cuts to whole."""
    low, high = span
    remedy = "give --front-end scale=1 if it was trained on gray levels of 0 to 255"
    found = []
    if (high - low) * factor < NARROW:
        found.append(
            f"the model scales its input by {factor:.3g} itself, and of {low:g} to {high:g}, which --front-end makes, "
            f"a range of {(high - low) * factor:.2g} is left; {remedy}"
        )
    if whole and high - low < 128:
        found.append(
            f"the model takes whole numbers, and --front-end makes {low:g} to {high:g}, whose fractions are cut off; "
            f"{remedy}"
        )
    return found


def of_temperature(temperature: float, rows: int) -> list[str]:
    """Doubts about a temperature fitted on this many labelled rows."""
    found = []
    if temperature == TEMPERATURES[-1]:
        found.append(f"temperature {temperature:g} is the highest that was tried; check the order of --labels")
    if temperature == TEMPERATURES[0]:
        found.append(f"temperature {temperature:g} is the lowest that was tried: the model is right on nearly all rows")
    if rows < FEWEST:
        found.append(f"the temperature is fitted on {rows} rows, fewer than {FEWEST}; give more, or --temperature")
    if temperature < 1:
        found.append(
            f"temperature {temperature:.3f} makes the model surer than it says; that is right only if the {rows} rows "
            "it is fitted on were held out of training, which cannot be told here; if not, give rows that were, or "
            "--temperature 1"
        )
    return found


def of_accuracy(scores: NDArray[np.float64], targets: NDArray[np.int64], label_map: Sequence[str]) -> list[str]:
    """Doubts about a source that gives rows these canonical scores (n x 7) where they show `targets` (indices).

    Chance is one in as many classes as the rows show; two standard errors more are chance still.
    """
    classes = sorted(set(targets.tolist()) & {INDEX[label] for label in label_map})
    if len(classes) < 2:
        return []
    said = np.array(classes)[scores[:, classes].argmax(axis=1)]
    rows = [targets == c for c in classes]
    recall = float(np.mean([(said[own] == targets[own]).mean() for own in rows]))
    chance = 1 / len(classes)
    error = float(np.sqrt(sum(chance * (1 - chance) / own.sum() for own in rows))) / len(classes)
    if recall > chance + 2 * error:
        return []
    return [
        f"the source's mean recall on {len(targets)} rows is {recall:.3f}, no more than chance; check the scale and "
        "offset of --front-end and the order of --labels"
    ]
