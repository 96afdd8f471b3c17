"""Train the net that refuses what is no upright face: `python tools/train_likeness.py --data fer2013.npz`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from workbench import likeness_training, no_faces
from workbench.data import faces

from emoedge.errors import MediaError
from emoedge.threads import bound_threads

SHIPPED = Path(__file__).resolve().parent.parent / "emoedge" / "vision" / "likeness.npz"
COUNT = 200
"""Crops of each kind that the net is measured on."""


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, train, measure; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="PATH", help="face set; its training split is used")
    parser.add_argument("--output", type=Path, default=SHIPPED, metavar="F", help=f"weights (default {SHIPPED})")
    parser.add_argument("--limit", type=int, default=16000, metavar="N", help="faces to learn from (default 16000)")
    parser.add_argument("--drawn", type=int, default=6000, metavar="N", help="crops of each other kind (default 6000)")
    parser.add_argument("--epochs", type=int, default=40, metavar="N")
    parser.add_argument("--without", choices=no_faces.CASES, action="append", default=[],
                        help="leave a kind out of training, to see how it fares unseen")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    bound_threads(1)
    try:
        pack = faces.load(given.data)
        rows, held = faces.hold_out(pack, faces.training_rows(pack), share=0.05, seed=0)
        rows = np.sort(np.random.default_rng(given.seed).permutation(rows)[: given.limit])
        net = likeness_training.train(
            pack.images[rows], pack.images[held], epochs=given.epochs, seed=given.seed, drawn=given.drawn,
            without=given.without,
        )  # fmt: skip
        likeness_training.write(net, given.output)
    except (MediaError, ValueError, OSError) as error:
        print(f"cannot train: {error}", file=sys.stderr)
        return 2
    reported = pack.images[pack.split == faces.REPORTED]
    shares = {"faces held out": likeness_training.passed(net, pack.images[held])}
    if len(reported):
        shares["faces reported on"] = likeness_training.passed(net, reported)
    generator = np.random.default_rng(given.seed + 1)
    for name, draw in no_faces.CASES.items():
        shares[name] = likeness_training.passed(net, (draw(generator) for _ in range(COUNT)))
    slipped = (likeness_training.beside(face, generator) for face in pack.images[held])
    shares["beside a face"] = likeness_training.passed(net, slipped)
    for name, spoil in no_faces.SPOILT.items():
        shares[name] = likeness_training.passed(net, map(spoil, pack.images[held]))
    print(json.dumps({name: round(share, 4) for name, share in shares.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
