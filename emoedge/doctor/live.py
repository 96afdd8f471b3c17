"""The running service as the doctor sees it: its health file, and what systemd says."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emoedge.doctor.finding import failed, passed, warned
from emoedge.ops.health import INTERVAL
from emoedge.ops.health_file import DEFAULT, health_file, read

if TYPE_CHECKING:
    from pathlib import Path

    from emoedge.doctor.finding import Finding

STAGE = "service"
FRESH = 3 * INTERVAL
"""Seconds: an older health file belongs to a daemon that no longer renews it."""
UNIT = "emoedge.service"


@dataclass(frozen=True, slots=True)
class Live:
    """What a running daemon says of itself; `report` None where none runs here."""

    report: dict[str, Any] | None = None
    age: float = 0.0
    """Seconds since it was written."""

    def sensor(self, name: str) -> str | None:
        """Status of the sensor `camera` or `mic` of the running daemon."""
        sensors = None if self.report is None else self.report.get("sensors")
        status = sensors.get(name) if isinstance(sensors, dict) else None
        return status if isinstance(status, str) else None

    @property
    def paused(self) -> bool:
        """Whether it runs and was told to close camera and microphone; nobody else is to open them then."""
        return self.report is not None and self.report.get("mode") == "paused"

    def problem(self, name: str) -> str:
        """What the daemon says is wrong with `name`."""
        problems = [] if self.report is None else self.report.get("problems", [])
        return next((str(p).partition(": ")[2] for p in problems if str(p).startswith(f"{name}: ")), "")


def look(path: Path | None = None) -> Live:
    """The live daemon of this machine; one whose process is gone or whose report is old does not count."""
    report = read(path or health_file() or DEFAULT)
    if report is None:
        return Live()
    try:
        age = time.monotonic() - float(report["at"])
        alive = os.path.exists(f"/proc/{int(report['pid'])}")  # noqa: PTH110 - a number, not a path of ours
    except (KeyError, TypeError, ValueError):
        return Live()
    return Live(report, age) if alive and 0 <= age < FRESH else Live()


def check(live: Live) -> list[Finding]:
    """State of the unit, and what the daemon says."""
    return [*_unit(), *_report(live)]


def _report(live: Live) -> list[Finding]:
    if live.report is None:
        return []
    said = f"running: {live.report.get('mode')}, {live.report.get('fps', 0):.1f} frames/s"
    problems = [str(p) for p in live.report.get("problems", [])]
    if problems:
        return [warned(STAGE, f"{said}; {'; '.join(problems)}", "see the stages below, and `journalctl -u emoedge`")]
    return [passed(STAGE, said)]


def _unit() -> list[Finding]:
    facts = _show()
    if facts.get("LoadState") != "loaded":
        return [passed(STAGE, "not installed as a service; systemd/install.sh does that")]
    state, status = facts.get("ActiveState", "?"), facts.get("ExecMainStatus", "0")
    if state in {"active", "activating"}:
        return [_up(state, status, int(facts.get("NRestarts") or 0))]
    if status == "78":
        return [failed(STAGE, "stopped: configuration or model refused", "`emoedge check`, then start it", 78)]
    if state == "failed":
        return [failed(STAGE, f"failed, exit code {status}", "`journalctl -u emoedge -n 50` says why")]
    return [warned(STAGE, f"installed, {state}", "`systemctl enable --now emoedge`")]


def _up(state: str, status: str, restarts: int) -> Finding:
    """A unit that runs, or is on its way there: also one that dies soon and waits to be started again."""
    if restarts == 0:
        return passed(STAGE, "active") if state == "active" else warned(STAGE, "starting", "look again in a minute")
    if state == "active":
        return warned(STAGE, f"active, restarted {restarts} times", "`journalctl -u emoedge` says why")
    told = f"starts again and again, {restarts} times by now, last exit code {status}"
    return failed(STAGE, told, "`journalctl -u emoedge -n 50` says why")


def _show() -> dict[str, str]:
    """Properties of the unit; empty where there is no systemd."""
    command = shutil.which("systemctl")
    if command is None:
        return {}
    names = "LoadState,ActiveState,ExecMainStatus,NRestarts"
    try:
        told = subprocess.run(  # noqa: S603 - a fixed command
            [command, "show", UNIT, "--property", names], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(line.split("=", 1) for line in told.stdout.splitlines() if "=" in line)
