"""The front end `mfcc_functionals`: a window as one vector, less what this microphone usually hears.

Frames hold the mel powers, and of active ones pitch (Hz) and periodicity; then whether they are active. Every
`session_step` seconds the newest window's functionals enter the session where enough of that step was active, so
that what a voice and its microphone always do is taken away from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.audio import mel
from emoedge.audio.features import compressed
from emoedge.audio.frames import DECISIVE, windows
from emoedge.audio.functionals import Functionals, size
from emoedge.audio.pitch import Periodicity
from emoedge.audio.session import SessionStatistics
from emoedge.audio.stream import SpeechFrontEnd
from emoedge.audio.voice_net import PARAMETERS, VoiceNet
from emoedge.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emoedge.audio.parameters import SpeechParameters

BESIDE = 3
"""Values of a frame beside its mel powers: pitch, periodicity, activity."""


class FunctionalsTransform:
    """From the frame values of one window to functionals; pure."""

    def __init__(self, name: str, parameters: SpeechParameters) -> None:
        p = self._parameters = parameters
        self._dct = mel.cosine_transform(p.mels, p.coefficients) * mel.lifter(p.lifter, p.coefficients)
        self._below = 10 ** (-p.session_below / 10)
        self._functionals = Functionals(mel.centres(p), hop=p.hop, voicing=p.voicing)
        self.shape = (size(p.coefficients),)
        for key in ("mean", "std", "session_mean"):
            value = getattr(p, key)
            if isinstance(value, tuple) and len(value) not in (1, *self.shape):
                raise ModelError(
                    f"front end {name}: {key} holds {len(value)} numbers; expected one, or {self.shape[0]}"
                )
        self._mean, self._std = np.asarray(p.mean, dtype=np.float64), np.asarray(p.std, dtype=np.float64)
        self._usual = np.broadcast_to(np.asarray(p.session_mean, dtype=np.float64), self.shape)

    def __call__(self, values: NDArray[Any], statistics: SessionStatistics | None = None) -> NDArray[np.float32]:
        """Features, float32 of `shape`, of the newest window of `values` (m, mels + BESIDE), oldest frame first.

        Less the session's mean, where `session` is `running`; then standardised. What cannot be told of the
        window counts as usual: as the session's mean.
        """
        running = self._parameters.session == "running"
        if running and statistics is None:
            raise ValueError("mfcc_functionals with session=running needs the session's statistics")
        usual = self._usual if statistics is None or not running else statistics.mean
        features = self.raw(values)
        features = np.where(np.isnan(features), usual, features)
        if running:
            features = features - usual
        return np.asarray((features - self._mean) / self._std, dtype=np.float32)

    def raw(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The functionals themselves, NaN where they cannot be told."""
        p = self._parameters
        window = np.asarray(values[-p.frame_count :])
        level = np.add.reduce(window[:, : p.mels], axis=1, dtype=np.float64)
        loudest = level.max(initial=0.0)
        at = np.flatnonzero((window[:, -1] > 0) & (level > loudest * self._below))
        power = window[at, : p.mels]
        log_mel = compressed(power, self._level(power), p)
        return self._functionals(
            log_mel @ self._dct, power, window[at, p.mels], window[at, p.mels + 1], at, level / p.mels
        )

    def _level(self, power: NDArray[Any]) -> float:
        if self._parameters.level == "none" or not len(power):
            return 1.0
        return float(power.mean(dtype=np.float64) if self._parameters.level == "window" else power.max())


class FunctionalsFrontEnd(SpeechFrontEnd):
    """A stream of samples as functionals; only active frames are searched for a pitch.

    Active is what stands out of the noise and, where `voice` is above 0, is a voice by the voice gate's net.
    """

    def __init__(self, name: str, parameters: SpeechParameters) -> None:
        p = parameters
        self._told = FunctionalsTransform(name, p)
        self._step = max(1, round(p.session_step / p.hop))
        self._enough = max(1.0, p.session_share * self._step)
        self._periodicity = Periodicity(p.pitch_length, lowest=p.f0_min, highest=p.f0_max)
        self._reach = p.pitch_length - p.frame_length
        self._past = np.zeros(self._reach)
        self._beside: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
        self._voice = p.voice
        self._net = VoiceNet() if p.voice > 0 else None
        super().__init__(
            name, p, transform=self._told, statistics=SessionStatistics(p, *self._told.shape), beside=BESIDE
        )
        if self._net is not None and not self.analysis.rows_like(self._net.analysis):
            differ = [key for key in DECISIVE if getattr(p, key) != getattr(PARAMETERS, key)]
            raise ModelError(
                f"front end {name}: voice is {p.voice:g}; with it the frames must be the voice gate's, "
                f"{', '.join(f'{key}={getattr(PARAMETERS, key)}' for key in differ)}"
            )

    def rows(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Frame values (n, width) of a whole recording, heard from the start of a stream."""
        self.reset()
        return self._rows(np.ascontiguousarray(samples, dtype=np.float64), 0.0)

    def raw(self) -> NDArray[np.float64]:
        """Functionals of the newest window as they are, NaN where they cannot be told."""
        return self._told.raw(self.power())

    def push_beside(
        self, samples: NDArray[Any], power: NDArray[np.float32], voice: NDArray[np.float32]
    ) -> None:
        """Take the next samples (n,), and mel power (n, mels) and voice (n,) of the frames that they complete."""
        self._beside = power, voice
        self.push(samples)
        self._beside = None

    def push_power(self, values: NDArray[Any]) -> None:
        """Take the next frame values, shape (n, width), as if their samples had been pushed."""
        values = np.asarray(values, dtype=np.float32)
        at = 0
        while at < len(values):
            room = self._step - self.frames % self._step
            self._keep(values[at : at + room])
            at += room
            if self.frames % self._step == 0:
                self._remember()

    def _remember(self) -> None:
        if self._parameters.session != "running":
            return
        window = self.power()
        active = int((window[-self._step :, -1] > 0).sum())
        raw = self.raw() if active >= self._enough else np.full(self.shape, np.nan)
        if np.isnan(raw).any():  # nobody's voice
            self.statistics.pause(self._step)
            return
        self.statistics.update(np.broadcast_to(raw, (active, len(raw))), np.ones(active, dtype=bool))

    def _start(self) -> None:
        super()._start()
        self._past[:] = 0.0
        if self._net is not None:
            self._net.reset()

    def _rows(self, samples: NDArray[np.float64], before: float) -> NDArray[np.float32]:
        p = self._parameters
        count = max(0, 1 + (len(samples) - p.frame_length) // p.frame_step)
        if self._beside is None:
            power = super()._rows(samples, before)
            voice = None if self._net is None else self._net.judge(power)
        else:
            power, voice = (whole[:count] for whole in self._beside)
            self._beside = self._beside[0][count:], self._beside[1][count:]
        rows = np.zeros((count, self.width), dtype=np.float32)
        rows[:, : p.mels] = power
        line = np.concatenate([self._past, samples])
        active = self._ear.hear(rows[:, : p.mels])[1]
        if voice is not None:
            active &= voice >= self._voice
        if active.any():
            frames = windows(line, p.pitch_length, p.frame_step)[:count][active]
            rows[active, p.mels], rows[active, p.mels + 1] = self._periodicity(frames)
            rows[active, -1] = 1.0
        used = count * p.frame_step
        self._past = line[used : used + self._reach].copy()
        return rows
