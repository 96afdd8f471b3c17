"""Which cameras and microphones this machine has, under the names to write into the config."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emoedge.sources.portaudio import Input, close_portaudio, inputs, open_portaudio

if TYPE_CHECKING:
    from collections.abc import Sequence

BY_ID = Path("/dev/v4l/by-id")
NODES = Path("/dev")
SYSTEM = Path("/sys/class/video4linux")


@dataclass(frozen=True, slots=True)
class CameraEntry:
    """One video device that delivers pictures."""

    source: str
    """What to write into `camera.source`: the stable path where there is one."""
    device: str
    """The node, whose number may change from boot to boot."""
    name: str
    """What the driver calls it."""


def cameras(by_id: Path = BY_ID, nodes: Path = NODES, system: Path = SYSTEM) -> Sequence[CameraEntry]:
    """Video devices, sorted by node. A camera's further nodes (metadata, other streams) are left out.

    The kernel counts the nodes of one device in the attribute `index`; the first one carries the picture.
    """
    stable: dict[str, str] = {}
    if by_id.is_dir():
        for link in sorted(by_id.iterdir()):
            stable.setdefault(link.resolve().name, str(link))
    found = [node for node in nodes.glob("video*") if node.name[5:].isdigit()]
    entries = []
    for node in sorted(found, key=lambda n: int(n.name[5:])):
        if _attribute(system / node.name / "index", "0") != "0":
            continue
        name = _attribute(system / node.name / "name", "unnamed")
        entries.append(CameraEntry(stable.get(node.name, str(node)), str(node), name))
    return entries


def microphones() -> Sequence[Input]:
    """Recording devices; raises SourceError where PyAudio or PortAudio is missing."""
    audio = open_portaudio()
    try:
        return inputs(audio)
    finally:
        close_portaudio(audio)


def _attribute(path: Path, otherwise: str) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or otherwise
    except OSError:
        return otherwise
