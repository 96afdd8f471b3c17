"""Train the voice gate: `python tools/train_voice.py --data DATA/speech` in the training environment."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from workbench.voice_material import Material
from workbench.voice_training import train

from emoedge.audio.voice_net import read_layers
from emoedge.errors import MediaError

SHIPPED = Path(__file__).resolve().parent.parent / "emoedge" / "audio" / "voice_net.npz"


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and train; returns the exit code."""
    parser = argparse.ArgumentParser(description="Train the net that tells voices from other sounds.")
    parser.add_argument("--data", type=Path, required=True, metavar="PATH", help="folder with labels.csv and noise.csv")
    parser.add_argument("--output", type=Path, default=SHIPPED, metavar="F", help=f"weights (default {SHIPPED})")
    parser.add_argument("--epochs", type=int, default=80, metavar="N", help="passes of 3,200 mixtures (default 80)")
    parser.add_argument("--limit", type=int, default=700, metavar="N", help="clips of each data set (default 700)")
    parser.add_argument("--start", type=Path, metavar="F", help="weights to go on from (default: begin anew)")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="compute threads (default 1)")
    given = parser.parse_args(arguments)
    try:
        start = () if given.start is None else read_layers(given.start)
        material = Material.gather(given.data, limit=given.limit, seed=given.seed)
        train(
            material, given.output, epochs=given.epochs, seed=given.seed, threads=given.threads, start=start
        )  # fmt: skip
    except (MediaError, OSError, KeyError) as error:
        print(f"cannot train: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
