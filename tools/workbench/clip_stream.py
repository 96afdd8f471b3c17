"""Clips of one speaker as one stream through the daemon's front end: which windows speak for which clip.

The stream is cold at its start and goes on from clip to clip, `PAUSE` seconds of digital silence between
them. A clip is judged by the windows that end inside it, one every `HOP` seconds back from its end, as long as
they reach back no further than the end of the clip before; the window at the clip's end always counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from emoedge.audio.front_end import SpeechFrontEnd

PAUSE = 1.5
"""Seconds between two clips, about a breath: a window at the end of a phrase of 1.5 s holds nothing else."""

HOP = 0.5
"""Seconds between two classified windows, the daemon's default `speech.hop`."""


class ClipStream:
    """One speaker's stream. `push` takes what `rate` of make a second: samples, or frames of mel power."""

    def __init__(
        self,
        front_end: SpeechFrontEnd,
        push: Callable[[NDArray[np.floating[Any]]], None],
        *,
        rate: float,
        seconds: float,
    ) -> None:
        """`seconds`: length of the front end's window."""
        self._front_end = front_end
        self._push = push
        self._rate = rate
        self._earliest = max(seconds - PAUSE, HOP)
        front_end.reset()

    def play(self, clip: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Push the pause and the clip; returns the windows that judge it, (k, *shape), k >= 1, oldest first."""
        self._push(np.zeros((round(PAUSE * self._rate), *clip.shape[1:]), dtype=np.float32))
        length = len(clip) / self._rate
        ends = [length]
        while ends[-1] - HOP >= self._earliest:
            ends.append(ends[-1] - HOP)
        windows, at = [], 0
        for end in reversed(ends):
            stop = len(clip) if end == length else round(end * self._rate)
            self._push(clip[at:stop])
            at = stop
            windows.append(self._front_end.features())
        return np.stack(windows)
