"""One message on its way to the broker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """What is published, and how."""

    topic: str
    body: bytes
    qos: int = 0
    retain: bool = False
    expiry: int | None = None
    """Seconds after which a broker that speaks MQTT 5 forgets it."""
    token: int | None = None
    """Handed back when the broker has acknowledged it (QoS 1); None where nobody asks."""
