"""The service's unit as systemd knows it, as far as this user may ask."""

from __future__ import annotations

import shutil
import subprocess

UNIT = "emoedge.service"


def show(*names: str) -> dict[str, str]:
    """Properties of the unit by name, one that is told more than once a line each; empty where there is no systemd."""
    command = shutil.which("systemctl")
    if command is None:
        return {}
    try:
        told = subprocess.run(  # noqa: S603 - a fixed command
            [command, "show", UNIT, "--property", ",".join(names)],
            capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {}
    found: dict[str, str] = {}
    for name, _, value in (line.partition("=") for line in told.stdout.splitlines() if "=" in line):
        found[name] = f"{found[name]}\n{value}" if name in found else value
    return found
