"""A Mosquitto of one's own, to be stopped, killed, frozen and started again: for tests and fault tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

START_TIMEOUT = 10.0
"""Seconds."""


def free_port() -> int:
    """A loopback TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """A broker on a free loopback port; `lines` of its config come after those of the listener."""

    def __init__(self, folder: Path, lines: str = "", *, anonymous: bool = True, persistence: bool = False) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin") or "mosquitto"
        self._config = folder / f"mosquitto-{self.port}.conf"
        config = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {str(anonymous).lower()}",
            f"persistence {str(persistence).lower()}",
            "log_dest none",
            lines,
        ]
        if persistence:
            config.append(f"persistence_location {folder}/")
        if os.geteuid() == 0:
            # It would drop to its own user, which can neither read the config's files nor write beside them.
            config.insert(0, "user root")
        self._config.write_text("\n".join(config) + "\n")

    def start(self) -> Mosquitto:
        """Start and wait until it listens; TimeoutError where it does not."""
        try:
            self.process = subprocess.Popen([self._program, "-c", str(self._config)], stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            raise SystemExit("mosquitto is not installed: apt install mosquitto") from None
        deadline = time.monotonic() + START_TIMEOUT
        while not self._listens():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise TimeoutError(f"mosquitto does not listen on port {self.port}; see {self._config}")
            time.sleep(0.02)
        return self

    def send(self, number: signal.Signals) -> None:
        """Send a signal, SIGSTOP and SIGCONT among them."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, also when it is frozen."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        self.process.wait(START_TIMEOUT)
        self.process = None

    def restart(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it and start it again on the same port."""
        self.stop(number)
        self.start()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=0.5).close()
        except OSError:
            return False
        return True
