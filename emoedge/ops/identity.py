"""A device's default name: the host name as a slug, with four characters derived from the machine id."""

from __future__ import annotations

import hashlib
import re
import socket
import uuid
from pathlib import Path

MACHINE_ID = Path("/etc/machine-id")

# machine-id(5) asks that the id itself never leaves the machine: it is hashed with a name of ours.
APPLICATION = b"emoedge"

MAX_SLUG = 40


def slug(text: str) -> str:
    """Lower-case letters, digits and single inner dashes; `emoedge` where nothing is left."""
    short = re.sub(r"[^a-z0-9]+", "-", text.lower())[:MAX_SLUG].strip("-")
    return short or "emoedge"


def machine_suffix() -> str:
    """Four hexadecimal digits that stay the same on one machine and differ on another."""
    try:
        seed = MACHINE_ID.read_bytes().strip()
    except OSError:
        seed = b""
    if not seed:
        seed = f"{uuid.getnode():012x}".encode()
    return hashlib.sha256(APPLICATION + seed).hexdigest()[:4]


def default_device_id() -> str:
    """Valid as a topic level and for `device.id`, e.g. `kitchen-pi-3f9a`."""
    return f"{slug(socket.gethostname().split('.')[0])}-{machine_suffix()}"
