"""What is to be shown of what the pipeline told."""

import numpy as np
import pytest

from emoedge.config import default_config
from emoedge.emotions import CANONICAL, Reason, Scores
from emoedge.fusion.belief import Reliability
from emoedge.fusion.mind import Mind
from emoedge.judging.judgement import JudgedFace, Judgement, Opinion
from emoedge.messages import (
    AudioBlock,
    Box,
    FaceObservation,
    FaceQuality,
    Frame,
    HearingResult,
    Modality,
    Mode,
    SensorStatus,
    SpeechObservation,
    VisionResult,
)
from emoedge.pipeline import Pipeline
from emoedge.sources.rate import RateLimit
from emoedge.view.moment import LINGER, Watch, moment_of_still


def scores(label):
    return Scores(np.array([0.88 if c == label else 0.02 for c in CANONICAL]), np.ones(7, bool))


def seen(track, side, label, reason=None):
    quality = FaceQuality(side, 1.0, 120, 0.0 if reason else 1.0, reason)
    return FaceObservation(0.0, track, Box(10, 10, side, side), quality, None if reason else scores(label))


class Senses:
    """Stands for both senses: tells what it was given."""

    def __init__(self):
        self.vision, self.hearing = VisionResult(0.0), HearingResult(0.0, speaking=False)

    def look(self, frame):
        return VisionResult(frame.at, self.vision.faces, self.vision.appeared)

    def hear(self, block):
        return HearingResult(block.at, self.hearing.speaking, self.hearing.observations)


@pytest.fixture
def senses():
    return Senses()


@pytest.fixture
def watch(senses):
    config = default_config("demo").fusion
    mind = Mind(config, {m: Reliability(weight=1.0, decorrelation=0.5) for m in Modality})
    return Watch(Pipeline(vision=senses, hearing=senses, mind=mind, rate=RateLimit(0)), config.margin)


def frame(at):
    return Frame(np.zeros((64, 64, 3), np.uint8), at, 0)


def block(at):
    return AudioBlock(np.zeros(320, np.float32), at)


def test_nobody(watch):
    now = watch.moment(5.0, start=4.0)
    assert (now.at, now.people, now.fused, now.face, now.speech, now.marks) == (1.0, 0, None, None, None, ())
    assert now.reason is Reason.NO_FACE


def test_each_face_is_marked_and_the_largest_is_the_main_one(watch, senses):
    senses.vision = VisionResult(0.0, (seen(1, 60, "sad"), seen(2, 90, "happy")), appeared=(1, 2))
    watch.frame(frame(1.0))
    now = watch.moment(1.0)
    assert [(mark.name, mark.opinion.label, mark.main) for mark in now.marks] == [
        ("face-1", "sad", False), ("face-2", "happy", True),
    ]  # fmt: skip
    assert (now.subject, now.face.label, now.fused.label, now.people) == ("face-2", "happy", "happy", 2)


def test_the_face_alone_is_that_of_the_subject_and_not_of_who_is_a_little_larger(watch, senses):
    senses.vision = VisionResult(0.0, (seen(1, 100, "sad"), seen(2, 96, "happy")), appeared=(1, 2))
    watch.frame(frame(1.0))
    senses.vision = VisionResult(0.0, (seen(1, 96, "sad"), seen(2, 100, "happy")))
    watch.frame(frame(1.2))
    now = watch.moment(1.2)
    assert (now.subject, now.fused.label, now.face.label) == ("face-1", "sad", "sad")


def test_a_lost_camera_leaves_no_face_behind(watch, senses):
    senses.vision = VisionResult(0.0, (seen(1, 90, "happy"),), appeared=(1,))
    watch.frame(frame(1.0))
    watch.pipeline.sensor("camera", SensorStatus.RECONNECTING, 2.0)
    now = watch.moment(2.0)
    assert (now.people, now.fused, now.face) == (0, None, None)


def test_another_utterance_does_not_begin_with_what_the_last_one_said(watch, senses):
    said = SpeechObservation(1.0, 0.8, 20.0, scores("angry"))
    for at, speaking, observations in ((0.5, True, ()), (1.0, True, (said,)), (1.5, False, ()), (20.0, True, ())):
        senses.hearing = HearingResult(0.0, speaking=speaking, observations=observations)
        watch.audio(block(at))
    assert watch.moment(20.0).speaking
    assert watch.moment(20.0).speech is None


def test_more_people_than_the_state_tells_of_are_marked_too(watch, senses):
    tracks = range(1, 9)
    senses.vision = VisionResult(0.0, tuple(seen(n, 40 + n, "sad") for n in tracks), appeared=tuple(tracks))
    watch.frame(frame(1.0))
    assert [mark.opinion.label for mark in watch.moment(1.0).marks] == ["sad"] * 8


def test_a_poor_face_says_why(watch, senses):
    senses.vision = VisionResult(0.0, (seen(1, 60, "sad", Reason.BLUR),), appeared=(1,))
    watch.frame(frame(1.0))
    now = watch.moment(1.0)
    assert (now.face.label, now.face.reason, now.fused.reason) == ("unknown", Reason.BLUR, Reason.BLUR)


def test_speech_stays_while_somebody_speaks_and_a_little_longer(watch, senses):
    said = SpeechObservation(1.0, 0.8, 20.0, scores("angry"))
    senses.hearing = HearingResult(0.0, speaking=True, observations=(said,))
    watch.audio(block(1.0))
    senses.hearing = HearingResult(0.0, speaking=True)
    watch.audio(block(4.0))
    assert watch.moment(4.0).speech.label == "angry"
    assert watch.moment(4.0).speaking
    senses.hearing = HearingResult(0.0, speaking=False)
    watch.audio(block(4.2))
    assert watch.moment(4.2).speech is None
    again = SpeechObservation(4.4, 0.8, 20.0, scores("angry"))
    senses.hearing = HearingResult(0.0, speaking=False, observations=(again,))
    watch.audio(block(4.4))
    assert watch.moment(4.4 + 0.9 * LINGER).speech.label == "angry"
    assert watch.moment(4.4 + 1.1 * LINGER).speech is None


def test_both_senses_are_fused_and_told_apart(watch, senses):
    senses.vision = VisionResult(0.0, (seen(1, 90, "happy"),), appeared=(1,))
    watch.frame(frame(1.0))
    said = SpeechObservation(1.1, 0.5, 20.0, scores("sad"))
    senses.hearing = HearingResult(0.0, speaking=True, observations=(said,))
    watch.audio(block(1.1))
    now = watch.moment(1.1)
    assert (now.mode, now.face.label, now.speech.label) == (Mode.FUSED, "happy", "sad")
    assert now.agreement < 0.3
    told = now.as_dict()
    assert told["fused"]["scores"].keys() == set(CANONICAL)
    assert (told["mode"], told["speech"]["quality"]) == ("fused", 0.5)


def test_a_photograph():
    said = Opinion.of(scores("fear"), 1.0, None, 0.1)
    faces = (JudgedFace(Box(0, 0, 50, 50), said), JudgedFace(Box(60, 0, 40, 40), said))
    now = moment_of_still(Judgement(Modality.FACE, said, faces=faces), 2.0)
    assert (now.people, now.fused.label, [mark.main for mark in now.marks]) == (2, "fear", [True, False])
    nothing = moment_of_still(Judgement(Modality.FACE, Opinion.of(None, 0.0, Reason.NO_FACE, 0.1)), 4.0)
    assert (nothing.people, nothing.fused, nothing.reason) == (0, None, Reason.NO_FACE)
