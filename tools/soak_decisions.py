"""The live figure: emotions told an hour where there is none, and the share of those that are missed.

    soak_decisions.py --data fer2013.npz --data speech --hours 2 --json

plays hours of neutral faces, photographs of them, empty rooms, music, engines and babble through the whole
pipeline on the virtual clock, at the daemon's own rates, and counts non-neutral episodes an hour; and scenes in
which people show something for some seconds, and counts what was missed. `--tune-side` takes the faces and
speakers that training held out and that thresholds may be chosen on; without it those that figures are
reported on. Ctrl-C ends it early, with what was measured until then.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from workbench import decision_run
from workbench.command import override, told
from workbench.decision_cast import Cast
from workbench.decision_streams import Truth

from emoedge.config import default_config
from emoedge.pipeline import build_pipeline, load_models
from emoedge.threads import bound_threads

if TYPE_CHECKING:
    from emoedge.config import Config
    from emoedge.pipeline import Models

SILENT = ("neutral", "photographs", "empty", "music", "engine", "babble")
KINDS = (*SILENT, "shown")


def main(arguments: list[str] | None = None) -> int:
    """Parse, play, print; returns the exit code."""
    given = _parser().parse_args(arguments)
    if given.hours <= 0:
        print("--hours: expected more than 0", file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    bound_threads(1)
    return told(lambda: _play(given, stop))


def _play(given: argparse.Namespace, stop: threading.Event) -> None:
    config = default_config(overrides=dict(given.set))
    models = load_models(config)
    cast = Cast.read(given.data, tune_side=given.tune_side, agreement=given.agreement)
    result = {"agreement": given.agreement, "seed": given.seed, "side": "tune" if given.tune_side else "report"}
    for kind in given.kind or KINDS:
        if not stop.is_set():
            result[kind] = one(kind, cast, config, models, given.hours, given.seed, stop)
            print(line(kind, result[kind]), flush=True)
    if given.json:
        print(json.dumps(result))


def one(
    kind: str, cast: Cast, config: Config, models: Models, hours: float, seed: int, stop: threading.Event
) -> dict[str, Any]:
    """Play one of KINDS and count."""
    generator = np.random.default_rng([seed, *kind.encode()])
    pipeline = build_pipeline(config, models)
    truth = Truth()
    rate = config.vision.rate or config.camera.fps
    frames, blocks = cast.stream(kind, rate, generator, truth)
    played = decision_run.play(pipeline, frames, blocks, hours, stop)
    if kind == "shown":
        return decision_run.told(played, truth.shown)
    return decision_run.false_alarms(played, truth.people)


def line(kind: str, row: dict[str, Any]) -> str:
    """One row for a person to read."""
    if kind != "shown":
        return (f"{kind:<12} {row['hours']:6.2f} h  {row['per_hour']:6.2f} false episodes an hour  "
                f"{row['labels'] or ''}  ({row['seen']} sightings of {row['people']}, {row['took_s']} s)")  # fmt: skip
    parts = [
        f"{name} {100 * each['missed']:.1f} % missed, {100 * each['named_otherwise']:.1f} % named otherwise "
        f"of {each['shown']}"
        for name, each in row.items() if isinstance(each, dict) and "missed" in each
    ]  # fmt: skip
    return (f"{kind:<12} {row['hours']:6.2f} h  " + "; ".join(parts)
            + f"; {row['between_per_hour']} false ones an hour between; told after {row['delay_s']} s")  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, action="append", metavar="PATH",
        help="a face pack with crowd votes, and a speech folder; both are needed",
    )  # fmt: skip
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this one; may be repeated")
    parser.add_argument("--hours", type=float, default=1.0, metavar="H", help="of each kind (default: 1)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tune-side", action="store_true", help="data that settings may be chosen on")
    parser.add_argument(
        "--agreement", type=float, default=0.8, metavar="S",
        help="share of the crowd that must agree on what a face shows (default: 0.8)",
    )  # fmt: skip
    parser.add_argument(
        "--set", action="append", default=[], type=override, metavar="KEY=VALUE", help="a key of the configuration"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    return parser


if __name__ == "__main__":
    sys.exit(main())
