"""The running service as the doctor sees it: its health file, and what systemd says."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emoedge.doctor import unit
from emoedge.doctor.finding import failed, passed, warned
from emoedge.ops.health import INTERVAL
from emoedge.ops.health_file import DEFAULT, health_file, read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from emoedge.doctor.finding import Finding

STAGE = "service"
FRESH = 3 * INTERVAL
"""Seconds: an older health file belongs to a daemon that no longer renews it."""

JOURNAL = "`journalctl -u emoedge -n 50` says why"
ENDS = {
    "watchdog": "killed by the watchdog because it hung",
    "oom-kill": "killed because memory ran out",
    "timeout": "killed because it took too long to start or stop",
}
"""What systemd's Result means, where it says more than exit code or signal."""
KILLED = ("2", "3")
"""ExecMainCode of a process that a signal ended: CLD_KILLED and CLD_DUMPED of waitid(2)."""


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
    load, state = facts.get("LoadState"), facts.get("ActiveState", "?")
    if load == "masked":
        said = "masked: it cannot be started" + (", and runs until it is stopped" if state == "active" else "")
        return [warned(STAGE, said, "`systemctl unmask emoedge`, then `systemctl enable --now emoedge`")]
    if load in {"bad-setting", "error"}:
        return [failed(STAGE, "installed, but systemd cannot read the unit", "`systemctl status emoedge` says why")]
    if load != "loaded":
        return [passed(STAGE, "not installed as a service; systemd/install.sh does that")]
    disabled = facts.get("UnitFileState") == "disabled"
    if state == "inactive":
        remedy = "`systemctl enable --now emoedge`" if disabled else "`systemctl start emoedge`"
        return [warned(STAGE, "installed, inactive" + (" and not started at boot" if disabled else ""), remedy)]
    found = [_up(facts) if state in {"active", "activating"} else _down(state, facts)]
    if disabled:
        found.append(warned(STAGE, "not started at boot: it is disabled", "`systemctl enable emoedge`"))
    return found


def _up(facts: Mapping[str, str]) -> Finding:
    """A unit that runs, or is on its way there: also one that dies soon and waits to be started again."""
    active, restarts = facts["ActiveState"] == "active", int(facts.get("NRestarts") or 0)
    if active and restarts == 0:
        return passed(STAGE, "active")
    if active:
        return warned(STAGE, f"active, restarted {restarts} times", "`journalctl -u emoedge` says why")
    if restarts:
        return failed(STAGE, f"starts again and again, {restarts} times by now, last {_end(facts)}", JOURNAL)
    if facts.get("SubState", "").startswith("auto-restart"):
        return warned(STAGE, f"ended, {_end(facts)}, and is started again", JOURNAL)
    return warned(STAGE, "starting", "look again in a minute")


def _down(state: str, facts: Mapping[str, str]) -> Finding:
    """A unit that ended, and is not started again."""
    if facts.get("ExecMainStatus") == "78":
        return failed(STAGE, "stopped: configuration or model refused", "`emoedge check`, then start it", 78)
    if state != "failed":
        return warned(STAGE, f"installed, {state}", "look again in a minute")
    restarts, most = (int(facts.get(name) or 0) for name in ("NRestarts", "StartLimitBurst"))
    # systemd keeps the last end as the Result where one came before the limit.
    if facts.get("Result") == "start-limit-hit" or 0 < most <= restarts:
        again = "`systemctl reset-failed emoedge && systemctl start emoedge`"
        return failed(STAGE, f"given up after {restarts} restarts, last {_end(facts)}", f"{JOURNAL}; then {again}")
    return failed(STAGE, f"failed, {_end(facts)}", JOURNAL)


def _end(facts: Mapping[str, str]) -> str:
    """How the process ended."""
    status = facts.get("ExecMainStatus", "0")
    by = "signal" if facts.get("ExecMainCode") in KILLED else "exit code"
    return ENDS.get(facts.get("Result", ""), f"{by} {status}")


def _show() -> dict[str, str]:
    return unit.show(
        "LoadState", "UnitFileState", "ActiveState", "SubState", "Result", "ExecMainCode", "ExecMainStatus",
        "NRestarts", "StartLimitBurst",
    )  # fmt: skip
