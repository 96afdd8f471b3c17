"""`emoedge run`: the daemon in the foreground, until it is told to stop."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from emoedge.commands import config_option

if TYPE_CHECKING:
    import argparse

STDERR = 2


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        "run",
        help="watch and listen, and publish events until stopped",
        description="Run in the foreground until SIGTERM, SIGINT, or SIGHUP where that is not ignored; then end what "
        "runs, say `offline`, exit 0.",
    )
    config_option(parser, searched=True)
    parser.set_defaults(execute=execute)


def execute(args: argparse.Namespace) -> int:
    """Run until a signal; raises ConfigError or ModelError before anything is started."""
    from emoedge.config import find, load
    from emoedge.config.origin import pointing
    from emoedge.ops.signals import heed

    path = find(args.config)
    config = load(path)
    start_log(config.log.level)
    from emoedge.panel import Panel

    panel = Panel(config, path)
    heed(panel.end)

    from emoedge.build import build_app
    from emoedge.ops.clock import SystemClock
    from emoedge.outputs.control_values import CARRIED
    from emoedge.sources.address import is_none
    from emoedge.threads import bound_threads

    if not is_none(config.camera.source):  # a device without a camera loads no OpenCV
        bound_threads(config.models.threads)
    with pointing(path):
        app = build_app(config, SystemClock(), base=path.parent, panel=panel)
    logging.getLogger("emoedge").info("started with %s", path)
    app.run(panel.stop)
    logging.getLogger("emoedge").info("stopped")
    if panel.again:
        if (controls := app.controls) is not None:
            os.environ[CARRIED] = controls
        _keep_to_ourselves()
        # The same process, so that whoever supervises it sees no end; as it was called, with its options.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no shell is wanted
    return 0


def _keep_to_ourselves() -> None:
    """Let nothing that is open outlive this program: OpenCV would pass on a camera that it could not close."""
    for path in list(Path("/proc/self/fd").iterdir()):
        if int(path.name) > STDERR:
            with contextlib.suppress(OSError):  # the one that listed them
                os.set_inheritable(int(path.name), False)  # noqa: FBT003 - it takes no name


def start_log(level: str) -> None:
    """Lines to stderr; the time only where no journal adds one."""
    form = "%(levelname)s %(name)s: %(message)s"
    if not _journal_reads():
        form = "%(asctime)s " + form
    logging.basicConfig(level=level.upper(), format=form, stream=sys.stderr)


def _journal_reads() -> bool:
    """Whether stderr is the journal's own: a shell that it serves hands on $JOURNAL_STREAM, see systemd.exec(5)."""
    try:
        place = os.fstat(sys.stderr.fileno())
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{place.st_dev}:{place.st_ino}"
