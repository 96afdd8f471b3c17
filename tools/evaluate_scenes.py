"""Measure a face model as the daemon sees: test faces composed into scenes, the whole vision pipeline run on them.

    evaluate_scenes.py models/tflite/face.tflite --data fer2013.npz --target ferplus --curve scenes.png --json

Every face becomes a short film of 640 x 480 with a drawn head, a room, light, noise and JPEG. Told for each size:
the share of faces found, accuracy over those, and that of the direct crop of the same faces.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from workbench import scene_evaluation
from workbench.command import model_file, told
from workbench.data import faces
from workbench.face_evaluation import TARGETS

from emoedge.inference.model import load_model
from emoedge.messages import Modality
from emoedge.threads import bound_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES = "40,48,64,80,96,120,160,200,240"


def main(arguments: list[str] | None = None) -> int:
    """Parse, play, print; returns the exit code."""
    given = _parser().parse_args(arguments)
    bound_threads(1)
    return told(lambda: _run(given))


def _run(given: argparse.Namespace) -> None:
    model = load_model(model_file(given.model), Modality.FACE)
    images, truth = _drawn(given)
    rows = []
    print(scene_evaluation.HEAD, flush=True)
    for row in scene_evaluation.measure(model, images, truth, given.sizes, seed=given.seed, frames=given.frames):
        print(scene_evaluation.line(row), flush=True)
        rows.append(row)
    if given.curve:
        title = f"{given.model.name}, {len(truth)} faces of {given.data.name} (split {given.split}, {given.target})"
        scene_evaluation.draw(rows, given.curve, title=title)
    if given.json:
        print(json.dumps({
            "model": given.model.name, "target": given.target, "split": given.split, "seed": given.seed,
            "frames": given.frames, "sizes": rows,
        }))  # fmt: skip


def _drawn(given: argparse.Namespace) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pictures and truth of the rows asked for, drawn by the seed; raises ValueError where there are none."""
    pack = faces.load(given.data)
    if given.target == "ferplus" and pack.votes is None:
        raise ValueError(f"{given.data}: no ferplus_votes in the pack")
    truth = faces.majority(pack.votes) if given.target == "ferplus" and pack.votes is not None else pack.labels
    rows = np.flatnonzero((pack.split == given.split) & (truth >= 0))
    if not len(rows):
        raise ValueError(f"{given.data}: no row of split {given.split} has a label")
    if 0 < given.faces < len(rows):
        rows = np.sort(np.random.default_rng(given.seed).permutation(rows)[: given.faces])
    return pack.images[rows], truth[rows]


def _sizes(text: str) -> list[float]:
    sizes = [float(part) for part in text.split(",")]
    if not all(8 <= size <= 400 for size in sizes):
        raise argparse.ArgumentTypeError("sizes are pixels from 8 to 400, joined by commas")
    return sizes


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("model", type=Path, metavar="MODEL", help="a face model's file, or a shipped one's name")
    parser.add_argument("--data", type=Path, required=True, metavar="PATH", help="face set in a layout of docs/data.md")
    parser.add_argument("--split", type=int, default=1, metavar="N",
                        help="part of it: 0 training, 1 reported (default 1)")
    parser.add_argument("--target", choices=TARGETS, default="original", help="labels of a face pack")
    parser.add_argument("--sizes", type=_sizes, default=SIZES, metavar="PX,PX,...", help=f"default {SIZES}")
    parser.add_argument("--faces", type=int, default=1000, metavar="N", help="faces drawn, 0 for all (default 1000)")
    parser.add_argument("--frames", type=int, default=scene_evaluation.FRAMES, metavar="N", help="pictures of a film")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--curve", type=Path, metavar="PNG", help="draw accuracy and share found over size")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    return parser


if __name__ == "__main__":
    sys.exit(main())
