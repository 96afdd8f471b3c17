"""Section `vision`."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionConfig:
    """How faces are found and judged."""

    rate: float = setting(5.0, minimum=0, maximum=120, unit="Hz", help="Frames analysed a second; 0 analyses every frame.")
