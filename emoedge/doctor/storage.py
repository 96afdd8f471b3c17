"""Stages `clock` and `storage`: whether the time is right, and whether state can be kept."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from emoedge.doctor.finding import failed, passed, warned
from emoedge.ops.clock import SystemClock
from emoedge.ops.state import state_folder
from emoedge.outputs.jsonl import STDOUT

if TYPE_CHECKING:
    from emoedge.config import Config
    from emoedge.doctor.finding import Finding

CLOCK = "clock"
STAGE = "storage"
SERVICE_FOLDER = Path("/var/lib/emoedge")
"""Where the unit's StateDirectory= keeps the service's state."""
LITTLE = 100e6
"""Bytes free below which a card is as good as full."""
REMEDY = "events do not survive a restart; name a folder that whoever runs emoedge may write"
LINES = "its events are not written; name a file in a folder that whoever runs emoedge may write"


def check_clock() -> list[Finding]:
    """Whether the wall clock is disciplined."""
    clock = SystemClock()
    if clock.synced():
        return [passed(CLOCK, f"synchronised, {clock.wall():%Y-%m-%d %H:%M} UTC")]
    remedy = "events are marked `clock: unsynced`; `timedatectl set-ntp true`, or a clock chip"
    return [warned(CLOCK, f"not synchronised, {clock.wall():%Y-%m-%d %H:%M} UTC", remedy)]


def check(config: Config) -> list[Finding]:
    """Where state is kept, whether that can be written, and how much room is left; and the file of events."""
    return [_state(config), *_lines(config.jsonl.path)]


def _state(config: Config) -> Finding:
    folder = state_folder(config.device)
    if folder is None and os.path.lexists(SERVICE_FOLDER):
        folder = SERVICE_FOLDER
    if folder is None:
        remedy = "set device.state_directory, or run as a service: events then survive a restart"
        return warned(STAGE, "no state folder: undelivered events are kept in memory only", remedy)
    return _unreachable(folder) or _look(folder)


def _lines(path: str | None) -> list[Finding]:
    """Whether the file of events can be written; nothing is made of it."""
    if path is None or path == STDOUT:
        return []
    said, file = f"jsonl.path: {path}", Path(path)
    try:
        folder = stat.S_ISDIR(file.parent.stat().st_mode)
        there = os.path.lexists(file)
        writable = os.access(file, os.W_OK) if there else os.access(file.parent, os.W_OK | os.X_OK)
    except PermissionError:
        folder, writable = True, False
    except OSError as error:
        return [failed(STAGE, f"{said}: {error.strerror}", LINES)]
    if not folder or os.path.isdir(file):  # noqa: PTH112 - Path's raises where it may not look
        return [failed(STAGE, f"{said}: no file can be there", LINES)]
    if not writable:
        return [warned(STAGE, f"{said}: cannot be written by user {os.geteuid()}", LINES)]
    return [passed(STAGE, f"{said}: can be written")]


def _unreachable(folder: Path) -> Finding | None:
    """What is wrong where nothing can be said of a folder that is there."""
    try:
        folder.stat()
    except FileNotFoundError:  # it will be made
        return None
    except PermissionError:
        # With DynamicUser= it is a link into a folder that only root may enter.
        if folder == SERVICE_FOLDER:
            return passed(STAGE, f"{folder}: the service's; as root the doctor also sees how much room is left")
        return warned(STAGE, f"{folder}: cannot be reached by user {os.geteuid()}", REMEDY)
    except OSError as error:
        return failed(STAGE, f"{folder}: {error.strerror}", "name a folder in device.state_directory")
    return None


def _look(folder: Path) -> Finding:
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return failed(STAGE, f"{folder}: {error.strerror or error}", "look at the disk with `dmesg`")
    if folder.exists() and not folder.is_dir():
        return failed(STAGE, f"{folder}: not a folder", "name a folder in device.state_directory")
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        return warned(STAGE, f"{folder}: read-only", REMEDY)
    # The service's own folder is closed to everybody else, and open to the service.
    if folder != SERVICE_FOLDER and not os.access(place, os.W_OK | os.X_OK):
        return warned(STAGE, f"{folder}: cannot be written by user {os.geteuid()}", REMEDY)
    said = f"{folder}: {free / 1e9:.1f} GB free"
    if free < LITTLE:
        return failed(STAGE, said, "make room: `journalctl --vacuum-size=100M`, `apt-get clean`")
    return passed(STAGE, said)
