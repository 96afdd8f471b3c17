"""The middle of the house: what both senses told, as subjects, their beliefs, and events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from emoedge.emotions import Reason
from emoedge.fusion.belief import Evidence
from emoedge.fusion.subject import VOICE, Subject, face_name, make_subject
from emoedge.messages import Event, EventType, Modality, Mode, SensorStatus, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emoedge.config.fusion import FusionConfig
    from emoedge.fusion.belief import Reliability
    from emoedge.messages import Belief, HearingResult, VisionResult

OTHERS = 4
"""At most this many further subjects are told beside the main one."""

CLEARLY = 1.25
"""Times the main subject's area that another face must have to take its place: boxes change by some percent from frame
to frame, and people who sit side by side are to take no turns in that."""

CAMERA = "camera"
MICROPHONE = "mic"

OPENING = 5.0
"""Seconds that a sensor may take to come up for the first time before it counts as lost."""


@dataclass(frozen=True, slots=True)
class _Awaited:
    """A sensor that has not come up yet."""

    deadline: float
    problem: str | None


class Mind:
    """Takes results in the order of their times and gives events; holds no clock.

    `sensors` are the enabled ones (`camera`, `mic`); a sensor that was never enabled is not missed.
    """

    def __init__(self, config: FusionConfig, reliability: Mapping[Modality, Reliability],
                 sensors: tuple[str, ...] = (CAMERA, MICROPHONE)) -> None:  # fmt: skip
        self._config = config
        self._reliability = reliability
        self._sensors: dict[str, SensorStatus] = dict.fromkeys(sensors, SensorStatus.ONLINE)
        self._met: set[str] = set()
        self._awaited: dict[str, _Awaited] = {}
        self._ids = count(1)
        self._faces: dict[int, Subject] = {}
        self._main = 0
        self._voice: Subject | None = None
        self._speaking = False
        self._utterance: tuple[str, float, str | None] | None = None
        self._paused = False
        self._mode = Mode.IDLE
        self._at = float("-inf")
        self._face_reason: Reason | None = None

    # What the senses told.

    def see(self, result: VisionResult) -> list[Event]:
        """Take the result of one analysed frame."""
        at = self._forward(result.at)
        self._meet(CAMERA)
        events = [self._appear(track, at) for track in result.appeared]
        for face in result.faces:
            subject = self._faces.get(face.track)
            if subject is None:  # followed across a loss of the camera, which had made everybody leave
                events.append(self._appear(face.track, at))
                subject = self._faces[face.track]
            subject.area = face.box.area
            reason = face.quality.reason
            if face.scores is not None or reason is not None:
                subject.observe(Evidence(Modality.FACE, at, face.quality.overall, face.scores, reason))
        for track in result.left:
            events += self._leave(track, at, "left")
        self._choose()
        return events + self.advance(at)

    def hear(self, result: HearingResult) -> list[Event]:
        """Take the result of one audio block; a block that told nothing costs nothing."""
        at = self._forward(result.at)
        self._meet(MICROPHONE)
        if result.speaking == self._speaking and not result.observations:
            return []
        events: list[Event] = []
        if result.speaking != self._speaking:
            events.append(self._voice_changed(speaking=result.speaking, at=at))
        for heard in result.observations:
            subject, attribution = self._speaker(at)
            subject.observe(
                Evidence(Modality.SPEECH, heard.at, heard.quality, heard.scores, heard.reason, attribution)
            )
        return events + self.advance(at)

    def advance(self, at: float) -> list[Event]:
        """Let time pass: beliefs fade, episodes end, a voice unheard for long is forgotten."""
        at = self._forward(at)
        events = self._overdue(at)
        for subject in self._subjects():
            events += subject.step(at)
        voice = self._voice
        # While somebody unseen speaks the voice is there, whatever can be made of it; of a face it tells no more.
        heard = self._speaking and not self._faces
        if voice is not None and not heard and not voice.belief.active(at):
            events += voice.finish(at, "silent")
            self._voice = None
        mode = self._present_mode(at)
        if mode != self._mode:
            details = {"mode": mode, "previous": self._mode}
            self._mode = mode
            events.append(Event(EventType.MODE_CHANGED, at, details=details))
        return events

    # What happens to the senses themselves.

    def sensor(self, name: str, status: SensorStatus, at: float, problem: str | None = None) -> list[Event]:
        """Note a sensor's state; a lost one takes what it told with it.

        Coming up for the first time is no event, unless it takes longer than OPENING.
        """
        at = self._forward(at)
        before = self._sensors.get(name)
        if before is None or before == status:
            return []
        self._sensors[name] = status
        if self._paused:
            return []
        events: list[Event] = []
        now = status is SensorStatus.ONLINE
        if name not in self._met:
            if now:
                self._awaited.pop(name, None)
                self._met.add(name)
            else:
                deadline = self._awaited[name].deadline if name in self._awaited else at + OPENING
                self._awaited[name] = _Awaited(deadline, problem)
        elif not now and before is SensorStatus.ONLINE:
            events += [*self._drop(name, at, "sensor_lost"), self._lost(name, at, problem)]
        elif now:
            events.append(Event(EventType.SENSOR_RESTORED, at, details={"sensor": name, "status": status}))
        return events + self.advance(at)

    def pause(self, at: float, *, paused: bool) -> list[Event]:
        """Stop or go on looking and listening; ends everything that runs. Sensors come up anew after it."""
        at = self._forward(at)
        if paused == self._paused:
            return []
        self._paused = paused
        self._met.clear()
        self._awaited.clear()
        self._sensors = dict.fromkeys(self._sensors, SensorStatus.ONLINE)
        events = self._end_all(at, "paused") if paused else []
        return events + self.advance(at)

    def finish(self, at: float) -> list[Event]:
        """End everything that runs, because the daemon stops or the film is over."""
        return self._end_all(self._forward(at), "stopped")

    # The present.

    def state(self, at: float) -> State:
        """What is known at that time."""
        at = max(at, self._at)
        beliefs = [subject.at(at) for subject in self._subjects()]
        reason = None
        if not beliefs:
            reason = Reason.NO_FACE if CAMERA in self._sensors else Reason.NO_VOICE
        return State(
            at=at, mode=self._present_mode(at), people=len(self._faces), subject=beliefs[0] if beliefs else None,
            others=tuple(beliefs[1 : 1 + OTHERS]), reason=reason, speaking=self._speaking,
        )  # fmt: skip

    def faces(self, at: float) -> list[Belief]:
        """What is believed of everybody who is seen at that time, however many."""
        at = max(at, self._at)
        return [subject.at(at) for subject in self._faces.values()]

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks."""
        return self._speaking

    def _forward(self, at: float) -> float:
        """Times that come late (a block read after a newer frame) count as the present."""
        self._at = max(self._at, at)
        return self._at

    def _next_id(self) -> str:
        return f"ep-{next(self._ids)}"

    def _subjects(self) -> list[Subject]:
        """The main face, the others from the largest to the smallest, then the voice."""
        main = self._faces.get(self._main)
        faces = sorted(self._faces.values(), key=lambda s: (s is not main, -s.area, s.since, s.name))
        return faces if self._voice is None else [*faces, self._voice]

    def _choose(self) -> None:
        """Make the largest face the main one, unless the one that is comes near to it."""
        if not self._faces:
            return
        track, largest = max(self._faces.items(), key=lambda item: item[1].area)
        main = self._faces.get(self._main)
        if main is None or largest.area > CLEARLY * main.area:
            self._main = track

    def _appear(self, track: int, at: float) -> Event:
        subject = make_subject(face_name(track), at, self._config, self._reliability, self._next_id)
        self._faces[track] = subject
        details = {"people": len(self._faces)}
        return Event(EventType.PERSON_APPEARED, at, subject.name, subject.visit, details=details)

    def _leave(self, track: int, at: float, cause: str) -> list[Event]:
        subject = self._faces.pop(track, None)
        if subject is None:
            return []
        details = {"people": len(self._faces), "duration": at - subject.since, "cause": cause}
        return [
            *subject.finish(at, cause),
            Event(EventType.PERSON_LEFT, at, subject.name, subject.visit, details=details),
        ]

    def _speaker(self, at: float) -> tuple[Subject, str]:
        """Whose voice it is: the only face's, else the main one's, else somebody unseen."""
        if self._faces:
            return self._subjects()[0], "only_face" if len(self._faces) == 1 else "largest_face"
        if self._voice is None:
            self._voice = make_subject(VOICE, at, self._config, self._reliability, self._next_id)
        return self._voice, "no_face"

    def _voice_changed(self, *, speaking: bool, at: float) -> Event:
        self._speaking = speaking
        if speaking:
            subject, attribution = self._speaker(at)
            self._utterance = (self._next_id(), at, subject.name)
            details = {"attribution": attribution}
            return Event(EventType.VOICE_START, at, subject.name, self._utterance[0], details=details)
        episode, since, name = self._utterance or (self._next_id(), at, None)
        self._utterance = None
        return Event(EventType.VOICE_END, at, name, episode, details={"duration": at - since})

    def _meet(self, name: str) -> None:
        """A sensor that tells something has come up, even before its status says so."""
        self._met.add(name)
        if self._awaited.pop(name, None) is not None:
            self._sensors[name] = SensorStatus.ONLINE

    def _overdue(self, at: float) -> list[Event]:
        """Sensors that never came up in time count as lost."""
        late = [name for name, awaited in self._awaited.items() if at >= awaited.deadline]
        self._met.update(late)
        return [self._lost(name, at, self._awaited.pop(name).problem) for name in late]

    def _lost(self, name: str, at: float, problem: str | None) -> Event:
        details: dict[str, object] = {"sensor": name, "status": self._sensors[name]}
        if problem:
            details["problem"] = problem
        return Event(EventType.SENSOR_LOST, at, details=details)

    def _drop(self, sensor: str, at: float, cause: str) -> list[Event]:
        """Forget what a lost sensor told: nobody stays who can be seen, or is only heard, no more."""
        events: list[Event] = []
        if sensor == CAMERA:
            for track in list(self._faces):
                events += self._leave(track, at, cause)
        if sensor == MICROPHONE and self._speaking:
            events.append(self._with_cause(self._voice_changed(speaking=False, at=at), cause))
        if sensor == MICROPHONE and self._voice is not None:
            events += self._voice.finish(at, cause)
            self._voice = None
        return events

    def _end_all(self, at: float, cause: str) -> list[Event]:
        return self._drop(CAMERA, at, cause) + self._drop(MICROPHONE, at, cause)

    @staticmethod
    def _with_cause(event: Event, cause: str) -> Event:
        return replace(event, details={**event.details, "cause": cause})

    def _present_mode(self, at: float) -> Mode:
        if self._paused:
            return Mode.PAUSED
        if self._sensors and not self._awaited and SensorStatus.ONLINE not in self._sensors.values():
            return Mode.BLIND
        subjects = self._subjects()
        if not subjects:
            return Mode.IDLE
        active = subjects[0].belief.active(at)
        if len(active) == 2:
            return Mode.FUSED
        if subjects[0].name == VOICE:
            return Mode.SPEECH_ONLY
        return Mode.SPEECH_ONLY if active == {Modality.SPEECH} else Mode.FACE_ONLY
