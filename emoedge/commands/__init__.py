"""The verbs of the command line, one module each.

A verb's module exposes `add(subparsers)`, which declares its arguments, and `execute(args) -> int`, which
returns the exit code. Heavy imports stand inside `execute`, so that `emoedge --help` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def config_option(parser: argparse.ArgumentParser, *, searched: bool) -> None:
    """Add `--config`; `searched`: without it the default places are looked at, else the defaults hold."""
    without = "./config.yaml, then /etc/emoedge/config.yaml" if searched else "the built-in defaults"
    parser.add_argument("--config", metavar="F", help=f"configuration file (default: {without})")
