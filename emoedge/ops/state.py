"""Where state that must survive a restart is kept."""

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
