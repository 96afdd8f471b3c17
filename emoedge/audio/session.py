"""Session normalisation: what a microphone has lately heard, as mean and deviation of each log-mel band.

Voices, rooms and microphones colour the spectrum more than emotions do. Over the active frames of about the
last minute that colour is estimated and taken away: from the log-mel bands, mean and deviation of each, or from the
functionals, their mean alone. All rules are the front end's parameters `session_*`, so
training, evaluation and the daemon normalise alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.windows import windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emoedge.audio.parameters import SpeechParameters

NARROWEST = 0.25
"""Share of the prior deviation below which no band's deviation falls: a dead band must not be blown up."""

QUIET_SHARE = 0.1
"""The noise floor is the level that this share of the recent frames stays below."""

INAUDIBLE = 1e-10
"""Mean mel power that is never active, whatever the floor."""


class SessionStatistics:
    """Running mean and deviation of log-mel bands, or functionals, over active frames; a pure state machine.

    Until `session_memory` seconds of active sound were heard every frame counts the same, later the old ones
    fade exponentially with that time constant. The prior counts like `session_prior` seconds more. From
    `session_freeze` seconds on nothing changes; a pause longer than `session_reset` forgets everything when
    the next active frame comes.
    """

    def __init__(self, parameters: SpeechParameters, size: int | None = None) -> None:
        """`size` of what is followed, in place of the number of mel bands."""
        p = parameters
        size = p.mels if size is None else size
        self._memory = p.session_memory / p.hop
        self._freeze = p.session_freeze / p.hop if p.session_freeze else np.inf
        self._longest_pause = p.session_reset / p.hop if p.session_reset else np.inf
        self._prior_frames = p.session_prior / p.hop
        self._prior_mean = np.broadcast_to(np.asarray(p.session_mean, dtype=np.float64), (size,))
        self._prior_std = np.broadcast_to(np.asarray(p.session_std, dtype=np.float64), (size,))
        self._mean = np.zeros(size)
        self._square = np.zeros(size)
        self._count = 0
        self._pause = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next window is normalised by the prior alone."""
        self._mean[:] = 0.0
        self._square[:] = 0.0
        self._count = 0
        self._pause = 0

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean of each band, shape (size,), the prior blended in."""
        n, k = self.weight, self._prior_frames
        if n + k == 0:
            return self._prior_mean.copy()
        return (n * self._mean + k * self._prior_mean) / (n + k)

    @property
    def weight(self) -> float:
        """Frames that the session's own mean counts for beside the prior's."""
        return float(min(self._count, self._memory))

    @property
    def own_mean(self) -> NDArray[np.float64]:
        """Mean of what was heard alone, shape (size,); zeros where nothing was."""
        return self._mean.copy()

    @property
    def deviation(self) -> NDArray[np.float64]:
        """Deviation of each band, shape (size,), the prior blended in."""
        n, k = self.weight, self._prior_frames
        if n + k == 0:
            return self._prior_std.copy()
        variance = np.maximum(self._square - self._mean**2, 0.0)
        blended = (n * variance + k * self._prior_std**2) / (n + k)
        return np.maximum(np.sqrt(blended), NARROWEST * self._prior_std)

    def update(self, log_mel: NDArray[Any], active: NDArray[np.bool_]) -> None:
        """Take the next frames in: `log_mel` (n, size), `active` (n,); inactive ones only lengthen the pause."""
        indices = np.flatnonzero(active)
        if len(indices) == 0:
            self.pause(len(active))
            return
        pauses = np.diff(indices, prepend=-1) - 1
        pauses[0] += self._pause
        self._pause = len(active) - 1 - int(indices[-1])
        forgotten = np.flatnonzero(pauses >= self._longest_pause)
        if len(forgotten):
            self._count = 0
            indices = indices[forgotten[-1] :]
        room = self._freeze - self._count
        if room < len(indices):
            indices = indices[: max(0, int(np.ceil(room)))]
        if len(indices):
            self._fold(np.asarray(log_mel[indices], dtype=np.float64))

    def pause(self, frames: int) -> None:
        """Let `frames` pass in which nothing was heard."""
        self._pause += frames

    def normalise(self, log_mel: NDArray[Any]) -> NDArray[np.float64]:
        """`log_mel` (n, size) less the session's mean, over its deviation."""
        return np.asarray((log_mel - self.mean) / self.deviation)

    def _fold(self, frames: NDArray[np.float64]) -> None:
        rate = 1.0 / np.minimum(self._count + 1 + np.arange(len(frames)), max(self._memory, 1.0))
        kept = np.append(np.cumprod((1.0 - rate)[::-1])[::-1], 1.0)
        weight = rate * kept[1:]
        self._mean = kept[0] * self._mean + weight @ frames
        self._square = kept[0] * self._square + weight @ frames**2
        self._count += len(frames)


class SessionEar:
    """Level and activity of each frame as it arrives, from the frames of the last window's length.

    A frame is active when its mean mel power stands `session_above` dB over the noise floor (the quietest
    tenth of the recent frames) and within `session_below` dB of the loudest of them. Frames before the start
    of the stream count as silence for the level and are left out of the floor, so that a stream must be heard
    for a moment before anything is active.
    """

    def __init__(self, parameters: SpeechParameters) -> None:
        p = parameters
        self._count = p.frame_count
        self._quiet = int(QUIET_SHARE * self._count)
        self._above = 10 ** (p.session_above / 10)
        self._below = 10 ** (-p.session_below / 10)
        self._kind = p.level
        self._means = np.empty(self._count - 1)
        self._peaks = np.empty(self._count - 1)
        self.reset()

    def reset(self) -> None:
        """Forget the recent frames."""
        self._means[:] = np.inf  # not yet heard
        self._peaks[:] = 0.0

    def hear(self, power: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Next mel power frames (n, mels) to their levels (n,), as `level` has it, and activity (n,)."""
        now, recent, level = self._listen(power)
        floor = np.partition(recent, self._quiet, axis=1)[:, self._quiet]
        loudest = np.where(recent < np.inf, recent, 0.0).max(axis=1)
        active = (now > floor * self._above) & (now > loudest * self._below) & (now > INAUDIBLE)
        return level, active

    def level(self, power: NDArray[Any]) -> NDArray[np.float64]:
        """The same without the activity, which costs more than the level."""
        return self._listen(power)[2]

    def _listen(self, power: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Means of the new frames (n,), of all within each one's window (n, count), and the levels (n,)."""
        now = np.add.reduce(power, axis=1, dtype=np.float64) / power.shape[1]
        means = np.concatenate([self._means, now])
        peaks = np.concatenate([self._peaks, power.max(axis=1)])
        recent = windows(means, self._count)
        if self._kind == "window":
            level = np.add.reduce(np.where(recent < np.inf, recent, 0.0), axis=1) / self._count
        elif self._kind == "peak":
            level = windows(peaks, self._count).max(axis=1)
        else:
            level = np.ones(len(now))
        keep = len(means) - len(self._means)
        self._means, self._peaks = means[keep:], peaks[keep:]
        return now, recent, level
