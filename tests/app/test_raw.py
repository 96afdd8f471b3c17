"""What `raw/face` and `raw/speech` are told: each inference once, and its own time."""

import numpy as np
import pytest

from emoedge.app import App
from emoedge.config import default_config
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
    SpeechObservation,
    VisionResult,
)
from emoedge.ops.clock import SystemClock
from emoedge.ops.health import HealthMeter
from emoedge.pipeline import Pipeline
from emoedge.sources.rate import RateLimit

HAPPY = Scores.from_labels(CANONICAL, np.eye(7)[3])
WORK = 0.01
"""Seconds that an inference takes."""


class Watch:
    """Time passes only where somebody works."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


class Senses:
    """Judges a face in every third picture and a window in every block."""

    def __init__(self, watch):
        self.watch, self.pictures = watch, 0

    def look(self, frame):
        fresh = self.pictures % 3 == 0
        self.pictures += 1
        self.watch.now += WORK if fresh else 0.0
        face = FaceObservation(frame.at, 1, Box(0, 0, 100, 100), FaceQuality(100, 1, 100, 1.0), HAPPY, fresh)
        return VisionResult(frame.at, (face,), (1,) if self.pictures == 1 else ())

    def hear(self, block):
        return self.finish(block.at)

    def finish(self, at):
        self.watch.now += WORK
        return HearingResult(at, True, (SpeechObservation(at, 1.0, 20.0, HAPPY),))


class Told:
    raw_wanted = True

    def __init__(self):
        self.inferences = []

    def raw(self, modality, *, subject, scores, quality, took):
        self.inferences.append((modality, took))


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def app(told, monkeypatch):
    watch = Watch()
    monkeypatch.setattr("emoedge.app.time", watch)
    senses, clock = Senses(watch), SystemClock()
    mind = Mind(default_config().fusion, {m: Reliability(weight=1.0, decorrelation=0.5) for m in Modality})
    pipeline = Pipeline(vision=senses, hearing=senses, mind=mind, rate=RateLimit(0))
    return App(pipeline=pipeline, clock=clock, camera=None, microphone=None, sinks=(), mqtt=told, meter=HealthMeter(0.0))


def test_scores_that_were_kept_are_not_told_again(app, told):
    for index in range(9):
        app._look(Frame(np.zeros((64, 64, 3), np.uint8), index / 5, index))
    assert told.inferences == [(Modality.FACE, pytest.approx(1000 * WORK))] * 3


def test_the_time_of_a_window_is_its_own(app, told):
    app._listen([AudioBlock(np.zeros(800, np.float32), index / 20) for index in range(1, 6)])
    assert told.inferences == [(Modality.SPEECH, pytest.approx(1000 * WORK))] * 5


def test_the_window_that_is_judged_at_the_end_is_told(app, told):
    app._listen([AudioBlock(np.zeros(800, np.float32), 0.05)])
    app._close()
    assert told.inferences == [(Modality.SPEECH, pytest.approx(1000 * WORK))] * 2
