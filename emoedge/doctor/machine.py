"""Stage `machine`: system, Python, processor, heat and power."""

from __future__ import annotations

import platform
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from emoedge.doctor.finding import failed, passed, warned
from emoedge.ops.health import read_temperature
from emoedge.ops.throttling import read_throttling

if TYPE_CHECKING:
    from emoedge.doctor.finding import Finding

STAGE = "machine"
CPU_INFO = Path("/proc/cpuinfo")
HOT = 80.0
"""Degrees Celsius: Raspberry Pis begin to slow down here."""
VECTORS = {"aarch64": "asimd", "arm64": "asimd", "x86_64": "avx2"}
"""The processor flag without which inference is slow."""


def check() -> list[Finding]:
    """System, Python, processor, heat and power."""
    return [_system(), _processor(), _heat(), *_power()]


def _system() -> Finding:
    name = "unknown system"
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", name)
    except OSError:
        name = platform.system()
    said = f"{name}, Python {platform.python_version()}, {platform.machine()}"
    if struct.calcsize("P") != 8:
        return failed(
            STAGE, f"{said}, 32-bit", "install the 64-bit edition: NumPy, OpenCV and TFLite have no 32-bit wheels"
        )
    return passed(STAGE, said)


def _processor() -> Finding:
    needed = VECTORS.get(platform.machine())
    try:
        text = CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return warned(STAGE, "the processor's features cannot be read", f"look why {CPU_INFO} is not readable")
    flags = {word for line in text.splitlines() if line.lower().startswith(("flags", "features")) for word in
             line.partition(":")[2].split()}  # fmt: skip
    if needed is None or needed in flags:
        return passed(STAGE, f"processor: {needed or 'no vector unit known for it'}")
    return warned(STAGE, f"the processor has no {needed}", "it works, several times slower: lower vision.rate")


def _heat() -> Finding:
    celsius = read_temperature()
    if celsius is None:
        return passed(STAGE, "temperature: the kernel does not tell it")
    if celsius >= HOT:
        return warned(STAGE, f"temperature: {celsius:.0f} °C", "cool the board: it slows down from here on")
    return passed(STAGE, f"temperature: {celsius:.0f} °C")


def _power() -> list[Finding]:
    flags = read_throttling()
    if flags is None:
        return []
    found = []
    if flags.undervoltage:
        found.append(failed(STAGE, "the supply voltage is too low", "use the board's own power supply and cable"))
    elif flags.undervoltage_seen:
        found.append(
            warned(STAGE, "the supply voltage was too low since boot", "use the board's own power supply and cable")
        )
    if flags.throttled:
        found.append(warned(STAGE, "the processor is slowed down by heat or power", "cool the board, check its supply"))
    return found or [passed(STAGE, "power: no undervoltage, not throttled")]
