"""What a face model says where there is nothing to see: `tools/evaluate_bias.py MODEL --data fer2013.npz --json`.

Crops of one colour, noise, clouds, gradients, patterns and cartoons are drawn by code; with `--data` upside-down
faces, faces of ten pixels and neutral ones are added from the reported split. Every crop passes the daemon's
checks of quality first, as if a detector had framed it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from workbench import bias
from workbench.command import model_file, told
from workbench.data import faces
from workbench.face_evaluation import TARGETS

from emoedge.emotions import NEUTRAL
from emoedge.inference.model import load_model
from emoedge.messages import Modality
from emoedge.threads import bound_threads


def main(arguments: list[str] | None = None) -> int:
    """Parse, measure, print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL", help="a face model's file, or a shipped one's name")
    parser.add_argument("--data", type=Path, metavar="PATH", help="face set in a layout of docs/data.md")
    parser.add_argument("--target", choices=TARGETS, default="ferplus", help="labels that tell which faces are neutral")
    parser.add_argument("--count", type=int, default=300, metavar="N", help="crops of each kind (default 300)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    given = parser.parse_args(arguments)
    bound_threads(1)
    return told(lambda: _run(given))


def _run(given: argparse.Namespace) -> None:
    model = load_model(model_file(given.model), Modality.FACE)
    shown, neutral = np.empty((0, 48, 48), np.uint8), np.empty((0, 48, 48), np.uint8)
    if given.data is not None:
        pack = faces.load(given.data)
        voted = given.target == "ferplus" and pack.votes is not None
        truth = faces.majority(pack.votes) if voted and pack.votes is not None else pack.labels
        shown = pack.images[pack.split == faces.REPORTED]
        neutral = pack.images[(pack.split == faces.REPORTED) & (truth == NEUTRAL)]
    rows = {
        kind: bias.measure(model, crops)
        for kind, crops in (*bias.cases(given.count, given.seed, shown), ("neutral faces", list(neutral)))
        if crops
    }
    print(bias.page(rows))
    if given.json:
        print(json.dumps({"model": given.model.name, "abstain_below": model.info.abstain_below, "kinds": rows}))


if __name__ == "__main__":
    sys.exit(main())
