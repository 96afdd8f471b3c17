"""The front end `mfcc_functionals`: a window as one vector, less what this microphone usually hears.

With `embedding`, what a net makes of the window stands behind the functionals, and is treated as they are.

Frames hold the mel powers, and of active ones pitch (Hz) and periodicity; then whether they are active. Every
`session_step` seconds the newest window's functionals enter the session where enough of that step was active, so
that what a voice and its microphone always do is taken away from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.audio import embedding, mel
from emoedge.audio.features import compressed
from emoedge.audio.frames import DECISIVE
from emoedge.audio.functionals import LEAST, Functionals, size
from emoedge.audio.pitch import Periodicity
from emoedge.audio.session import SessionStatistics
from emoedge.audio.stream import SpeechFrontEnd
from emoedge.audio.voice_net import PARAMETERS, VoiceNet
from emoedge.errors import ModelError
from emoedge.windows import windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emoedge.audio.parameters import SpeechParameters

BESIDE = 3
"""Values of a frame beside its mel powers: pitch, periodicity, activity."""


class FunctionalsTransform:
    """From the frame values of one window to functionals; pure."""

    def __init__(self, name: str, parameters: SpeechParameters, weights: bytes = b"") -> None:
        """`weights`: of the net that `embedding` asks for, see `emoedge.audio.embedding`."""
        p = self._parameters = parameters
        self._net = _net(name, p, weights)
        self._dct = mel.cosine_transform(p.mels, p.coefficients) * mel.lifter(p.lifter, p.coefficients)
        self._below = 10 ** (-p.session_below / 10)
        try:
            self._functionals = Functionals(mel.centres(p), hop=p.hop, voicing=p.voicing)
        except ValueError as error:
            raise ModelError(f"front end {name}: {error}") from error
        self.shape = (size(p.coefficients) + p.embedding,)
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
        return self.told(self.raw(values), statistics)

    def told(
        self, features: NDArray[np.float64], statistics: SessionStatistics | None = None
    ) -> NDArray[np.float32]:
        """The same, of a window's functionals as they are, shape `shape`."""
        running = self._parameters.session == "running"
        if running and statistics is None:
            raise ValueError("mfcc_functionals with session=running needs the session's statistics")
        usual = self._usual if statistics is None or not running else statistics.mean
        features = np.where(np.isnan(features), usual, features)
        if running:
            features = features - usual
        return np.asarray((features - self._mean) / self._std, dtype=np.float32)

    def raw(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The functionals themselves, NaN where they cannot be told."""
        p = self._parameters
        window = np.asarray(values[-p.frame_count :])
        at, loudness = self._active(window)
        power, log_mel = window[at, : p.mels], self._log_mel(window, at)
        told = self._functionals(
            log_mel[at] @ self._dct, power, window[at, p.mels], window[at, p.mels + 1], at, loudness
        )
        if self._net is None:
            return told
        if len(at) < LEAST:
            return np.concatenate([told, np.full(self._net.size, np.nan)])
        frames = embedding.frames(log_mel, window[:, p.mels], window[:, p.mels + 1])
        return np.concatenate([told, self._net(frames, self._near(at, len(window)))])

    def frames(self, values: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """The newest window of `values` as frames (n, mels + embedding.BESIDE) of a net; which ones its mean counts."""
        p = self._parameters
        window = np.asarray(values[-p.frame_count :])
        at, _ = self._active(window)
        frames = embedding.frames(self._log_mel(window, at), window[:, p.mels], window[:, p.mels + 1])
        return frames, self._near(at, len(window))

    def _near(self, at: NDArray[np.intp], count: int) -> NDArray[np.intp]:
        return embedding.near(at, count, round(self._parameters.embedding_around / self._parameters.hop))

    def _log_mel(self, window: NDArray[Any], at: NDArray[np.intp]) -> NDArray[np.float64]:
        """Of all frames, levelled by the active ones `at`."""
        p = self._parameters
        return compressed(window[:, : p.mels], self._level(window[at, : p.mels]), p)

    def _active(self, window: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Numbers of the active frames that are no whisper beside the loudest; the mean mel power of all."""
        loudness = np.add.reduce(window[:, : self._parameters.mels], axis=1, dtype=np.float64) / self._parameters.mels
        least = loudness.max(initial=0.0) * self._below
        return np.flatnonzero((window[:, -1] > 0) & (loudness > least)), loudness

    def _level(self, power: NDArray[Any]) -> float:
        if self._parameters.level == "none" or not len(power):
            return 1.0
        return float(power.mean(dtype=np.float64) if self._parameters.level == "window" else power.max())


class FunctionalsFrontEnd(SpeechFrontEnd):
    """A stream of samples as functionals; only active frames are searched for a pitch.

    Active is what stands out of the noise and, where `voice` is above 0, is a voice by the voice gate's net.
    """

    def __init__(self, name: str, parameters: SpeechParameters, weights: bytes = b"") -> None:
        """`weights`: of the net that `embedding` asks for."""
        p = parameters
        self._told = FunctionalsTransform(name, p, weights)
        self._newest: NDArray[np.float64] | None = None
        self._step = max(1, round(p.session_step / p.hop))
        self._enough = max(1.0, p.session_share * self._step)
        self._periodicity = Periodicity(p.pitch_length, lowest=p.f0_min, highest=p.f0_max)
        self._reach = p.pitch_length - p.frame_length
        self._past = np.zeros(self._reach)
        self._powers: NDArray[np.float32] | None = None
        """What the voice gate's net made of the coming frames, where it analysed them as they are wanted here ..."""
        self._voices = np.zeros(0, dtype=np.float32)
        """... and how likely voices they are."""
        self._voice = p.voice
        self._net = VoiceNet() if p.voice > 0 else None
        super().__init__(
            name, p, transform=self._told, statistics=SessionStatistics(p, *self._told.shape), beside=BESIDE
        )
        # That net hears rumble and hum, too: they tell it what is no voice.
        differ = [key for key in DECISIVE if key != "highpass" and getattr(p, key) != getattr(PARAMETERS, key)]
        if self._net is not None and differ:
            raise ModelError(
                f"front end {name}: voice is {p.voice:g}; with it the frames must be the voice gate's, "
                f"{', '.join(f'{key}={getattr(PARAMETERS, key)}' for key in differ)}"
            )

    def rows(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Frame values (n, width) of a whole recording, heard from the start of a stream."""
        self.reset()
        self._judge(samples)
        return self._rows(np.ascontiguousarray(self._high_pass.push(samples), dtype=np.float64), 0.0)

    @property
    def tells(self) -> bool:
        """Whether enough frames of the newest window are active; where not, `features` are what is usual."""
        return not np.isnan(self.raw()).all()

    def raw(self) -> NDArray[np.float64]:
        """Functionals of the newest window as they are, NaN where they cannot be told."""
        if self._newest is None:
            self._newest = self._told.raw(self.power())
        return self._newest

    def features(self) -> NDArray[np.float32]:
        """The newest window as the model wants it, float32 of `shape`."""
        return self._told.told(self.raw(), self.statistics)

    def push(self, samples: NDArray[Any]) -> None:
        """Take the next samples, shape (n,), mono at 16 kHz, -1..1; computes the frames they complete."""
        self._judge(samples)
        super().push(samples)

    def push_beside(
        self, samples: NDArray[Any], power: NDArray[np.float32] | None, voice: NDArray[np.float32]
    ) -> None:
        """The same, with voice (n,) of the frames that the samples complete, and their mel power where it fits."""
        self._powers, self._voices = power, voice
        super().push(samples)
        self._powers = None

    def _judge(self, samples: NDArray[Any]) -> None:
        if self._net is not None:
            self._voices = self._net.push(samples)[1]

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

    def _keep(self, values: NDArray[np.float32]) -> None:
        self._newest = None
        super()._keep(values)

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
        self._newest = None
        self._past[:] = 0.0
        if self._net is not None:
            self._net.reset()

    def _rows(self, samples: NDArray[np.float64], before: float) -> NDArray[np.float32]:
        p = self._parameters
        count = max(0, 1 + (len(samples) - p.frame_length) // p.frame_step)
        if self._powers is None:
            power = super()._rows(samples, before)
        else:
            power, self._powers = self._powers[:count], self._powers[count:]
        voice, self._voices = self._voices[:count], self._voices[count:]
        rows = np.zeros((count, self.width), dtype=np.float32)
        rows[:, : p.mels] = power
        line = np.concatenate([self._past, samples])
        active = self._ear.hear(rows[:, : p.mels])[1]
        if self._net is not None:
            active &= voice >= self._voice
        if active.any():
            frames = windows(line, p.pitch_length, p.frame_step)[:count][active]
            rows[active, p.mels], rows[active, p.mels + 1] = self._periodicity(frames)
            rows[active, -1] = 1.0
        used = count * p.frame_step
        self._past = line[used : used + self._reach].copy()
        return rows


def _net(name: str, p: SpeechParameters, weights: bytes) -> embedding.Embedding | None:
    if not p.embedding and not weights:
        return None
    if not weights:
        raise ModelError(f"front end {name}: embedding is {p.embedding}, but there are no weights of a net")
    net = embedding.Embedding(weights)
    if (net.size, net.inputs) != (p.embedding, p.mels + embedding.BESIDE):
        raise ModelError(
            f"front end {name}: its net makes {net.size} numbers of frames of {net.inputs}; expected embedding, "
            f"{p.embedding}, of {p.mels + embedding.BESIDE}"
        )
    return net
