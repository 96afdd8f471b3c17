"""A film and a sound of other lengths, played into a recording."""

import threading

import numpy as np

from emoedge.config import default_config
from emoedge.fusion.belief import Reliability
from emoedge.fusion.mind import Mind
from emoedge.messages import AudioBlock, Frame, HearingResult, Modality, VisionResult
from emoedge.pipeline import Pipeline
from emoedge.sources.rate import RateLimit
from emoedge.view import played
from emoedge.view.moment import Watch


class Eye:
    """Sees nobody."""

    def look(self, frame):
        return VisionResult(frame.at)


class Ear:
    """Hears somebody who never stops."""

    def hear(self, block):
        return HearingResult(block.at, True, ())

    def finish(self, at):
        return HearingResult(at, True, ())


class Stage:
    """Notes when somebody speaks."""

    def __init__(self):
        self.speaking = {}

    def show(self, _image, moment, _sensors):
        self.speaking[moment.at] = moment.speaking


def test_nobody_speaks_any_more_where_a_film_goes_on_after_its_sound(monkeypatch):
    frames = [Frame(np.zeros((8, 8, 3), np.uint8), 0.5 * i, i) for i in range(12)]
    blocks = [AudioBlock(np.zeros(320, np.float32), 0.02 * i) for i in range(1, 101)]
    monkeypatch.setattr(played, "film", lambda *_: frames)
    monkeypatch.setattr(played, "sound", lambda *_: blocks)
    config, stage = default_config(), Stage()
    mind = Mind(config.fusion, {modality: Reliability(weight=1.0, decorrelation=0.5) for modality in Modality})
    watch = Watch(Pipeline(vision=Eye(), hearing=Ear(), mind=mind, rate=RateLimit(0)), config.fusion.margin)
    assert played.play(config, watch, stage, threading.Event(), video="film.mp4", audio="word.wav") is None
    assert [at for at, speaking in stage.speaking.items() if speaking] == [0.5, 1.0, 1.5, 2.0]
    assert max(stage.speaking) == 5.5
