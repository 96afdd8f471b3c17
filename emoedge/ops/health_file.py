"""The health report as a file in the service's run-time folder, for those who look from the same machine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "health.json"
DEFAULT = Path("/run/emoedge") / NAME
"""Where the unit's RuntimeDirectory= puts it."""


def health_file(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The file in the first folder that systemd's RuntimeDirectory= made; None without one."""
    folder = environment.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(folder) / NAME if folder else None


def write(path: Path, report: Mapping[str, Any]) -> None:
    """Replace the file at once, so that a reader never sees half of it; raises OSError.

    Readable by every user of the machine: figures and states, never what was seen or heard.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(json.dumps(report, allow_nan=False) + "\n", encoding="utf-8")
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any] | None:
    """The report; None where there is none or it cannot be read."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return report if isinstance(report, dict) else None
