"""Moving pictures with a known truth: a public-domain portrait pasted over smooth random grounds."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import pytest
from skimage import data

from emoedge.config.vision import VisionConfig
from emoedge.emotions import CANONICAL, Scores
from emoedge.inference.spec import FrontEndSpec
from emoedge.messages import Box, Frame
from emoedge.vision.crop import FaceFrontEnd
from emoedge.vision.eye import Vision
from emoedge.vision.haar import HaarDetector

HEAD = cv2.cvtColor(data.astronaut()[0:235, 110:330], cv2.COLOR_RGB2BGR)
FACE = Box(52, 62, 122, 122)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    cv2.setNumThreads(1)


@cache
def ground(seed=3, width=640, height=480):
    coarse = np.random.default_rng(seed).integers(40, 200, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def with_face(picture, x, y, side):
    """The portrait pasted so that its face has the centre x, y; the picture and the face's box."""
    scale = side / FACE.width
    turn = np.float32([[scale, 0, x - scale * FACE.centre[0]], [0, scale, y - scale * FACE.centre[1]]])
    size = picture.shape[1::-1]
    mask = cv2.warpAffine(np.full(HEAD.shape[:2], 255, np.uint8), turn, size)
    pasted = picture.copy()
    cv2.copyTo(cv2.warpAffine(HEAD, turn, size), mask, pasted)
    return pasted, Box(x - side / 2, y - side / 2, side, side)


def grain(picture, seed, spread=4.0):
    (height, width), (top, left) = picture.shape[:2], np.random.default_rng(seed).integers(0, 64, 2)
    field = noise_field(height + 64, width + 64)[top : top + height, left : left + width]
    return cv2.addWeighted(picture, 1, field, spread / 16, -128 * spread / 16)


@cache
def noise_field(height, width):
    """Gray 128 with a spread of 16: made once, as drawing it anew for every frame would take longest."""
    normal = np.random.default_rng(0).normal(128, 16, (height, width, 3))
    return np.clip(normal, 0, 255).astype(np.uint8)


class Counting:
    """A classifier that says happy and remembers what it was shown."""

    def __init__(self):
        self.shown = []

    def classify(self, features):
        self.shown.append(features)
        return Scores.from_labels(CANONICAL, np.eye(7)[3])


@dataclass
class Account:
    """What came of a film."""

    results: list
    hits: int
    truths: int
    false: int

    @property
    def tracks(self):
        return {face.track for result in self.results for face in result.faces}


class Studio:
    """Plays films to a Vision and compares what it tells with the truth."""

    ground = staticmethod(ground)
    with_face = staticmethod(with_face)
    grain = staticmethod(grain)

    def __init__(self, detector):
        self.detector = detector

    def vision(self, classifier=None, detector=None, **settings):
        front_end = FaceFrontEnd(FrontEndSpec("face_gray")) if classifier else None
        return Vision(VisionConfig(**settings), detector or self.detector, front_end, classifier)

    def play(self, vision, film, fps=25.0, start=0.0):
        """`film`: pairs of picture and true boxes."""
        account = Account([], 0, 0, 0)
        for index, (picture, truths) in enumerate(film):
            result = vision.look(Frame(picture, start + index / fps, index))
            open_truths = list(truths)
            for face in result.faces:
                hit = next((t for t in open_truths if near(face.box, t)), None)
                if hit is None:
                    account.false += 1
                else:
                    open_truths.remove(hit)
                    account.hits += 1
            account.truths += len(truths)
            account.results.append(result)
        return account


def near(box, truth):
    (x, y), (tx, ty), side = box.centre, truth.centre, truth.width
    return abs(x - tx) < side / 4 and abs(y - ty) < 0.3 * side and 0.5 < box.width / side < 1.5


@pytest.fixture(scope="session")
def studio():
    return Studio(HaarDetector())


@pytest.fixture
def counting():
    return Counting()
