"""Sections `device` and `deployment`: which device this is and where it is used."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting

CONTEXTS = ("demo", "home", "vehicle", "kiosk", "research", "workplace", "education")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfig:
    """Identity of this device."""

    id: str | None = setting(
        None, pattern=r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", form="at most 64 of a-z, 0-9 and inner hyphens",
        allow_none=True,
        help="Name in every topic; null makes one from the host name and the machine id.",
    )  # fmt: skip
    state_directory: str | None = setting(
        None, allow_none=True, path=True,
        help="Where state that must survive a restart is kept; null takes systemd's STATE_DIRECTORY, else memory.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentConfig:
    """Where the device is used, and why that is lawful."""

    context: str = setting(
        choices=CONTEXTS,
        help="Where this device is used. The EU AI Act (Art. 5(1)(f)) bans emotion inference at work and in education.",
    )  # fmt: skip
    justification: str = setting(
        "", help="Medical or safety reason; `workplace` and `education` are refused without one."
    )
