"""What flows between the rooms: frozen values, each with the unit and shape of its fields.

Every `at` is a time in seconds on the monotonic clock of the run (virtual in a replay).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from emoedge.emotions import Reason, Scores

SAMPLE_RATE = 16_000
"""Hertz; all audio inside emoedge is mono float32 in -1..1 at this rate."""


class Modality(StrEnum):
    """The two senses."""

    FACE = "face"
    SPEECH = "speech"


class SensorStatus(StrEnum):
    """What `sensor/*/status` says."""

    ONLINE = "online"
    OFFLINE = "offline"
    RECONNECTING = "reconnecting"
    DISABLED = "disabled"


class Mode(StrEnum):
    """Which senses the present state rests on."""

    FUSED = "fused"
    FACE_ONLY = "face_only"
    SPEECH_ONLY = "speech_only"
    IDLE = "idle"
    PAUSED = "paused"
    BLIND = "blind"


class EventType(StrEnum):
    """Transitions that are published as events."""

    PERSON_APPEARED = "person_appeared"
    PERSON_LEFT = "person_left"
    EMOTION_START = "emotion_start"
    EMOTION_UPDATE = "emotion_update"
    EMOTION_END = "emotion_end"
    VOICE_START = "voice_start"
    VOICE_END = "voice_end"
    MODE_CHANGED = "mode_changed"
    SENSOR_LOST = "sensor_lost"
    SENSOR_RESTORED = "sensor_restored"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from a camera."""

    image: NDArray[np.uint8]
    """Height x width x 3, BGR."""
    at: float
    """Seconds, when it was taken."""
    index: int
    """Counts frames delivered by this source since it was opened."""


@dataclass(frozen=True, slots=True, eq=False)
class AudioBlock:
    """A run of samples from a microphone."""

    samples: NDArray[np.float32]
    """Shape (n,), mono, SAMPLE_RATE, -1..1."""
    at: float
    """Seconds, time of the sample after the last one."""
    clipped: float = 0.0
    """Share of samples at full scale before resampling, 0..1, of the channel that has most."""
    lost: int = 0
    """Samples dropped right before this block (overflow, a gap); a stream starts anew after a loss."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in a frame, pixels; x, y is the top left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Square pixels."""
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Pixels."""
        return self.x + self.width / 2, self.y + self.height / 2

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        w = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        h = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if w <= 0 or h <= 0:
            return 0.0
        return w * h / (self.area + other.area - w * h)


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """How good a face crop is."""

    size: float
    """Pixels: side of the face box in the frame."""
    sharpness: float
    """Variance of the Laplacian of the normalised crop."""
    brightness: float
    """Mean gray level, 0..255."""
    overall: float
    """0 (useless) .. 1 (good); the `q` of the belief filter."""
    reason: Reason | None = None
    """Why the face is not classified, if it is not."""


@dataclass(frozen=True, slots=True)
class FaceObservation:
    """One followed face in one frame."""

    at: float
    track: int
    """Stable while the same face is followed, from 1, never used again in a run."""
    box: Box
    """The square that is judged, averaged over the last looks."""
    quality: FaceQuality
    scores: Scores | None
    """None when the face was too poor to classify (`quality.reason`) or was followed but not classified."""
    fresh: bool = False
    """Whether `scores` were made of this frame; else they are what an earlier one told."""


@dataclass(frozen=True, slots=True)
class SpeechObservation:
    """One window of speech."""

    at: float
    quality: float
    """0..1 from signal-to-noise ratio and clipping; the `q` of the belief filter."""
    snr: float
    """Decibels over the noise floor."""
    scores: Scores | None
    reason: Reason | None = None
    """Why the window was not classified, if it was not."""


@dataclass(frozen=True, slots=True)
class VisionResult:
    """All that one analysed frame told."""

    at: float
    faces: tuple[FaceObservation, ...] = ()
    """Every face that is followed now, also the ones not classified in this frame."""
    appeared: tuple[int, ...] = ()
    """Tracks confirmed in this frame."""
    left: tuple[int, ...] = ()
    """Tracks given up in this frame."""
    moved: bool = True
    """False when the motion gate let the frame pass unexamined."""


@dataclass(frozen=True, slots=True)
class HearingResult:
    """All that one audio block told."""

    at: float
    speaking: bool
    """State of the voice gate after the block."""
    observations: tuple[SpeechObservation, ...] = ()
    """Windows that were completed in this block, oldest first."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one modality brought to a belief."""

    modality: Modality
    weight: float
    """Reliability of the model that made it, 0..1."""
    age: float
    """Seconds since its last classified observation."""
    quality: float
    """0..1."""
    label: str
    """What this modality alone says."""
    attribution: str | None = None
    """Whose voice it is taken for: `only_face`, `largest_face` or `no_face`; None for a face."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of one subject at one time."""

    at: float
    subject: str
    """`face-<track>`, or `voice` where nobody is seen."""
    label: str
    """A canonical emotion, or `unknown` with `reason`."""
    confidence: float
    """0..1."""
    scores: Scores | None
    """None while nothing was observed."""
    reason: Reason | None = None
    contributions: tuple[Contribution, ...] = ()
    agreement: float | None = None
    """0..1, how alike the modalities' own scores are; None unless both contribute."""

    @property
    def valence(self) -> float:
        """-1..1, 0 when unknown."""
        return 0.0 if self.scores is None else self.scores.valence

    @property
    def arousal(self) -> float:
        """-1..1, 0 when unknown."""
        return 0.0 if self.scores is None else self.scores.arousal


@dataclass(frozen=True, slots=True)
class Event:
    """A transition worth telling; what leaves the device as `event`."""

    type: EventType
    at: float
    """Seconds on the run's clock; the wall time is put on when it leaves."""
    subject: str | None = None
    episode_id: str | None = None
    """Pairs start, update and end of one episode; unique within a run."""
    belief: Belief | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    """Payload members of this type: `duration`, `peak`, `mean`, `label`, `sensor`, `mode`, `previous` ..."""


@dataclass(frozen=True, slots=True)
class State:
    """The present: what the topic `emotion` says."""

    at: float
    mode: Mode
    people: int
    subject: Belief | None
    """The largest face, until another one is larger by a quarter, else the voice; None when nobody is there."""
    others: tuple[Belief, ...] = ()
    """Up to four more."""
    reason: Reason | None = None
    """Why nothing is known, where `subject` is None."""
    speaking: bool = False
