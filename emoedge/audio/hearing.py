"""The hearing room as one value: blocks of samples in; who speaks, and classified windows of speech, out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emoedge.audio.speech_quality import SpeechQuality
from emoedge.audio.voice_gate import VoiceGate
from emoedge.audio.voice_net import VoiceNet
from emoedge.emotions import Reason
from emoedge.messages import SAMPLE_RATE, HearingResult, SpeechObservation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from emoedge.audio.front_end import SpeechFrontEnd
    from emoedge.config.speech import SpeechConfig
    from emoedge.messages import AudioBlock
    from emoedge.ports import Classifier

STEP = 1600
"""Samples worked on at once (0.1 s), on a grid that starts with the stream: so blocks don't matter."""

SAVED = 10
"""Steps that the front end is given at once while nobody speaks: it takes less time than step by step."""

FULL_SCALE = 0.9999
"""Magnitude from which a sample counts as clipped."""


class Hearing:
    """Gate, features and classifier of one microphone; deterministic, whatever the size of the blocks.

    While somebody speaks a window is classified every `speech.hop` seconds, and once more when the gate
    shuts. Nothing is classified while it is shut. Without a front end or a classifier only the gate works.
    """

    def __init__(
        self, config: SpeechConfig, front_end: SpeechFrontEnd | None, classifier: Classifier | None
    ) -> None:
        self._full_hop = config.hop
        self.hop = config.hop
        """Seconds between two classified windows now."""
        self._front_end = front_end if classifier is not None else None
        self._classifier = classifier
        self._net = VoiceNet()
        # A model trained on the gate's own frames spares their second analysis.
        self._shared = front_end is not None and front_end.analysis.rows_like(self._net.analysis)
        self._gate = VoiceGate(config)
        window = 3.0 if front_end is None else front_end.window_samples / SAMPLE_RATE
        self._quality = SpeechQuality(config, window)
        self._samples = np.zeros(STEP, dtype=np.float32)
        self._clipped = np.zeros(STEP)
        self._held = 0
        self._saved: list[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]] = []
        """Samples, mel power and voice probabilities that the front end has not been given yet."""
        self._spoken = 0.0
        self._due = 0.0
        self._counts = {"invalid": 0, "losses": 0, "classified": 0, "refused": 0}

    def slow(self, stretch: float) -> None:
        """Let this many times `speech.hop` pass between two windows from the next one on, 1 or more."""
        self.hop = self._full_hop * stretch

    @property
    def counters(self) -> Mapping[str, int]:
        """Totals: `invalid` (samples NaN or infinite), `losses` (gaps), `classified`, `refused` (windows)."""
        return dict(self._counts)

    def hear(self, block: AudioBlock) -> HearingResult:
        """Take the next block of the stream; its `at` dates the observations."""
        if block.lost > 0:
            self._start_anew(block.lost)
        samples, count = block.samples, len(block.samples)
        observations: list[SpeechObservation] = []
        at = 0
        while at < count:
            end = min(STEP, self._held + count - at)
            taken = end - self._held
            self._samples[self._held : end] = samples[at : at + taken]
            self._clipped[self._held : end] = block.clipped
            at += taken
            self._held = end
            if end == STEP:
                self._held = 0
                observation = self._step(block.at - (count - at) / SAMPLE_RATE)
                if observation is not None:
                    observations.append(observation)
        return HearingResult(block.at, self._gate.open, tuple(observations))

    def finish(self, at: float) -> HearingResult:
        """The recording ends at `at`: one more window where somebody spoke since the last one."""
        observations: tuple[SpeechObservation, ...] = ()
        if self._gate.open and self._spoken > self._due - self.hop + 1e-6:
            last = self._observation(at)
            observations = () if last is None else (last,)
        return HearingResult(at, self._gate.open, observations)

    def _step(self, at: float) -> SpeechObservation | None:
        was_open = self._gate.open
        clipped = self._clean()
        power, probabilities = self._net.push(self._samples)
        states = self._gate.update(probabilities)
        self._quality.update(power, probabilities, clipped)
        opened = bool(states.any())
        if self._front_end is not None:
            self._saved.append((self._samples.copy(), power, probabilities))
            if was_open or opened or len(self._saved) == SAVED:
                self._hand_over(self._front_end)
        if not was_open and not opened:
            return None
        if not was_open:
            self._spoken, self._due = 0.0, self.hop
        self._spoken += STEP / SAMPLE_RATE
        if self._gate.open and self._spoken < self._due - 1e-6:
            return None
        self._due += self.hop
        return self._observation(at)

    def _observation(self, at: float) -> SpeechObservation | None:
        if self._front_end is None or self._classifier is None:
            return None
        quality, reason = self._quality.judge()
        if reason is None and not self._front_end.tells:  # a voice that does not stand out of what it hears
            quality, reason = 0.0, Reason.LOW_SNR
        scores = None
        if reason is None:
            scores = self._classifier.classify(self._front_end.features())
            reason = Reason.LOW_MARGIN if scores is None else None
        self._counts["refused" if scores is None else "classified"] += 1
        return SpeechObservation(at, quality, self._quality.snr, scores, reason)

    def _hand_over(self, front_end: SpeechFrontEnd) -> None:
        if self._saved:
            samples, power, voice = (np.concatenate(parts) for parts in zip(*self._saved, strict=True))
            front_end.push_beside(samples, power if self._shared else None, voice)
            self._saved.clear()

    def _start_anew(self, lost: int) -> None:
        self._counts["losses"] += 1
        self._held = 0
        self._net.reset()
        self._gate.reset()
        self._quality.reset()
        if self._front_end is not None:
            self._hand_over(self._front_end)
            self._front_end.interrupt(lost)

    def _clean(self) -> float:
        """Make the step's samples numbers in -1..1; returns how clipped they are, 0..1."""
        samples, clipped = self._samples, self._clipped
        if samples.min() > -FULL_SCALE and samples.max() < FULL_SCALE:  # not so where one is NaN
            return float(clipped.mean())
        finite = np.isfinite(samples)
        if not finite.all():
            self._counts["invalid"] += int(STEP - finite.sum())
            samples[~finite] = 0.0
        np.clip(samples, -1.0, 1.0, out=samples)
        return float(np.maximum(np.abs(samples) >= FULL_SCALE, clipped).mean())
