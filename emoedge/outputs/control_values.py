"""The controls in force: what survives a restart lies in one small file of the state directory."""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING

from emoedge.ops.state import replace_file
from emoedge.outputs.commands import CONTROLS, RefusedError, check_control

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

FILE = "controls.json"

PERSISTENT = ("paused", "log_level")
"""`raw` is not among them: it is off after a restart."""

LARGEST = 4096
"""Bytes of the file that are looked at."""

CARRIED = "EMOEDGE_CONTROLS"
"""Environment variable in which a process that begins anew finds what was set."""


class ControlValues:
    """Values by key; `folder` None keeps them in memory. Safe to use from several threads.

    `carried`: `kept` of the program that this one follows in the same process; it knows better than a
    file, which may not have been written.
    """

    def __init__(self, folder: Path | None, *, log_level: str, carried: str | None = None) -> None:
        self._path = None if folder is None else folder / FILE
        self._carried = carried
        self._lock = threading.Lock()
        self._values: dict[str, bool | str] = {"paused": False, "log_level": log_level, "raw": False}
        self._given: dict[str, bool | str] = {}
        self._unwritten = False
        for key, value in self._read().items():
            if key in PERSISTENT:
                self._values[key] = self._given[key] = value
        if carried is not None and self._given:
            self._write(dict(self._given))

    def __getitem__(self, key: str) -> bool | str:
        """Value in force."""
        return self._values[key]

    @property
    def paused(self) -> bool:
        """Whether camera and microphone are to stay closed."""
        return self._values["paused"] is True

    def given(self, key: str) -> bool:
        """Whether somebody has set it, now or in an earlier run."""
        return key in self._given

    @property
    def kept(self) -> str:
        """What outlives this program, as text."""
        with self._lock:
            return json.dumps(self._given)

    def as_dict(self) -> dict[str, bool | str]:
        """All values."""
        with self._lock:
            return dict(self._values)

    def set(self, key: str, *, value: bool | str) -> bool:
        """Put a checked value in force; True if it is another than before. Written down where it must last."""
        with self._lock:
            changed = self._values[key] != value
            self._values[key] = value
            if key not in PERSISTENT or (self._given.get(key) == value and not self._unwritten):
                return changed
            self._given[key] = value
            self._write(dict(self._given))
        return changed

    def _read(self) -> Mapping[str, bool | str]:
        try:
            found = dict(json.loads(self._text()).items())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, RecursionError) as error:
            self._complain(error)
            return {}
        good: dict[str, bool | str] = {}
        for key in [key for key in CONTROLS if key in found]:
            try:
                good[key] = check_control(key, found[key])
            except RefusedError as error:  # keeps no other one from being obeyed: `paused` above all
                self._complain(f"{key}: {error}")
        return good

    def _complain(self, problem: object) -> None:
        where = self._path if self._carried is None else CARRIED
        log.warning("controls: %s cannot be read (%s); starting with the default", where, problem)

    def _text(self) -> str | bytes:
        if self._carried is not None:
            return self._carried
        if self._path is None:
            return "{}"
        with self._path.open("rb") as file:
            return file.read(LARGEST)

    def _write(self, values: Mapping[str, bool | str]) -> None:
        if self._path is None:
            return
        try:
            replace_file(self._path, json.dumps(values))
            self._unwritten = False
        except OSError as error:
            self._unwritten = True
            log.warning("controls: %s cannot be written (%s); a restart will not know of the change", self._path, error)
