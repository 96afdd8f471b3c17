"""Stages `clock` and `storage`: whether the time is right, and whether state can be kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from emoedge.doctor.finding import failed, passed, warned
from emoedge.ops.clock import SystemClock
from emoedge.ops.state import state_folder

if TYPE_CHECKING:
    from emoedge.config import Config
    from emoedge.doctor.finding import Finding

CLOCK = "clock"
STAGE = "storage"
SERVICE_FOLDER = Path("/var/lib/emoedge")
"""Where the unit's StateDirectory= keeps the service's state."""
LITTLE = 100e6
"""Bytes free below which a card is as good as full."""


def check_clock() -> list[Finding]:
    """Whether the wall clock is disciplined."""
    clock = SystemClock()
    if clock.synced():
        return [passed(CLOCK, f"synchronised, {clock.wall():%Y-%m-%d %H:%M} UTC")]
    remedy = "events are marked `clock: unsynced`; `timedatectl set-ntp true`, or a clock chip"
    return [warned(CLOCK, f"not synchronised, {clock.wall():%Y-%m-%d %H:%M} UTC", remedy)]


def check(config: Config) -> list[Finding]:
    """Where state is kept, whether that can be written, and how much room is left."""
    folder = state_folder(config.device)
    if folder is None and SERVICE_FOLDER.exists():
        folder = SERVICE_FOLDER
    if folder is None:
        remedy = "set device.state_directory, or run as a service: events then survive a restart"
        return [warned(STAGE, "no state folder: undelivered events are kept in memory only", remedy)]
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return [failed(STAGE, f"{folder}: {error.strerror or error}", "look at the disk with `dmesg`")]
    said = f"{folder}: {free / 1e9:.1f} GB free"
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        remedy = "events do not survive a restart; name a folder that is writable"
        return [warned(STAGE, f"{folder}: read-only", remedy)]
    if free < LITTLE:
        return [failed(STAGE, said, "make room: `journalctl --vacuum-size=100M`, `apt-get clean`")]
    return [passed(STAGE, said)]
