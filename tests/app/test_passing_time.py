"""Time passes alike for a film's pictures and for a daemon that asks every moment."""

import time

import numpy as np
import pytest

from emoedge.commands.replay import play
from emoedge.config.fusion import FusionConfig
from emoedge.emotions import CANONICAL, Scores
from emoedge.fusion.belief import Reliability
from emoedge.fusion.mind import Mind
from emoedge.messages import (
    AudioBlock,
    Box,
    FaceObservation,
    FaceQuality,
    Frame,
    HearingResult,
    Modality,
    VisionResult,
)
from emoedge.ops.clock import ManualClock
from emoedge.pipeline import Pipeline
from emoedge.sources.rate import RateLimit
from emoedge.sources.replay import Reel

PICTURE = np.zeros((8, 8, 3), np.uint8)


class OneFace:
    """An eye that sees one face in every frame up to `until`."""

    def __init__(self, until):
        self.until = until
        self.met = False

    def look(self, frame):
        if frame.at > self.until:
            return VisionResult(frame.at, left=(1,))
        scores = Scores(np.array([0.85 if label == "happy" else 0.025 for label in CANONICAL]), np.ones(7, bool))
        face = FaceObservation(frame.at, 1, Box(0, 0, 99, 99), FaceQuality(99, 1, 120, 1.0), scores)
        appeared, self.met = () if self.met else (1,), True
        return VisionResult(frame.at, (face,), appeared)


class OneVoice:
    """An ear that hears somebody who never stops."""

    def hear(self, block):
        return HearingResult(block.at, True, ())

    def finish(self, at):
        return HearingResult(at, True, ())


class Listed:
    """A sink of all that is told."""

    def __init__(self):
        self.events = []

    def event(self, event):
        self.events.append(event)


@pytest.fixture
def make():
    def build(until, hearing=None):
        mind = Mind(FusionConfig(), {m: Reliability(weight=1.0, decorrelation=0.6) for m in Modality})
        return Pipeline(vision=OneFace(until), hearing=hearing, mind=mind, rate=RateLimit(0))

    return build


def told(pipeline, times, beat=None):
    """What comes of frames at `times`, where somebody asks every `beat` seconds between them or nobody does."""
    events, now = [], 0.0
    for at in times:
        while beat is not None and now + beat < at:
            now += beat
            events += pipeline.tick(now)
        now = at
        events += pipeline.frame(Frame(PICTURE, at, 0))
    events += pipeline.finish(now)
    return [(e.type.value, round(e.at, 2), {k: v for k, v in e.details.items() if k != "people"}) for e in events]


@pytest.mark.parametrize(
    "times",
    [[2.0 * i for i in range(9)], [1.0 * i for i in range(18)], [*(0.2 * i for i in range(20)), 14.0, 14.2]],
    ids=["a frame in two seconds", "a frame a second", "a gap of ten seconds"],
)
def test_few_frames_tell_what_a_daemon_tells_that_asks_between_them(make, times):
    played = told(make(12.5), times)
    assert played == told(make(12.5), times, beat=0.05)
    assert [kind for kind, *_ in played].count("emotion_start") == 1
    assert [kind for kind, *_ in played].count("emotion_end") == 1


def test_an_emotion_ends_in_a_gap_where_it_faded_and_not_where_the_gap_ends(make):
    events = told(make(4.0), [*(0.2 * i for i in range(20)), 14.0])
    _, at, details = next(event for event in events if event[0] == "emotion_end")
    assert details["cause"] == "faded"
    assert at < 7.0
    assert details["duration"] < 6.0


def test_a_leap_of_days_takes_no_time(make):
    before = time.perf_counter()
    events = told(make(2.0), [0.2 * i for i in range(11)] + [3e6])
    assert time.perf_counter() - before < 10
    assert events[-1][:2] == ("mode_changed", 3e6)


def test_a_sound_ends_when_it_does_however_long_the_next_picture_takes(make):
    film = Reel([Frame(PICTURE, at, 0) for at in (0.0, *(1.0 + 0.2 * i for i in range(20)), 14.0)], 1.5)
    sound = Reel([AudioBlock(np.zeros(320, np.float32), 0.02 * i) for i in range(1, 251)], 0.4)
    told = Listed()
    play(make(5.0, OneVoice()), film, sound, ManualClock(0.0), told)
    over = {e.type.value: e for e in told.events if e.type.value in {"voice_end", "sensor_lost", "emotion_end"}}
    assert {kind: round(e.at, 2) for kind, e in over.items() if kind != "emotion_end"} == {
        "voice_end": 5.4, "sensor_lost": 5.4,
    }  # fmt: skip
    assert over["voice_end"].details["duration"] == pytest.approx(5.38)
    assert over["emotion_end"].details["cause"] == "faded"
    assert over["emotion_end"].at < 8.0, "the loss swallows no time"
