"""The service's unit as systemd knows it, as far as this user may ask."""

from __future__ import annotations

import glob
import re
import shutil
import subprocess
from enum import Enum, auto
from pathlib import Path

UNIT = "emoedge.service"
_FILE = re.compile(r"(.*) \(ignore_errors=(?:yes|no)\)")


class Variable(Enum):
    """Whether the unit sets a variable of the service's environment."""

    SET = auto()
    UNSET = auto()
    HIDDEN = auto()
    """It may: a file that this user may not read, or systemd's own environment, decides."""
    NO_UNIT = auto()
    """There is no unit that could be started."""


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


def variable(name: str) -> Variable:
    """Whether the service gets a value for `name`, by Environment=, EnvironmentFile= or PassEnvironment=."""
    facts = show("LoadState", "Environment", "EnvironmentFiles", "PassEnvironment")
    if facts.get("LoadState") != "loaded":
        return Variable.NO_UNIT
    # systemctl writes what holds a space in quotes, which differ between its versions.
    if re.search(rf"(?:^|[\s\"'])({re.escape(name)})=[^\s\"']", facts.get("Environment", "")):
        return Variable.SET
    hidden = "Environment" not in facts or name in facts.get("PassEnvironment", "").split()
    for line in facts.get("EnvironmentFiles", "").splitlines():
        match = _FILE.fullmatch(line)
        for path in _files(match[1] if match else line):
            try:
                text = Path(path).read_text(encoding="utf-8", errors="replace")
            except FileNotFoundError:
                continue
            except OSError:
                hidden = True
                continue
            if re.search(rf"^[ \t]*{re.escape(name)}[ \t]*=[ \t]*[\"']?[^\s\"']", text, re.MULTILINE):
                return Variable.SET
    return Variable.HIDDEN if hidden else Variable.UNSET


def _files(pattern: str) -> list[str]:
    """EnvironmentFile= may be a pattern; itself where nothing fits, or nothing can be seen of what does."""
    return glob.glob(pattern) or [pattern]  # noqa: PTH207 - an absolute pattern
