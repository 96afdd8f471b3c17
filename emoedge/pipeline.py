"""The middle of the daemon as one value: frames and sound in, events out. No thread, no clock, no I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoedge.errors import ConfigError, ModelError
from emoedge.fusion.belief import Reliability
from emoedge.fusion.mind import CAMERA, MICROPHONE, Mind
from emoedge.messages import SAMPLE_RATE, Modality, SensorStatus
from emoedge.sources.rate import RateLimit

if TYPE_CHECKING:
    from pathlib import Path

    from emoedge.audio.hearing import Hearing
    from emoedge.config import Config
    from emoedge.inference.model import Model
    from emoedge.messages import AudioBlock, Event, Frame, HearingResult, State, VisionResult
    from emoedge.vision.eye import Vision

TICK = 0.1
"""Seconds: time passes for beliefs and episodes at least this often, on a grid that only depends on the stream."""

LULL = 6000
"""Ticks of a gap that pass one by one: ten minutes, the longest that any setting remembers; then the last one alone."""


@dataclass(frozen=True, slots=True)
class Models:
    """The loaded models; None where a sense is switched off."""

    face: Model | None = None
    speech: Model | None = None


class Pipeline:
    """Both senses and the mind. Everything must be handed over in the order of its time."""

    def __init__(self, *, vision: Vision | None, hearing: Hearing | None, mind: Mind, rate: RateLimit) -> None:
        self.vision = vision
        self._rate = rate
        self.hearing = hearing
        self.mind = mind
        self.seen: VisionResult | None = None
        """The result of the last analysed frame."""
        self.heard: HearingResult | None = None
        """The result of the last audio block."""
        self._ticked: int | None = None
        """Number of the last tick."""

    def frame(self, frame: Frame) -> list[Event]:
        """Look at a frame; one that the rate limit passes over costs nothing."""
        if self.vision is None or not self._rate.due(frame.at):
            return []
        events = self.tick(frame.at)
        self.seen = self.vision.look(frame)
        return events + self.mind.see(self.seen)

    def slow(self, share: float, stretch: float = 1.0) -> None:
        """Look at this share of the frames that would be looked at, above 0 to 1.

        And judge speech `stretch` times as seldom, 1 or more.
        """
        self._rate.slow(share)
        if self.hearing is not None:
            self.hearing.slow(stretch)

    @property
    def frame_rate(self) -> float:
        """Frames a second that are looked at now at most, hertz."""
        return self._rate.rate

    @property
    def next_tick(self) -> float:
        """Seconds, when time is to pass next; at once where it never has."""
        return -math.inf if self._ticked is None else (self._ticked + 1) * TICK

    def audio(self, block: AudioBlock) -> list[Event]:
        """Listen to a block."""
        if self.hearing is None:
            return []
        events = self.tick(block.at)
        self.heard = self.hearing.hear(block)
        return events + self.mind.hear(self.heard)

    def tick(self, at: float) -> list[Event]:
        """Let time pass up to `at`, in steps of TICK: whoever asks seldom is told what whoever asks often is."""
        present = math.floor(at / TICK)
        last = present - 1 if self._ticked is None else self._ticked
        if present <= last:
            return []
        self._ticked = present
        events: list[Event] = []
        for number in (*range(last + 1, min(present, last + LULL)), present):
            events += self.mind.advance(number * TICK)
        return events

    def sensor(self, name: str, status: SensorStatus, at: float, problem: str | None = None) -> list[Event]:
        """Note a sensor's state."""
        return self.mind.sensor(name, status, at, problem)

    def end(self, name: str, at: float) -> list[Event]:
        """A sensor's film or sound was over for good at `at`, which may be asked again and again: it is lost."""
        events = self.tick(at)  # or what the time until then brings about is told as late as this
        if name == MICROPHONE:
            events += self._finish_sound(at)
        return events + self.sensor(name, SensorStatus.OFFLINE, at)

    def _finish_sound(self, at: float) -> list[Event]:
        """The sound is over: what was said since the last window is heard."""
        # Not where a pause or a loss has ended what was said.
        if self.hearing is None or not self.mind.speaking:
            return []
        self.heard = self.hearing.finish(at)
        return self.mind.hear(self.heard)

    def finish(self, at: float) -> list[Event]:
        """End what runs; what was said since the last window is heard before."""
        return self._finish_sound(at) + self.mind.finish(at)

    def state(self, at: float) -> State:
        """What is known at that time."""
        return self.mind.state(at)


