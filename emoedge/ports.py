"""The seams of the house: what can be swapped, and what each side may expect of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from emoedge.emotions import Scores
    from emoedge.messages import AudioBlock, Box, Event, Frame, SensorStatus, State


class Clock(Protocol):
    """Time: monotonic for all durations, wall only as a label on what leaves the device."""

    def monotonic(self) -> float:
        """Seconds, never jumps back."""
        ...

    def wall(self) -> datetime:
        """UTC, may jump."""
        ...

    def synced(self) -> bool:
        """Whether the wall clock is known to be right (`clock: synced`)."""
        ...


class FrameSource(Protocol):
    """A camera that looks after itself: reopens with backoff, never raises once started."""

    def start(self) -> None:
        """Begin; returns at once."""
        ...

    def stop(self) -> None:
        """Release the device; returns within a second, may be started again."""
        ...

    def take(self, timeout: float) -> Frame | None:
        """Newest frame not yet taken, waiting up to `timeout` seconds; None when there is none."""
        ...

    @property
    def status(self) -> SensorStatus:
        """Present state."""
        ...

    @property
    def problem(self) -> str | None:
        """Why it is not online, one line."""
        ...

    @property
    def ended(self) -> bool:
        """True once a file source that does not loop has been played to its end and all was taken."""
        ...

    @property
    def counters(self) -> Mapping[str, int]:
        """`delivered`, `dropped`, `invalid`, `reopened`: totals since construction."""
        ...


class AudioSource(Protocol):
    """A microphone that looks after itself: reopens with backoff, never raises once started."""

    def start(self) -> None:
        """Begin; returns at once."""
        ...

    def stop(self) -> None:
        """Release the device; returns within a second, may be started again."""
        ...

    def take(self) -> Sequence[AudioBlock]:
        """All blocks that arrived since the last call, oldest first; never waits."""
        ...

    @property
    def status(self) -> SensorStatus:
        """Present state."""
        ...

    @property
    def problem(self) -> str | None:
        """Why it is not online, one line."""
        ...

    @property
    def ended(self) -> bool:
        """True once a file source that does not loop has been played to its end and all was taken."""
        ...

    @property
    def counters(self) -> Mapping[str, int]:
        """`delivered`, `dropped`, `invalid` in samples, `clipped` in blocks, `reopened`: totals since construction."""
        ...


class FaceDetector(Protocol):
    """Finds faces in a gray picture."""

    def detect(
        self, gray: NDArray[np.uint8], *, minimum: int, maximum: int | None = None, quick: bool = False
    ) -> Sequence[Box]:
        """Boxes of faces with sides between `minimum` and `maximum` pixels in `gray` (height x width).

        `quick`: a first look whose finds are looked at again, which may be coarser and less choosy.
        """
        ...


class Classifier(Protocol):
    """A model behind its front end: features in, canonical scores out."""

    def classify(self, features: NDArray[np.floating[Any]]) -> Scores | None:
        """Calibrated scores of one input, shaped and scaled as the model file's front end makes it.

        None where it tells nothing: no opinion may come of it.
        """
        ...


class Sink(Protocol):
    """Somewhere events and state go; never blocks the caller, never raises."""

    def start(self) -> None:
        """Begin; returns at once."""
        ...

    def event(self, event: Event) -> None:
        """Take an event for delivery."""
        ...

    def state(self, state: State) -> None:
        """Take the present state; sinks decide how often they tell it."""
        ...

    def stop(self) -> None:
        """Deliver what can be delivered within a second or two, then close."""
        ...
