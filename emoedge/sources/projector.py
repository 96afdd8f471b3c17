"""Shows a film as if it were a camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emoedge.sources.film import open_film
from emoedge.sources.keeper import TICK
from emoedge.sources.picture import NOTHING
from emoedge.sources.quiet import quiet_video

if TYPE_CHECKING:
    import threading

    from emoedge.config.camera import CameraConfig
    from emoedge.ports import Clock
    from emoedge.sources.picture import TimedPicture
    from emoedge.sources.slot import LatestSlot


class Projector:
    """Shows a film: at its own speed, or each picture when the one before was taken; again if it loops."""

    def __init__(self, config: CameraConfig, clock: Clock, slot: LatestSlot, cancelled: threading.Event) -> None:
        quiet_video()
        self._film = open_film(config.source, config.fps)
        self._config = config
        self._clock = clock
        self._slot = slot
        self._cancelled = cancelled
        self._begun = clock.monotonic()
        self._shown = 0
        self._last = 0.0
        self._step = 1 / config.fps  # of a single picture, which stands as long as one of a camera's

    def read(self) -> TimedPicture | None:
        """Next picture, when its time has come; an empty one stands for a broken one."""
        item = self._film.read()
        if item is None and self._config.loop and self._shown:
            self._film.close()
            self._film = open_film(self._config.source, self._config.fps)
            self._begun += self._last + self._step  # the last picture stands as long as the others
            self._last = 0.0
            item = self._film.read()
        if item is None:
            return None
        image, at = item
        self._shown += 1
        self._last, self._step = at, at - self._last or self._step
        if self._config.paced:
            self._sleep(self._begun + at)
        else:
            self._slot.wait_empty(self._cancelled)
        return (NOTHING if image is None else image), self._clock.monotonic()

    def _sleep(self, until: float) -> None:
        while not self._cancelled.is_set() and (left := until - self._clock.monotonic()) > 0:
            self._cancelled.wait(min(left, TICK))

    def close(self) -> None:
        """Release the film."""
        self._film.close()
