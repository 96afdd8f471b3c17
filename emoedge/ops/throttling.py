"""What a Raspberry Pi's firmware says of heat and supply voltage; None on other boards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PLATFORM = Path("/sys/devices/platform")
PATTERN = "soc*/soc*:firmware/get_throttled"
"""Where the firmware driver shows what `vcgencmd get_throttled` prints, without needing /dev/vcio."""

HWMON = Path("/sys/class/hwmon")
VOLT_SENSOR = "rpi_volt"
"""The mainline driver of the same warning, undervoltage alone."""

# Raspberry Pi documentation, `vcgencmd get_throttled`; the same bits 16 higher: it has happened since boot.
UNDERVOLTAGE = 1 << 0
CAPPED = 1 << 1
THROTTLED = 1 << 2
SINCE_BOOT = 16


@dataclass(frozen=True, slots=True)
class Throttling:
    """The flags that matter."""

    undervoltage: bool
    """Now."""
    throttled: bool
    """Now: frequency capped or throttled. Not the soft limit, which a Pi 3B+ lives at from 60 °C on."""
    undervoltage_seen: bool = False
    """Since boot."""


def decode(bits: int) -> Throttling:
    """Meaning of the firmware's number."""
    return Throttling(
        undervoltage=bool(bits & UNDERVOLTAGE),
        throttled=bool(bits & (CAPPED | THROTTLED)),
        undervoltage_seen=bool(bits & (UNDERVOLTAGE << SINCE_BOOT)),
    )


def read_throttling(platform: Path = PLATFORM, hwmon: Path = HWMON) -> Throttling | None:
    """Flags of this board, None where no driver tells them."""
    for path in sorted(platform.glob(PATTERN)):
        try:
            return decode(int(path.read_text(encoding="ascii").strip(), 16))
        except (OSError, ValueError):
            continue
    for folder in sorted(hwmon.glob("hwmon*")):
        try:
            if (folder / "name").read_text(encoding="ascii").strip() != VOLT_SENSOR:
                continue
            low = (folder / "in0_lcrit_alarm").read_text(encoding="ascii").strip() == "1"
        except (OSError, UnicodeDecodeError):
            continue
        return Throttling(undervoltage=low, throttled=False)
    return None
