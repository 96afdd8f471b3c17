"""Plays faces composed into scenes to the whole vision pipeline, and compares it with the direct crop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from emoedge.config.vision import VisionConfig
from emoedge.emotions import CANONICAL
from emoedge.messages import Frame
from emoedge.vision.crop import FaceFrontEnd
from emoedge.vision.eye import Vision
from emoedge.vision.haar import HaarDetector
from workbench import face_evaluation, scenes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from emoedge.inference.model import Model

FRAMES = 6
"""Pictures of each film: one to find the face, one to confirm it, the others to follow it."""

SAME = 0.25
"""Overlap above which a followed box is the face that was drawn."""

SMALLEST_SCORE = 1e-4
"""Probability below which a label counts as this in the mean of logarithms."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the pipeline made of N faces of one size."""

    found: NDArray[np.bool_]
    """N: followed in at least one frame."""
    judged: NDArray[np.bool_]
    """N: given scores in at least one frame; the others were too small, dark or blurred."""
    last: NDArray[np.float64]
    """N x 7, canonical scores of the last look; zeros where there is none."""
    mean: NDArray[np.float64]
    """N x 7, normalised geometric mean over the looks; zeros where there is none."""
    others: int
    """Boxes, over all frames, that are not the face."""


def play(
    model: Model, images: NDArray[np.uint8], *, size: float, seed: int = 0, frames: int = FRAMES,
    config: VisionConfig | None = None,
) -> Seen:  # fmt: skip
    """Show each picture (uint8, N x H x H gray) as a film of its own, its face `size` pixels wide.

    The films of a face are the same whatever else is played: its row, the size and `seed` draw them.
    """
    config = config or VisionConfig()
    front_end, detector = FaceFrontEnd(model.info.front_end), HaarDetector()
    count = len(images)
    found, judged = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    last, mean = np.zeros((count, len(CANONICAL))), np.zeros((count, len(CANONICAL)))
    others = 0
    for row, image in enumerate(images):
        generator = np.random.default_rng([seed, round(size), row])
        vision = Vision(config, detector, front_end, model)
        logs = []
        film = scenes.frames(
            scenes.head(image, generator), size=size, count=frames, rate=config.rate or 5.0,
            camera=scenes.some_camera(generator), generator=generator,
        )  # fmt: skip
        for index, (at, picture, face) in enumerate(film):
            bgr = np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
            told = vision.look(Frame(bgr, at, index)).faces
            ours = [each for each in told if each.box.overlap(face) > SAME]
            others += len(told) - len(ours)
            found[row] |= bool(ours)
            if ours and ours[0].scores is not None:
                judged[row] = True
                last[row] = ours[0].scores.values
                logs.append(np.log(np.maximum(last[row], SMALLEST_SCORE)))
        if logs:
            powers = np.exp(np.mean(logs, axis=0))
            mean[row] = powers / powers.sum()
    return Seen(found, judged, last, mean, others)


def measure(
    model: Model, images: NDArray[np.uint8], truth: NDArray[np.int64], sizes: Sequence[float], *, seed: int = 0,
    frames: int = FRAMES,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """A row of figures for each size as it is done; `truth` is the index into CANONICAL of each picture, N."""
    direct = face_evaluation.scores(model, images).argmax(axis=1) == truth
    for size in sizes:
        yield figures(play(model, images, size=size, seed=seed, frames=frames), direct, truth, size, frames)


def figures(
    seen: Seen, direct: NDArray[np.bool_], truth: NDArray[np.int64], size: float, frames: int
) -> dict[str, Any]:
    """Shares 0..1. `loss` is direct minus pipeline over the faces judged, `error` its standard error (paired)."""
    rows = seen.judged
    count = int(rows.sum())
    one, several = ((s[rows].argmax(axis=1) == truth[rows]).astype(float) for s in (seen.last, seen.mean))
    lost = direct[rows].astype(float) - one
    told = {
        "accuracy": one, "accuracy_over_frames": several, "direct": direct[rows].astype(float), "loss": lost,
    }  # fmt: skip
    return {
        "size": size, "faces": len(truth), "found": _rounded(seen.found.mean()), "judged": _rounded(rows.mean()),
        **{name: _rounded(values.mean()) if count else None for name, values in told.items()},
        "error": _rounded(lost.std(ddof=1) / np.sqrt(count)) if count > 1 else None,
        "direct_of_all": _rounded(direct.mean()),
        "other_boxes_a_frame": _rounded(seen.others / (len(truth) * frames)),
    }  # fmt: skip


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), 5)


HEAD = """\
| face, px | found | judged | accuracy, one look | over all looks | direct crop, same faces | loss, points |
|---:|---:|---:|---:|---:|---:|---:|"""
"""First lines of the table whose others `line` makes."""


def line(row: Mapping[str, Any]) -> str:
    """A row of figures as one of a Markdown table."""
    cells = [f"{100 * row[key]:.1f} %" for key in ("found", "judged")]
    keys = ("accuracy", "accuracy_over_frames", "direct")
    cells += ["-" if row[key] is None else f"{100 * row[key]:.1f} %" for key in keys]
    error = row["error"]
    cells.append("-" if error is None else f"{100 * row['loss']:+.1f} ± {100 * error:.1f}")
    return f"| {row['size']:g} | {' | '.join(cells)} |"


def draw(rows: Sequence[Mapping[str, Any]], path: Path, *, title: str) -> None:
    """Draw share found and both accuracies over the size of the face."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(5.8, 3.8), dpi=90)
    rows = sorted(rows, key=lambda row: float(row["size"]))
    sizes = [row["size"] for row in rows]

    def plot(key: str, style: str, label: str) -> None:
        values = [np.nan if row[key] is None else 100 * row[key] for row in rows]
        axis.plot(sizes, values, style, label=label, markersize=4)

    plot("direct", "k--", "direct crop, the faces judged")
    plot("accuracy", "o-", "whole pipeline, one look")
    plot("accuracy_over_frames", "s:", "whole pipeline, all looks")
    plot("found", "^-", "share found")
    axis.set_xlabel("side of the face in 640 x 480, pixels")
    axis.set_ylabel("%")
    axis.set_ylim(0, 100)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, loc="lower right")
    axis.set_title(title, fontsize=9)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
