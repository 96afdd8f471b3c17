"""What there is to be shown at one moment: the faces in the picture, both senses, and the fused belief."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emoedge.fusion.subject import face_name
from emoedge.judging.judgement import Opinion
from emoedge.messages import Box, Mode

if TYPE_CHECKING:
    from emoedge.emotions import Reason
    from emoedge.judging.judgement import Judgement
    from emoedge.messages import AudioBlock, Belief, Frame, SpeechObservation
    from emoedge.pipeline import Pipeline

LINGER = 1.0
"""Seconds that the last window of speech stays in view after the voice has gone."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A face in the picture, and what is believed of it."""

    box: Box
    """Pixels."""
    name: str
    """`face-<track>`."""
    opinion: Opinion
    main: bool
    """Whether it is the subject that the panel beside the picture tells of."""

    def scaled(self, factor: float) -> Mark:
        """The same in a picture enlarged by `factor`."""
        box = self.box
        values = (value * factor for value in (box.x, box.y, box.width, box.height))
        return replace(self, box=Box(*values))


@dataclass(frozen=True, slots=True)
class Moment:
    """The present, ready to be drawn."""

    at: float
    """Seconds since the start."""
    mode: Mode
    people: int = 0
    speaking: bool = False
    subject: str | None = None
    """Of whom `fused` tells."""
    face: Opinion | None = None
    """The face model alone, of the face of `subject`; None where that is not seen now."""
    speech: Opinion | None = None
    """The speech model alone, of its last window; None while nobody speaks."""
    fused: Opinion | None = None
    """What is believed of `subject`; None where nobody is there."""
    agreement: float | None = None
    """0..1, how alike the senses' scores are."""
    reason: Reason | None = None
    """Why there is nothing to tell, where `fused` is None."""
    marks: tuple[Mark, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """JSON-ready, without the marks, which are drawn into the picture."""
        return {
            "at": round(self.at, 3),
            "mode": self.mode.value,
            "people": self.people,
            "speaking": self.speaking,
            "subject": self.subject,
            "face": _written(self.face),
            "speech": _written(self.speech),
            "fused": _written(self.fused),
            "agreement": None if self.agreement is None else round(self.agreement, 3),
            "reason": None if self.reason is None else self.reason.value,
        }


class Watch:
    """The pipeline, and what it told last."""

    def __init__(self, pipeline: Pipeline, margin: float) -> None:
        self.pipeline = pipeline
        self._margin = margin
        self._heard: SpeechObservation | None = None
        self._speaking = False
        self._began = 0.0

    def frame(self, frame: Frame) -> None:
        """Look at a frame."""
        self.pipeline.frame(frame)

    def audio(self, block: AudioBlock) -> None:
        """Listen to a block."""
        self.pipeline.audio(block)
        heard = self.pipeline.heard
        if heard is None:
            return
        if heard.speaking and not self._speaking:
            self._began = heard.at
        self._speaking = heard.speaking
        if heard.observations:
            self._heard = heard.observations[-1]

    def moment(self, at: float, start: float = 0.0) -> Moment:
        """The present at `at`; `start` is the time that counts as 0."""
        state = self.pipeline.state(at)
        beliefs = [] if state.subject is None else [state.subject, *state.others]
        marks = self._marks({belief.subject: belief for belief in beliefs})
        main = None if state.subject is None else state.subject.subject
        return Moment(
            at=at - start, mode=state.mode, people=state.people, speaking=state.speaking, subject=main,
            face=None if main is None else self._alone(main), speech=self._spoken(at, state.speaking),
            fused=None if state.subject is None else _believed(state.subject),
            agreement=None if state.subject is None else state.subject.agreement,
            reason=state.reason,
            marks=tuple(replace(mark, main=mark.name == main) for mark in marks),
        )  # fmt: skip

    def _marks(self, beliefs: dict[str, Belief]) -> list[Mark]:
        seen = self.pipeline.seen
        marks = []
        for face in () if seen is None else seen.faces:
            name = face_name(face.track)
            if name in beliefs:
                opinion = _believed(beliefs[name])
            else:  # more people than the state tells of
                opinion = Opinion.of(face.scores, face.quality.overall, face.quality.reason, self._margin)
            marks.append(Mark(face.box, name, opinion, main=False))
        return marks

    def _alone(self, name: str) -> Opinion | None:
        """What the face model alone says of the face of that name."""
        seen = self.pipeline.seen
        for face in () if seen is None else seen.faces:
            if face_name(face.track) == name:
                return Opinion.of(face.scores, face.quality.overall, face.quality.reason, self._margin)
        return None

    def _spoken(self, at: float, speaking: bool) -> Opinion | None:  # noqa: FBT001 - private
        heard = self._heard
        if heard is None:
            return None
        # Of the voice that speaks now, or only just over: not what another one said some time ago.
        if at - heard.at > LINGER and not (speaking and heard.at >= self._began):
            return None
        return Opinion.of(heard.scores, heard.quality, heard.reason, self._margin)


def moment_of_still(judgement: Judgement, at: float) -> Moment:
    """A photograph that was judged by itself."""
    marks = tuple(
        Mark(face.box, face_name(number), face.opinion, main=number == 1)
        for number, face in enumerate(judgement.faces, 1)
    )
    if not marks:
        return Moment(at=at, mode=Mode.IDLE, reason=judgement.reason)
    return Moment(
        at=at, mode=Mode.FACE_ONLY, people=len(marks), subject=marks[0].name, face=judgement.opinion,
        fused=judgement.opinion, marks=marks,
    )  # fmt: skip


def _believed(belief: Belief) -> Opinion:
    quality = max((part.quality for part in belief.contributions), default=0.0)
    return Opinion(belief.label, belief.scores, quality, belief.reason)


def _written(opinion: Opinion | None) -> dict[str, object] | None:
    return None if opinion is None else opinion.as_dict()
