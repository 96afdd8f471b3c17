"""What operators may do to a running daemon; hands their orders over to the loop's own thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from emoedge.outputs.about import config_snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from emoedge.config import Config
    from emoedge.ops.health import HealthReport


class Panel:
    """Implements ControlPanel of the outputs. `path`: the file that `config` was read from."""

    def __init__(self, config: Config, path: Path) -> None:
        self._config = config
        self._path = path
        self._lock = threading.Lock()
        self._pause: bool | None = None
        self._restart = False
        self._ended = False
        self._report: HealthReport | None = None
        self.stop = threading.Event()
        """Set when the loop is to end."""

    # For the loop.

    def take_pause(self) -> bool | None:
        """The newest order to pause or go on, once; None without one."""
        with self._lock:
            order, self._pause = self._pause, None
            return order

    def note(self, report: HealthReport) -> None:
        """Keep the newest health report."""
        self._report = report

    def end(self) -> None:
        """End for good: a signal was received."""
        self._ended = True
        self.stop.set()

    @property
    def again(self) -> bool:
        """Whether the process is to begin anew after its end."""
        return self._restart and not self._ended

    # For operators, from threads of the outputs.

    def pause(self, *, paused: bool) -> None:
        """Close camera and microphone, or open them again, within a quarter of a second."""
        with self._lock:
            self._pause = paused

    def health_check(self) -> Mapping[str, object]:
        """How the daemon fares now."""
        return {} if self._report is None else self._report.as_dict()

    def check_settings(self) -> None:
        """Read the settings as they stand in the file, and what they name; raises ConfigError, ModelError."""
        from emoedge.config import load  # noqa: PLC0415 - a daemon that is never asked does not need it
        from emoedge.config.origin import pointing  # noqa: PLC0415
        from emoedge.ops.credentials import mqtt_password  # noqa: PLC0415
        from emoedge.outputs.tls import tls_context  # noqa: PLC0415
        from emoedge.pipeline import load_models  # noqa: PLC0415
        from emoedge.sources.address import is_none  # noqa: PLC0415

        config = load(self._path)
        with pointing(self._path):
            if config.mqtt.host != "none":
                mqtt_password(config.mqtt)
                tls_context(config.mqtt)
            load_models(
                config, base=self._path.parent,
                camera=not is_none(config.camera.source), microphone=not is_none(config.microphone.source),
            )  # fmt: skip

    def restart(self) -> None:
        """End in good order and begin anew."""
        self._restart = True
        self.stop.set()

    def snapshot_config(self) -> Mapping[str, object]:
        """The settings in force, without logins."""
        return config_snapshot(self._config)
