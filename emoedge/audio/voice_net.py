"""How likely each frame of sound is a voice: a small causal convolution net on log-mel frames, in NumPy.

Trained by `tools/train_voice.py`, measured by `tools/evaluate_voice.py`; the weights are
`emoedge/audio/voice_net.npz`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.audio.features import compressed
from emoedge.audio.frames import FrameAnalysis
from emoedge.audio.parameters import SpeechParameters
from emoedge.audio.session import SessionEar

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PARAMETERS = SpeechParameters(seconds=1.5, level="window", floor=-60.0)
"""Frames of the net: 25 ms Hann, hop 20 ms, 40 bands, levelled by the mean power of the last 1.5 s."""

CENTRE, SCALE = -5.0, 4.0
"""Brings log-mel values to about -2..2."""

WEIGHTS = "voice_net.npz"


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One causal convolution over time, ReLU after it in all layers but the last."""

    kernel: NDArray[np.float32]
    """(taps, inputs, outputs); the last tap falls on the present frame."""
    bias: NDArray[np.float32]
    """(outputs,)."""
    dilation: int
    """Frames between taps."""

    @property
    def context(self) -> int:
        """Past frames needed."""
        return (len(self.kernel) - 1) * self.dilation


def read_layers(file: Path | None = None) -> tuple[Layer, ...]:
    """Layers from an `.npz` with `kernel0 bias0 dilation0 kernel1 …`; the shipped ones where none is named."""
    source = resources.files("emoedge.audio").joinpath(WEIGHTS) if file is None else file
    with source.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
        return tuple(
            Layer(
                held[f"kernel{i}"].astype(np.float32),
                held[f"bias{i}"].astype(np.float32),
                int(held[f"dilation{i}"]),
            )
            for i in range(sum(name.startswith("kernel") for name in held.files))
        )


class VoiceInput:
    """Mel power of a stream as the net's input: levelled, floored, logarithm, centred."""

    def __init__(self) -> None:
        self._ear = SessionEar(PARAMETERS)

    def reset(self) -> None:
        """Start a new stream."""
        self._ear.reset()

    def frames(self, power: NDArray[Any]) -> NDArray[np.float32]:
        """Next mel power (n, 40) to input frames (n, 40)."""
        level = self._ear.level(power)
        log_mel = compressed(power, level[:, None], PARAMETERS)
        return np.asarray((log_mel - CENTRE) / SCALE, dtype=np.float32)


class VoiceNet:
    """A stream of samples in, one voice probability for each 20 ms frame out."""

    def __init__(self, layers: tuple[Layer, ...] | None = None) -> None:
        self._layers = read_layers() if layers is None else layers
        # Taps laid side by side: a convolution is one product of matrices.
        self._flat = [np.ascontiguousarray(layer.kernel.reshape(-1, layer.kernel.shape[2])) for layer in self._layers]
        self.analysis = FrameAnalysis("log_mel", PARAMETERS)
        self._input = VoiceInput()
        self._pasts = [np.zeros((layer.context, layer.kernel.shape[1]), np.float32) for layer in self._layers]
        self._samples = np.zeros(0)

    def reset(self) -> None:
        """Start a new stream."""
        self._samples = np.zeros(0)
        self._input.reset()
        for past in self._pasts:
            past[:] = 0.0

    def push(self, samples: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Take the next samples (n,); returns the new frames' mel power (m, 40) and probabilities (m,)."""
        held = np.concatenate([self._samples, samples])
        power = self.analysis.values(held)
        self._samples = held[len(power) * PARAMETERS.frame_step :]
        return power, self.judge(power)

    def judge(self, power: NDArray[Any]) -> NDArray[np.float32]:
        """Probabilities (m,) of the next mel power frames (m, 40)."""
        if len(power) == 0:
            return np.zeros(0, dtype=np.float32)
        x = self._input.frames(power)
        count, last = len(x), len(self._layers) - 1
        for i, layer in enumerate(self._layers):
            line = np.concatenate((self._pasts[i], x))
            self._pasts[i] = line[count:]
            y = _columns(line, count, layer) @ self._flat[i]
            y += layer.bias
            x = y if i == last else np.maximum(y, 0.0, out=y)
        return np.asarray(1.0 / (1.0 + np.exp(-x[:, 0])), dtype=np.float32)


def _columns(line: NDArray[np.float32], count: int, layer: Layer) -> NDArray[np.float32]:
    """What each of the newest `count` rows of `line` (context + count, inputs) is computed from, one row each."""
    taps, inputs, _ = layer.kernel.shape
    row, item = line.strides
    views: NDArray[np.float32] = np.ndarray(
        (count, taps, inputs), line.dtype, line, strides=(row, layer.dilation * row, item)
    )
    # A copy: overlapping rows are not what BLAS takes, and without it the product costs ten times as much.
    return views.copy().reshape(count, taps * inputs)
