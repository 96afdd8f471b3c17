"""Speech front ends: samples in as they come, a model's input out; each frame computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.audio import parameters as known
from emoedge.audio.features import FeatureTransform, logarithm
from emoedge.audio.frames import FrameAnalysis
from emoedge.audio.session import SessionEar, SessionStatistics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from emoedge.inference.spec import FrontEndSpec

STRIDE = 8192
"""Samples taken in at once, whatever the block; bounds the buffer."""


class SpeechFrontEnd:
    """A stream of samples, its newest window of frame values, and that window as features.

    Built by `build`. All memory is allocated at construction; a push costs what its new frames cost.
    """

    def __init__(self, name: str, parameters: known.SpeechParameters) -> None:
        p = self._parameters = parameters
        self.name = name
        self.analysis = FrameAnalysis(name, p)
        self._transform = FeatureTransform(name, p)
        self._samples = np.zeros(p.frame_length + STRIDE)
        self._ring = np.zeros((2 * p.frame_count, self.analysis.width), dtype=np.float32)
        self._ear = SessionEar(p)
        self.statistics = SessionStatistics(p)
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

    @property
    def width(self) -> int:
        """Values held for each frame: the mel powers and what the front end needs beside them."""
        return self.analysis.width

    def push(self, samples: NDArray[Any]) -> None:
        """Take the next samples, shape (n,), mono at 16 kHz, -1..1; computes the frames they complete."""
        for start in range(0, len(samples), STRIDE):
            self._take(samples[start : start + STRIDE])

    def push_power(self, values: NDArray[Any]) -> None:
        """Take the next frame values, shape (n, width), as if their samples had been pushed."""
        values = np.asarray(values, dtype=np.float32)
        p, count = self._parameters, self._parameters.frame_count
        self._frames += len(values)
        if p.session == "running":
            for start in range(0, len(values), count):
                power = values[start : start + count, : p.mels]
                level, active = self._ear.hear(power)
                if active.any():
                    self.statistics.update(logarithm(power, level[:, None], p), active)
                else:
                    self.statistics.pause(len(active))
        values = values[-count:]
        if self._filled + len(values) > len(self._ring):
            self._ring[:count] = self._ring[self._filled - count : self._filled]
            self._filled = count
        self._ring[self._filled : self._filled + len(values)] = values
        self._filled += len(values)

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
        values = self.analysis.values(self._samples[:end], self._before)
        used = len(values) * p.frame_step
        self._before = float(self._samples[min(used, end) - 1])
        self._skip = max(0, used - end)
        self._held = max(0, end - used)
        self._samples[: self._held] = self._samples[used:end].copy()
        self.push_power(values)


def build(spec: FrontEndSpec) -> SpeechFrontEnd:
    """The front end that a model file asks for; ModelError where the name or a parameter is wrong."""
    return SpeechFrontEnd(spec.name, known.parse(spec))


def mel_power(samples: NDArray[Any], spec: FrontEndSpec) -> NDArray[np.float32]:
    """Frame values (n, width) of a whole recording: mel power, then what the front end needs beside it.

    The very rows that the stream would have computed, for caching and augmenting in training.
    """
    return FrameAnalysis(spec.name, known.parse(spec)).values(np.asarray(samples))


def features_from_power(
    power: NDArray[Any], spec: FrontEndSpec, statistics: SessionStatistics | None = None
) -> NDArray[np.float32]:
    """Features of the newest window of `power` (n, width); shorter ones are preceded by silence.

    `statistics`: those of the session, needed where `session` is `running`.
    """
    return FeatureTransform(spec.name, known.parse(spec))(power, statistics)
