"""Clips of one speaker as one stream through the daemon's front end: which windows speak for which clip.

The stream is cold at its start and goes on from clip to clip, `PAUSE` seconds of digital silence between them.
A window ends every `HOP` seconds back from a clip's end. Those judge the clip that hold nearly as much of its
active sound as any of them does: `SHARE` of the most. A window over the silence before the first word says
nothing, and one that still holds the clip before speaks of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


PAUSE = 1.0
"""Seconds between two clips, about a breath."""

HOP = 0.5
"""Seconds between two classified windows, the daemon's default `speech.hop`."""

SHARE = 0.9
"""Of the most active sound of this clip that a window holds."""

ACTIVE = 1e-3
"""Sound is active where its power is above this share of the clip's loudest (-30 dB) ..."""

GRAIN = 0.02
"""... measured over this many seconds."""


class Hearer(Protocol):
    """What is asked of a front end."""

    def reset(self) -> None:
        """Start a new stream."""

    def features(self) -> NDArray[np.float32]:
        """The newest window."""


class ClipStream:
    """One speaker's stream, of samples or of mel power."""

    def __init__(
        self,
        front_end: Hearer,
        push: Callable[[NDArray[np.floating[Any]]], None],
        *,
        rate: float,
        seconds: float,
    ) -> None:
        """`push` takes what `rate` of make a second, samples or frames of mel power; windows last `seconds`."""
        self._front_end = front_end
        self._push = push
        self._rate = rate
        self._length = round(seconds * rate)
        front_end.reset()

    def play(self, clip: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Push a pause and the clip; returns the windows that judge it, (k, *shape), k >= 1, oldest first."""
        self._push(np.zeros((round(PAUSE * self._rate), *clip.shape[1:]), dtype=np.float32))
        hop = round(HOP * self._rate)
        stops = [*range(len(clip) % hop, len(clip), hop), len(clip)]
        active = self._active(clip)
        held = np.array([active[max(0, stop - self._length) : stop].sum() for stop in stops])
        windows, at = [], 0
        for stop, enough in zip(stops, held >= SHARE * held.max(), strict=True):
            self._push(clip[at:stop])
            at = stop
            if enough:
                windows.append(self._front_end.features())
        return np.stack(windows)

    def _active(self, clip: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Which samples or frames are active, (n,)."""
        power = clip.mean(axis=1) if clip.ndim > 1 else np.square(clip)
        size = max(1, round(GRAIN * self._rate))
        starts = np.arange(0, len(power), size)
        loudness = np.add.reduceat(power, starts) if len(power) else power
        return np.repeat(loudness > ACTIVE * loudness.max(initial=0.0), size)[: len(power)]
