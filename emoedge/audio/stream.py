"""A stream of samples as a model's input: they come in as they come, and each frame is computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from emoedge.audio import parameters as known
from emoedge.audio.features import FeatureTransform, compressed
from emoedge.audio.frames import FrameAnalysis
from emoedge.audio.high_pass import HighPass
from emoedge.audio.session import SessionEar, SessionStatistics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

STRIDE = 16384
"""Samples taken in at once, whatever the block; bounds the buffer."""


class Transform(Protocol):
    """What makes features of the values of a window's frames."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the features."""

    def __call__(self, values: NDArray[Any], statistics: SessionStatistics | None = None) -> NDArray[np.float32]:
        """Features, float32, of the newest window of `values` (m, width)."""


class SpeechFrontEnd:
    """A stream of samples, its newest window of frame values, and that window as features.

    Built by `emoedge.audio.front_end.build`. All memory is allocated at construction; a push costs what its new
    frames cost.
    """

    def __init__(
        self,
        name: str,
        parameters: known.SpeechParameters,
        *,
        transform: Transform | None = None,
        statistics: SessionStatistics | None = None,
        beside: int = 0,
    ) -> None:
        """`beside`: values of a frame that are not made by `analysis`."""
        p = self._parameters = parameters
        self.name = name
        self.analysis = FrameAnalysis(name, p)
        self.width = self.analysis.width + beside
        """Values held for each frame: the mel powers and what the front end needs beside them."""
        self._transform = FeatureTransform(name, p) if transform is None else transform
        self._high_pass = HighPass(p.highpass)
        self._samples = np.zeros(p.frame_length + STRIDE)
        self._ring = np.zeros((2 * p.frame_count, self.width), dtype=np.float32)
        self._ear = SessionEar(p)
        self.statistics = SessionStatistics(p) if statistics is None else statistics
        """What session normalisation knows; follows the stream only where `session` is `running`."""
        self.reset()

    def reset(self) -> None:
        """Start a new stream: no samples, no frames, no session."""
        self._frames = 0
        self.statistics.reset()
        self._start()

    def interrupt(self, lost: int) -> None:
        """Start a new window after a gap of `lost` samples; the session, of the same microphone, goes on."""
        self.statistics.pause(lost // self._parameters.frame_step)
        self._start()

    def _start(self) -> None:
        self._held = 0
        self._skip = 0
        self._before = 0.0
        self._high_pass.reset()
        self._filled = self._parameters.frame_count
        self._ring[:] = 0.0
        self._ear.reset()

    @property
    def parameters(self) -> Mapping[str, object]:
        """Every parameter of this front end with its value, defaults included; JSON-ready."""
        return known.complete(self.name, self._parameters)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the features."""
        return self._transform.shape

    @property
    def window_samples(self) -> int:
        """Samples of the classified window that its frames cover."""
        p = self._parameters
        return p.frame_length + (p.frame_count - 1) * p.frame_step

    @property
    def frames(self) -> int:
        """Frames computed since the start of the stream."""
        return self._frames

    def push(self, samples: NDArray[Any]) -> None:
        """Take the next samples, shape (n,), mono at 16 kHz, -1..1; computes the frames they complete."""
        heard = self._high_pass.push(samples)
        for start in range(0, len(heard), STRIDE):
            self._take(heard[start : start + STRIDE])

    def push_beside(
        self,
        samples: NDArray[Any],
        power: NDArray[np.float32] | None,
        voice: NDArray[np.float32],  # noqa: ARG002 - others need them
    ) -> None:
        """The same, where the voice gate's net has made voice probabilities (n,) of the frames that are complete now.

        `power`: their mel power (n, mels), where `analysis.rows_like` says that it is this front end's.
        """
        if power is None:
            self.push(samples)
        elif len(power):
            self.push_power(power)

    def push_power(self, values: NDArray[Any]) -> None:
        """Take the next frame values, shape (n, width), as if their samples had been pushed."""
        values = np.asarray(values, dtype=np.float32)
        p, count = self._parameters, self._parameters.frame_count
        if p.session == "running":
            for start in range(0, len(values), count):
                power = values[start : start + count, : p.mels]
                level, active = self._ear.hear(power)
                if active.any():
                    self.statistics.update(compressed(power, level[:, None], p), active)
                else:
                    self.statistics.pause(len(active))
        self._keep(values)

    def _keep(self, values: NDArray[np.float32]) -> None:
        count = self._parameters.frame_count
        self._frames += len(values)
        values = values[-count:]
        if self._filled + len(values) > len(self._ring):
            self._ring[:count] = self._ring[self._filled - count : self._filled]
            self._filled = count
        self._ring[self._filled : self._filled + len(values)] = values
        self._filled += len(values)

    @property
    def tells(self) -> bool:
        """Whether the newest window holds enough to tell a model anything."""
        return True

    def features(self) -> NDArray[np.float32]:
        """The newest window as the model wants it, float32 of `shape`.

        A stream that is still shorter than the window counts as preceded by digital silence.
        """
        return self._transform(self.power(), self.statistics)

    def power(self) -> NDArray[np.float32]:
        """Frame values of the newest window, (frames of the window, width), zeros before the stream's start."""
        return self._ring[self._filled - self._parameters.frame_count : self._filled]

    def _take(self, samples: NDArray[Any]) -> None:
        p = self._parameters
        if self._skip:  # a hop longer than the frame leaves a gap between frames
            dropped = min(self._skip, len(samples))
            self._skip -= dropped
            if dropped:
                self._before = float(samples[dropped - 1])
            samples = samples[dropped:]
        end = self._held + len(samples)
        self._samples[self._held : end] = samples
        self._held = end
        if end < p.frame_length:
            return
        values = self._rows(self._samples[:end], self._before)
        used = len(values) * p.frame_step
        self._before = float(self._samples[min(used, end) - 1])
        self._skip = max(0, used - end)
        self._held = max(0, end - used)
        self._samples[: self._held] = self._samples[used:end].copy()
        self.push_power(values)

    def _rows(self, samples: NDArray[np.float64], before: float) -> NDArray[np.float32]:
        """Values (n, width) of all whole frames in `samples`; `before` is the sample that preceded the first."""
        return self.analysis.values(samples, before)
