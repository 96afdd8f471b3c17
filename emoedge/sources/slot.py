"""Holds the newest frame only: whoever is slow sees the present, not a queue of the past."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emoedge.messages import Frame


class LatestSlot:
    """One frame between two threads; a newer one replaces it and is counted."""

    def __init__(self) -> None:
        self.dropped = 0
        self._frame: Frame | None = None
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> None:
        """Replace what is there."""
        with self._changed:
            self.dropped += self._frame is not None
            self._frame = frame
            self._changed.notify_all()

    def take(self, timeout: float) -> Frame | None:
        """Newest frame, waiting up to `timeout` seconds; None when none comes."""
        with self._changed:
            if self._frame is None and timeout > 0:
                self._changed.wait(timeout)
            frame, self._frame = self._frame, None
            self._changed.notify_all()
            return frame

    def wait_empty(self, cancelled: threading.Event) -> None:
        """Wait until the frame was taken, or until `cancelled` is set (seen within 50 ms)."""
        with self._changed:
            while self._frame is not None and not cancelled.is_set():
                self._changed.wait(0.05)

    def clear(self) -> None:
        """Forget the frame; it is not counted as dropped."""
        with self._changed:
            self._frame = None
            self._changed.notify_all()

    @property
    def empty(self) -> bool:
        """Whether everything was taken."""
        return self._frame is None
