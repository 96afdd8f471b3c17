"""A camera, a stream or a film as the port FrameSource: the newest frame, looked after in a thread."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from emoedge.messages import Frame, SensorStatus
from emoedge.sources.address import Kind, camera_kind
from emoedge.sources.capture import Capture
from emoedge.sources.keeper import Device, Keeper
from emoedge.sources.picture import Adjustment, dark, same, to_bgr
from emoedge.sources.projector import Projector
from emoedge.sources.slot import LatestSlot

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from emoedge.config.camera import CameraConfig
    from emoedge.ops.backoff import Backoff
    from emoedge.ports import Clock
    from emoedge.sources.picture import TimedPicture


log = logging.getLogger(__name__)


class Camera:
    """Implements FrameSource. The constructor does nothing but remember.

    `wanted`: told the time in seconds of each picture that a device or stream delivers, says whether it is worth
    decoding; the others cost next to nothing. None takes all.
    `once`: the end of a film is the end; else it is a loss like a device's, and the film is opened again.
    """

    def __init__(
        self,
        config: CameraConfig,
        clock: Clock,
        backoff: Backoff | None = None,
        wanted: Callable[[float], bool] | None = None,
        *,
        once: bool = True,
    ) -> None:
        self._config = config
        self._clock = clock
        self._wanted = wanted
        self._kind = camera_kind(config.source)
        self._live = self._kind in {Kind.DEVICE, Kind.STREAM}
        self._adjustment = Adjustment.of(config)
        self._slot = LatestSlot()
        self._previous: NDArray[Any] | None = None
        self._frozen = False
        self._index = 0
        self._delivered = 0
        self._invalid = 0
        self._beside: str | None = None
        self._warned = False
        self._keeper = Keeper(
            name="camera",
            open=self._open,
            accept=self._accept,
            clock=clock,
            live=self._live,
            stall_timeout=config.stall_timeout,
            once=once,
            backoff=backoff,
            repeated=self._repeated,
        )

    def start(self) -> None:
        """Begin; returns at once."""
        self._index = 0
        self._previous = None
        self._keeper.start()

    def stop(self) -> None:
        """Release the device; returns within a second, may be started again."""
        self._keeper.stop()
        self._slot.clear()

    def take(self, timeout: float) -> Frame | None:
        """Newest frame not yet taken, waiting up to `timeout` seconds; None when there is none."""
        frame = self._slot.take(timeout)
        self._delivered += frame is not None
        return frame

    @property
    def status(self) -> SensorStatus:
        """Present state."""
        return self._keeper.status

    @property
    def problem(self) -> str | None:
        """Why it is not online, one line, without a URL's password."""
        return self._keeper.problem and (self._beside or self._keeper.problem)

    @property
    def ended(self) -> bool:
        """True once a film that does not loop was played to its end and all was taken."""
        return self._keeper.ended and self._slot.empty

    @property
    def counters(self) -> Mapping[str, int]:
        """`delivered`, `dropped`, `invalid`, `reopened`: totals since construction."""
        return {
            "delivered": self._delivered,
            "dropped": self._slot.dropped,
            "invalid": self._invalid,
            "reopened": self._keeper.reopened,
        }

    def _open(self, cancelled: threading.Event) -> Device[TimedPicture]:
        self._beside = None
        if self._live:
            return Capture(self._config, self._clock, self._wanted, cancelled)
        return Projector(self._config, self._clock, self._slot, cancelled)

    def _accept(self, picture: TimedPicture) -> bool:
        """Put a picture into the slot; whether it shows that the camera lives."""
        raw, at = picture
        image = to_bgr(raw)
        adjusted = None if image is None else self._adjustment.apply(image)
        if image is None or adjusted is None:
            self._frozen = False
            self._invalid += 1
            if image is not None and (cause := self._adjustment.misfit(image)) is not None:
                self._miss(cause)
            return False
        self._beside = None
        # A film may stand still; a sensor's noise makes every picture of a living camera another one.
        frozen = self._live and self._previous is not None and same(image, self._previous)
        self._previous, self._frozen = image, frozen
        if not frozen or self._keeper.status is SensorStatus.ONLINE:
            self._slot.put(Frame(adjusted, at, self._index))
            self._index += 1
        return not frozen

    def _repeated(self) -> str:
        """What comes again and again. In full darkness there may be no noise: the picture of a living camera, too."""
        image = self._previous
        if self._frozen and image is not None and dark(image):
            return "the same dark picture again and again; is the lens covered, or the light off?"
        return "the same again and again"

    def _miss(self, cause: str) -> None:
        """The region or a zone was made for pictures of another size; said once."""
        self._beside = cause
        if not self._warned:
            self._warned = True
            log.warning("camera: %s", cause)
