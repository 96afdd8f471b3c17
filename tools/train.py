"""Train a model: `tools/train.py --system emoedge --modality face --data fer2013.npz --output runs/face`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from workbench.command import check_sense
from workbench.data.balance import METHODS
from workbench.recipes import MODALITIES, SYSTEMS, TrainOptions, balances, recipe

from emoedge.errors import EmoedgeError
from emoedge.messages import Modality


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run the recipe; returns the exit code."""
    parser = argparse.ArgumentParser(description="Train the face or speech model of a system.")
    parser.add_argument(
        "--system", choices=SYSTEMS, default="emoedge", help="whose model (default emoedge)"
    )
    parser.add_argument("--modality", choices=MODALITIES, required=True)
    parser.add_argument("--variant", default="", help="one of the recipe's variants")
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        nargs="+",
        metavar="PATH",
        help="data set in a layout of docs/data.md; may be repeated: several are joined",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="passes over the data; default: the recipe's own"
    )
    parser.add_argument(
        "--split", choices=("author", "honest"), default="", help="of a classic system: as described, or by speaker"
    )
    parser.add_argument(
        "--balance", choices=METHODS, default="none", help="how rare classes are made up for, where the recipe can"
    )
    parser.add_argument(
        "--teacher", type=Path, action="append", default=[], metavar="DIR", help="an earlier run to learn from as well"
    )
    parser.add_argument(
        "--start", type=Path, metavar="DIR", help="an earlier run to begin with: its weights, or its front end's net"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="compute threads (default 1)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in DIR")
    given = parser.parse_args(arguments)
    options = TrainOptions(
        system=given.system,
        modality=given.modality,
        variant=given.variant,
        data=tuple(path for group in given.data for path in group),
        output=given.output,
        epochs=given.epochs,
        split=given.split,
        balance=given.balance,
        teachers=tuple(given.teacher),
        start=given.start,
        seed=given.seed,
        threads=given.threads,
        resume=given.resume,
    )
    missing = [str(path) for path in options.data if not path.exists()]
    if missing:
        print(f"no such data: {', '.join(missing)}", file=sys.stderr)
        return 2
    if options.epochs is not None and options.epochs < 1:
        print("--epochs must be at least 1", file=sys.stderr)
        return 2
    try:
        chosen = recipe(options.system, options.modality)
        if options.balance not in ("none", *balances(chosen)):
            ways = ", ".join(("none", *balances(chosen)))
            raise ValueError(f"this recipe cannot balance by {options.balance}; it takes {ways}")  # noqa: TRY301
        if options.split and not getattr(chosen, "SPLITS", False):
            raise ValueError("this recipe divides its data in one way only; --split is for classic systems")  # noqa: TRY301
        if options.teachers and not getattr(chosen, "TEACHERS", False):
            raise ValueError("this recipe learns from no earlier run")  # noqa: TRY301
        if options.start and not getattr(chosen, "STARTS", False):
            raise ValueError("this recipe does not begin with an earlier run")  # noqa: TRY301
        if options.modality in list(Modality):
            check_sense(options.data, Modality(options.modality), "this recipe")
        chosen.train(options)
    except (LookupError, ValueError, OSError, EmoedgeError) as error:
        print(f"cannot train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\ninterrupted; add --resume to go on from {options.output}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
