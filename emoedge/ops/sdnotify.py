"""Tells systemd how the service fares, by the datagrams of sd_notify(3); silent where nobody listens."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 240
"""Characters of a status line; `systemctl status` shows it on one."""


class Notifier:
    """The socket in `$NOTIFY_SOCKET`, a path or an abstract name; never raises, never blocks.

    `environment` also holds `$WATCHDOG_USEC` and `$WATCHDOG_PID` of sd_watchdog_enabled(3).
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        # sd_notify(3): a leading @ stands for the null byte of an abstract name; anything else is no socket.
        self._address = "\0" + name[1:] if name.startswith("@") else name if name.startswith("/") else ""
        self._said = ""
        self.watchdog = _watchdog(environment) if self._address else None
        """Seconds within which systemd wants to be fed, None where it does not watch."""

    @property
    def heard(self) -> bool:
        """Whether there is somebody to tell."""
        return bool(self._address)

    def ready(self) -> None:
        """Say that the start is complete."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Say how things stand, in one line; the same again is not sent."""
        line = " ".join(text.split())[:LONGEST]
        if line != self._said:
            self._said = line
            self._send(f"STATUS={line}")

    def feed(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as client:
                client.settimeout(0)
                client.sendto(message.encode("utf-8", errors="replace"), self._address)
        except OSError:
            return  # systemd is being restarted, or its queue is full: the next one will tell


def _watchdog(environment: Mapping[str, str]) -> float | None:
    """Seconds, None where the watchdog is off or meant for another process."""
    try:
        meant = int(environment.get("WATCHDOG_PID", "") or os.getpid())
        microseconds = int(environment.get("WATCHDOG_USEC", "") or 0)
    except ValueError:
        return None
    return microseconds / 1e6 if microseconds > 0 and meant == os.getpid() else None
