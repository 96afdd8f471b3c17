#!/usr/bin/env python3
"""Measures emoedge beside a naive loop and other people's programs, on the same frames in the same run.

Every figure is the median of several runs, each in a process of its own: pinned to one core with one thread, and
again with defaults. Tables go to stdout, all figures as JSON and a chart to docs/performance.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from workbench.bench import page, report, rounds
from workbench.bench.daemon import as_json, machine
from workbench.bench.peers import PEERS, peer

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("frames", "hard", "senses", "counts", "daemon", "crowd")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = ",".join(each.name for each in PEERS)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each measurement (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=16.0, help="length of a live run (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=[], help="parts to measure (default: all)")
    parser.add_argument("--peers", default="", help=f"build and measure these too, of {known}; downloads gigabytes")
    parser.add_argument("--data", type=Path, help="pack of face pictures (.npz) to cast the hard clips from too")
    parser.add_argument("--takes", type=int, default=3, help="casts for that (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/performance", help="folder (default: %(default)s)")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/performance.md", help="page (default: %(default)s)")
    parser.add_argument("--environments", type=Path, default=ROOT / "runs/bench-envs",
                        help="folder where peers are installed (default: %(default)s)")  # fmt: skip
    return parser.parse_args()


def main() -> int:
    """Measure what is asked for; parts not measured this time keep the figures that stand in the file."""
    args = arguments()
    names = [name for name in args.peers.split(",") if name]
    for name in names:
        try:
            peer(name)
        except KeyError as error:
            print(error.args[0], file=sys.stderr)
            return 2
    if "crowd" in args.only and args.data is None:
        print("crowd: name the faces with --data", file=sys.stderr)
        return 2
    args.output.mkdir(parents=True, exist_ok=True)
    file = args.output / "figures.json"
    told = json.loads(file.read_text()) if file.exists() else {}
    begun = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - begun:5.0f} s  {what}", file=sys.stderr, flush=True)
        file.write_text(as_json(told))

    parts = args.only or ([] if names else [part for part in PARTS if part != "crowd" or args.data])
    told["machine"] = machine()
    measures = {
        "frames": lambda: rounds.frames(args.rounds, say),
        "hard": lambda: rounds.hard(say),
        "senses": lambda: rounds.senses(args.rounds, say),
        "counts": lambda: rounds.counted(say),
        "daemon": lambda: rounds.daily(args.rounds, args.seconds, say),
        "crowd": lambda: rounds.crowd(args.data.resolve(), args.takes, say),
    }
    for part in parts:
        told[part] = measures[part]()
    if names:
        told["peers"] = {**told.get("peers", {}), **rounds.others(names, args.environments, say)}
    say("done")
    told = json.loads(as_json(told))  # what the file says, to its digits
    print(report.whole(told))
    args.page.write_text(page.page(told))
    if "frames" in told and "senses" in told:
        report.chart(told, args.output / "frame.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
