"""A camera that is lost while its last picture still waits."""

import threading
from unittest.mock import Mock

import numpy as np
import pytest

from emoedge.config.fusion import FusionConfig
from emoedge.fusion.belief import Reliability
from emoedge.fusion.mind import Mind
from emoedge.messages import Box, FaceObservation, FaceQuality, Frame, Modality, SensorStatus, VisionResult
from emoedge.ops.clock import ManualClock
from emoedge.pipeline import Pipeline
from emoedge.sources.rate import RateLimit
from emoedge.view.live import LOOK, LiveShow
from emoedge.view.moment import Watch


class Camera:
    """Its last picture comes, and its end, while the one before is looked at."""

    problem, ended = None, False

    def __init__(self, status):
        self.status, self.waiting, self._last = SensorStatus.ONLINE, [], status

    def take(self, _timeout):
        return self.waiting.pop(0) if self.waiting else None

    def end(self, frame):
        self.status, self.waiting = self._last, [frame]


class Eye:
    """Sees the same person in every picture."""

    def __init__(self):
        self.looks, self.meanwhile = 0, None

    def look(self, frame):
        self.looks += 1
        if self.meanwhile is not None:
            self.meanwhile()
        face = FaceObservation(frame.at, 1, Box(0, 0, 99, 99), FaceQuality(99, 1, 100, 1.0), None)
        return VisionResult(frame.at, (face,), (1,) if self.looks == 1 else ())


@pytest.mark.parametrize("status", [SensorStatus.OFFLINE, SensorStatus.RECONNECTING])
def test_the_last_picture_of_a_lost_camera_brings_nobody_back(status):
    clock, camera, eye, stage = ManualClock(100.0), Camera(status), Eye(), Mock()
    mind = Mind(FusionConfig(), {modality: Reliability(weight=1.0, decorrelation=0.5) for modality in Modality})
    pipeline = Pipeline(vision=eye, hearing=None, mind=mind, rate=RateLimit(0))
    show = LiveShow(
        Watch(pipeline, 0.1), clock, stage, camera=camera, microphone=None, names={"camera": "film.mp4", "mic": "none"}
    )
    picture = np.zeros((8, 8, 3), np.uint8)

    def goes(*, amid):
        eye.meanwhile = amid
        clock.advance(LOOK)
        show._round(threading.Event())
        return stage.show.call_args.args[1].people

    camera.waiting = [Frame(picture, clock.monotonic(), 0)]
    goes(amid=lambda: camera.end(Frame(picture, clock.monotonic(), 1)))
    assert [goes(amid=None) for _ in range(3)] == [0, 0, 0]
    assert eye.looks == 2, "it is looked at all the same"
