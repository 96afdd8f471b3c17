"""What a face model says where there is nothing to see: mean predictions, and how often it would name an emotion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.config.vision import VisionConfig
from emoedge.emotions import CANONICAL, NEUTRAL
from emoedge.messages import Box
from emoedge.vision.crop import FaceFrontEnd
from emoedge.vision.quality import quality, thumbnail
from workbench import no_faces

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from emoedge.inference.model import Model

    Gray = NDArray[np.uint8]

WIDTH = 96.0
"""Pixels: width that every crop is said to have in its picture, so that size alone refuses none."""


def cases(count: int, seed: int, faces: NDArray[np.uint8]) -> Iterator[tuple[str, list[Gray]]]:
    """`count` crops of each kind; those made of faces from `faces` (N x H x H gray), as many as there are."""
    for name, draw in no_faces.CASES.items():
        yield name, [draw(np.random.default_rng([seed, row])) for row in range(count)]
    for name, spoil in no_faces.SPOILT.items():
        yield name, [spoil(face) for face in faces[:count]]


def measure(model: Model, crops: Sequence[Gray], config: VisionConfig | None = None) -> dict[str, Any]:
    """Figures over crops of one kind, judged as the daemon judges a face that was framed so.

    `refused`: share that is not classified for its quality. `named`: share that would be named an emotion other
    than neutral, sure enough for the model's `abstain_below`. `worst`: the surest such emotion, whether or not it
    is sure enough. `mean`: mean prediction over what is classified, by label.
    """
    front_end = FaceFrontEnd(model.info.front_end)
    config = config or VisionConfig()
    reasons: dict[str, int] = {}
    scores = []
    for crop in crops:
        side = float(crop.shape[0])
        reason = quality(thumbnail(crop, Box(0, 0, side, side)), WIDTH, config).reason
        if reason is None:
            scores.append(model.classify_batch(front_end.prepare(crop)[np.newaxis])[0].values)
        else:
            reasons[reason.value] = reasons.get(reason.value, 0) + 1
    table = np.array(scores).reshape(-1, len(CANONICAL))
    said, sure = table.argmax(axis=1), table.max(axis=1, initial=0.0)
    emotional = said != NEUTRAL
    least = model.info.abstain_below
    worst = int(np.where(emotional, sure, 0).argmax()) if emotional.any() else None
    return {
        "crops": len(crops), "refused": round(1 - len(table) / len(crops), 4), "reasons": reasons,
        "named": round(float((emotional & (sure >= least)).sum()) / len(crops), 4),
        "named_neutral": round(float((~emotional & (sure >= least)).sum()) / len(crops), 4),
        "worst": None if worst is None else {"label": CANONICAL[said[worst]], "confidence": round(sure[worst], 4)},
        "mean": {} if not len(table) else _by_label(table.mean(axis=0)),
    }  # fmt: skip


def _by_label(values: NDArray[np.float64]) -> dict[str, float]:
    return {label: round(float(value), 4) for label, value in zip(CANONICAL, values, strict=True)}


def page(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures as a Markdown table."""
    head = ["kind", "crops", "refused", "named an emotion", "named neutral", "surest emotion", *CANONICAL]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for kind, row in rows.items():
        worst = "-" if row["worst"] is None else f"{row['worst']['label']} {row['worst']['confidence']:.2f}"
        shares = [f"{100 * row[key]:.1f} %" for key in ("refused", "named", "named_neutral")]
        mean = [f"{row['mean'][label]:.2f}" if row["mean"] else "-" for label in CANONICAL]
        lines.append(f"| {' | '.join([kind, str(row['crops']), *shares, worst, *mean])} |")
    return "\n".join(lines)
