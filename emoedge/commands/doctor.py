"""`emoedge doctor`: looks at everything that emoedge needs, and says what is wrong and what to do about it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from emoedge.commands import config_option
from emoedge.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from emoedge.doctor.finding import Finding


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        "doctor",
        help="say what is wrong and what to do about it",
        description="Check machine, service, configuration, models, camera, microphone, broker, clock and storage. "
        "Beside a running service it takes no device away: it reads what the service says of them. Exit code: 0 "
        "unless a check fails; 78 configuration or model refused; 69 broker unreachable or refused; 1 another failure.",
    )
    config_option(parser, searched=True)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.set_defaults(execute=execute)


def execute(args: argparse.Namespace) -> int:
    """Print the findings; returns the exit code of the weightiest failure."""
    from emoedge.doctor.finding import exit_code
    from emoedge.doctor.screen import as_json, screen

    logging.disable(logging.ERROR)  # what the devices log on their way is among the findings
    try:
        findings = list(examine(args.config))
    finally:
        logging.disable(logging.NOTSET)
    print(as_json(findings) if args.json else screen(findings))
    return exit_code(findings)


def examine(path: str | None) -> Iterator[Finding]:
    """All stages in order; the later ones only where there is a configuration to go by."""
    from emoedge.config import find, load
    from emoedge.doctor import broker, camera, live, machine, microphone, models, storage
    from emoedge.doctor.finding import failed, passed

    yield from machine.check()
    service = live.look()
    yield from live.check(service)
    try:
        file = find(path)
        config = load(file)
    except ConfigError as error:
        yield failed("config", str(error), "then look again: the other stages need it", 78)
        yield from storage.check_clock()
        return
    yield passed("config", f"{file}: good, context {config.deployment.context}")
    yield from _pointing(file, models.check(config, file.parent))
    yield from camera.check(config, service)
    yield from microphone.check(config, service)
    yield from _pointing(file, broker.check(config, service))
    yield from storage.check_clock()
    yield from storage.check(config)


def _pointing(file: Path, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Each finding with file and line before what names a key of the configuration."""
    from emoedge.config.origin import placed

    for found in findings:
        yield replace(found, said="\n".join(placed(line, file) for line in found.said.splitlines()))
