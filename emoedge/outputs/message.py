"""One message on its way to the broker."""

from __future__ import annotations

from dataclasses import dataclass

HEADERS = 15
"""Bytes of a PUBLISH at most beside topic and body: fixed header 5, length of the topic 2, id 2, properties 6."""


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

    @property
    def size(self) -> int:
        """Bytes of its packet at most."""
        return HEADERS + len(self.topic.encode()) + len(self.body)
