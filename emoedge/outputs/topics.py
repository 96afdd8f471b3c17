"""The names under which a device speaks: `<base>/<device>/...`."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEVICE_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


def aggregate_name(minutes: int) -> str:
    """Below the device, e.g. `aggregate/5m`."""
    return f"aggregate/{minutes}m"


@dataclass(frozen=True, slots=True)
class Topics:
    """Topics of one device. `device` is made of a-z, 0-9 and inner dashes; ValueError otherwise."""

    base: str
    device: str

    def __post_init__(self) -> None:
        if not DEVICE_ID.fullmatch(self.device):
            raise ValueError(f"device id {self.device!r}: expected up to 64 of a-z, 0-9 and inner dashes")

    @property
    def root(self) -> str:
        """What all topics of the device begin with."""
        return f"{self.base}/{self.device}"

    def of(self, name: str) -> str:
        """Full topic of a name below the device."""
        return f"{self.root}/{name}"

    @property
    def status(self) -> str:
        """`online` or `offline`, retained; also the last will."""
        return self.of("status")

    @property
    def info(self) -> str:
        """What this device is, retained."""
        return self.of("info")

    @property
    def emotion(self) -> str:
        """The present state, retained."""
        return self.of("emotion")

    @property
    def event(self) -> str:
        """Transitions."""
        return self.of("event")

    @property
    def health(self) -> str:
        """How the device itself fares, retained."""
        return self.of("health")

    @property
    def log(self) -> str:
        """Warnings and above."""
        return self.of("log")

    def aggregate(self, minutes: int) -> str:
        """Figures over the people of windows of that length."""
        return self.of(aggregate_name(minutes))

    def schema(self, name: str) -> str:
        """JSON Schema of one payload, retained."""
        return self.of(f"schema/{name}")

    def sensor(self, name: str) -> str:
        """Status of `camera` or `mic`, retained."""
        return self.of(f"sensor/{name}/status")

    def raw(self, modality: str) -> str:
        """Scores of every inference of `face` or `speech`."""
        return self.of(f"raw/{modality}")

    def control(self, key: str) -> str:
        """Present value of a control, retained."""
        return self.of(f"control/{key}")

    def control_set(self, key: str) -> str:
        """Where a control is set."""
        return self.of(f"control/{key}/set")

    def request(self, command: str) -> str:
        """Where a command is asked for."""
        return self.of(f"request/{command}")

    def response(self, command: str) -> str:
        """Where its answer goes."""
        return self.of(f"response/{command}")
