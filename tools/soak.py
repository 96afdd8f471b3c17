"""Long runs that show what wears out: memory, open files, threads; and hostile inputs without number.

`--virtual-hours` plays the bundled clip and empty rooms through the whole pipeline on a virtual clock,
`--real-minutes` runs the daemon itself against a Mosquitto that is restarted, `--hostile` throws damaged
inputs at every reader. Ctrl-C or SIGTERM ends it early, with what was measured until then. The last line
printed is one JSON object with a member for each that was asked for; one that was too short to tell anything
holds an `error`, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import soak_hostile, soak_real, soak_virtual
from workbench.soak_gauge import TooShortError

if TYPE_CHECKING:
    from collections.abc import Callable

CLIP = 15.0
"""Seconds, of the bundled one."""


def main(argv: list[str] | None = None) -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--virtual-hours", metavar="H", type=float, help="film and sound on the virtual clock")
    parser.add_argument(
        "--period", metavar="S", type=float, default=120.0,
        help="virtual seconds from clip to clip, an empty room in between (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--real-minutes", metavar="M", type=float, help="the daemon, with broker restarts")
    parser.add_argument(
        "--restart-every", metavar="S", type=float, default=60.0, help="seconds between them (default: %(default)s)"
    )
    parser.add_argument("--hostile", metavar="N", type=int, help="hostile inputs to throw")
    parser.add_argument("--seed", type=int, default=1, help="of the hostile inputs (default: %(default)s)")
    options = parser.parse_args(argv)
    wanted = (options.virtual_hours, options.real_minutes, options.hostile)
    if not any(wanted):
        parser.error("expected at least one of --virtual-hours, --real-minutes, --hostile")
    if any(amount is not None and amount <= 0 for amount in (*wanted, options.restart_every)):
        parser.error("expected amounts above 0")
    if options.period < 2 * CLIP:
        parser.error(f"--period: expected at least {2 * CLIP:g}, so that the room is empty in between")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="emoedge-soak-") as scratch:
        folder = Path(scratch)
        if options.virtual_hours:
            result["virtual"] = _told(soak_virtual.run, options.virtual_hours, options.period, folder / "outbox", stop)
        if options.real_minutes:
            result["real"] = _told(soak_real.run, options.real_minutes, options.restart_every, folder, stop)
        if options.hostile:
            result["hostile"] = _told(soak_hostile.run, options.hostile, options.seed, folder, stop)
    print(json.dumps(result))
    return 1 if any("error" in told for told in result.values()) else 0


def _told(run: Callable[..., dict[str, Any]], *arguments: object) -> dict[str, Any]:
    """What a run measured; the runs before it are not lost where it was too short."""
    try:
        return run(*arguments)
    except TooShortError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    sys.exit(main())