def build_pipeline(config: Config, models: Models, *, camera: bool = True, microphone: bool = True) -> Pipeline:
    """Put the rooms together as the config says; `camera` and `microphone` say which senses have a source."""
    vision = hearing = None
    if camera:
        from emoedge.vision.crop import FaceFrontEnd  # noqa: PLC0415 - a device without a camera loads no OpenCV
        from emoedge.vision.eye import Vision  # noqa: PLC0415
        from emoedge.vision.haar import HaarDetector  # noqa: PLC0415

        face_end = None if models.face is None else FaceFrontEnd(models.face.info.front_end)
        vision = Vision(config.vision, HaarDetector(), face_end, models.face)
    if microphone:
        from emoedge.audio.front_end import build  # noqa: PLC0415 - nor the other way round
        from emoedge.audio.hearing import Hearing  # noqa: PLC0415

        speech_end = None if models.speech is None else build(models.speech.info.front_end)
        hearing = Hearing(config.speech, speech_end, models.speech)
    sensors = tuple(name for name, there in ((CAMERA, camera), (MICROPHONE, microphone)) if there)
    mind = Mind(config.fusion, reliabilities(config, models), sensors)
    # What the camera gives and what of it is decoded; the higher `vision.rate` asks for no more than that.
    full = min(config.camera.fps, config.camera.max_fps or config.camera.fps)
    return Pipeline(vision=vision, hearing=hearing, mind=mind, rate=RateLimit(config.vision.rate, full))


def reliabilities(config: Config, models: Models) -> dict[Modality, Reliability]:
    """What each model's file says of its reliability, prior and abstention, unless the config overrides it."""
    fusion = config.fusion
    rows = (
        (Modality.FACE, models.face, fusion.face_weight, fusion.face_abstain, fusion.face_decorrelation),
        (Modality.SPEECH, models.speech, fusion.speech_weight, fusion.speech_abstain, fusion.speech_decorrelation),
    )
    return {
        modality: Reliability(
            weight=weight if weight is not None else 1.0 if model is None else model.info.reliability,
            decorrelation=decorrelation,
            prior=() if model is None else model.info.prior,
            abstain_below=abstain if abstain is not None else 0.0 if model is None else model.info.abstain_below,
        )
        for modality, model, weight, abstain, decorrelation in rows
    }


def check_speech(config: Config, model: Model) -> None:
    """Raise ConfigError where no window of this model can hold the voice that the configuration asks for."""
    from emoedge.audio.front_end import build  # noqa: PLC0415 - a device without a microphone hears nothing

    window, asked = build(model.info.front_end).window_samples / SAMPLE_RATE, config.speech.min_voice
    if asked >= window:
        told = f"less than {window:g} s, which is all that the speech model {model.info.name} hears at once"
        raise ConfigError([f"speech.min_voice: {asked:g}: expected {told}"])


def load_models(config: Config, *, base: Path | None = None, camera: bool = True, microphone: bool = True) -> Models:
    """Load and check the configured models of the senses that are on; raises ModelError that names every bad one.

    Raises ConfigError where the configuration does not fit a model. `base`: the folder of the config file, where a
    relative path may start.
    """
    from emoedge.inference.model import load_model  # noqa: PLC0415 - `emoedge --help` loads no interpreter
    from emoedge.inference.model_file import asked_for  # noqa: PLC0415
    from emoedge.inference.shipped import resolve  # noqa: PLC0415

    threads = config.models.threads
    loaded: dict[str, Model | None] = {}
    problems: list[str] = []
    for modality, name, wanted in (
        (Modality.FACE, config.models.face, camera),
        (Modality.SPEECH, config.models.speech, microphone),
    ):
        try:
            with asked_for(f"models.{modality}"):
                path = resolve(name, base) if wanted else None
                loaded[modality.value] = None if path is None else load_model(path, modality, threads)
        except ModelError as error:
            problems.append(str(error))
    if problems:
        raise ModelError("\n".join(problems))
    if loaded["speech"] is not None:
        check_speech(config, loaded["speech"])
    return Models(face=loaded["face"], speech=loaded["speech"])
