"""Where and how state that must survive a restart is kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emoedge.config.device import DeviceConfig


def state_folder(config: DeviceConfig, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The configured folder, else the first that systemd's StateDirectory= made, else None."""
    if config.state_directory:
        return Path(config.state_directory)
    # systemd joins several with colons, see systemd.exec(5).
    first = environment.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(first) if first else None


def replace_file(path: Path, text: str) -> None:
    """Write a file whole or not at all, durably; makes its folder. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
