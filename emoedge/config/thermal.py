"""Section `thermal`."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalConfig:
    """When the daemon slows down before the board does."""

    warm: float = setting(
        75.0, minimum=30, maximum=120, unit="°C", help="From here on half as many frames are analysed ..."
    )
    hot: float = setting(82.0, minimum=30, maximum=120, unit="°C", help="... and from here on a quarter.")
    hysteresis: float = setting(
        5.0, minimum=0, maximum=30, unit="°C", help="It must be this much cooler before the rate goes up again."
    )
