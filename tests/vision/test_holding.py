"""A face that the detector loses is upheld as long as its place looks like a face, and a wall is not."""

import numpy as np
import pytest

from emoedge.config.vision import VisionConfig
from emoedge.messages import Frame
from emoedge.vision.eye import Vision
from emoedge.vision.haar import HaarDetector
from emoedge.vision.track import PATIENCE

RATE = 5.0


class Fallible(HaarDetector):
    """Sees nothing while it is blind."""

    blind = False

    def detect(self, gray, **sizes):
        return [] if self.blind else super().detect(gray, **sizes)


@pytest.fixture
def watched(studio):
    """Shows pictures to a vision whose detector may be blinded."""
    return Watched(studio)


class Watched:
    def __init__(self, studio, rate=RATE, **settings):
        self.studio = studio
        self.rate = rate
        self.detector = Fallible()
        self.vision = Vision(VisionConfig(**settings), self.detector)
        self.index = 0

    def look(self, picture):
        self.index += 1
        grainy = self.studio.grain(picture, self.index)
        return self.vision.look(Frame(grainy, self.index / self.rate, self.index))

    def show(self, seconds, face=lambda picture: picture, seed=3):
        """The portrait, swaying, for that long; what was seen in each frame."""
        told = []
        for _ in range(round(seconds * self.rate)):
            x = 320 + 6 * np.sin(self.index)
            told.append(self.look(face(self.studio.with_face(self.studio.ground(seed), x, 240, 130)[0])))
        return told


@pytest.mark.parametrize("seed", range(12))
def test_who_vanishes_leaves_no_wall_behind_that_is_followed(watched, seed):
    assert watched.show(2, seed=seed)[-1].faces
    after = [watched.look(watched.studio.ground(seed)) for _ in range(round(6 * RATE))]
    assert not after[-1].faces
    assert sum(bool(result.faces) for result in after) <= 2 * RATE


def test_a_face_that_the_detector_loses_is_upheld_for_a_while(watched):
    (number,) = {face.track for face in watched.show(2)[-1].faces}
    watched.detector.blind = True
    told = watched.show(PATIENCE - 1)
    assert np.mean([[face.track for face in result.faces] == [number] for result in told]) > 0.9
    later = watched.show(4)
    assert number in later[-1].left or any(number in result.left for result in later)
    assert not later[-1].faces


@pytest.mark.parametrize(("rate", "blind", "seen"), [(5.0, 2.0, 1.8), (25.0, 1.2, 1.4)])
def test_a_new_face_that_was_lost_for_a_while_is_confirmed_as_soon_as_another(studio, rate, blind, seen):
    watched = Watched(studio, rate, confirm=1.0)
    watched.show(0.6)
    watched.detector.blind = True
    assert not any(result.appeared for result in watched.show(blind))
    watched.detector.blind = False
    assert any(result.appeared for result in watched.show(seen))


def test_what_only_looks_like_what_was_found_once_is_not_followed_for_good(studio):
    watched = Watched(studio, confirm=1.0)
    watched.show(0.6)
    watched.detector.blind = True
    told = watched.show(4.0, face=lambda picture: studio.with_face(studio.ground(), 320, 240, 130)[0])
    assert told[0].moved
    assert not told[-1].moved, "nobody is looked for where nothing moves"


def test_an_upheld_face_is_followed_where_it_goes(watched):
    watched.show(2)
    watched.detector.blind = True
    studio, seen = watched.studio, []
    for step in range(20):
        picture, truth = studio.with_face(studio.ground(), 320 + 5 * step, 240, 130)
        seen += [face.box.overlap(truth) for face in watched.look(picture).faces]
    assert len(seen) > 16
    assert min(seen) > 0.5


def test_another_look_on_the_same_head_is_the_same_person(watched):
    """The mirror image stands for a face of another expression: little like the last one, and a face."""
    (number,) = {face.track for face in watched.show(2)[-1].faces}
    watched.detector.blind = True
    other = watched.show(3, face=lambda picture: np.ascontiguousarray(picture[:, ::-1]), seed=3)
    assert np.mean([[face.track for face in result.faces] == [number] for result in other]) > 0.8


@pytest.mark.parametrize("seed", range(6))
def test_a_face_behind_a_newspaper_is_not_upheld(watched, seed):
    watched.show(2)
    watched.detector.blind = True
    paper = np.random.default_rng(seed).integers(30, 230, (150, 13, 3), dtype=np.uint8)

    def covered(picture):
        hidden = picture.copy()
        hidden[165:315, 245:395] = np.repeat(paper, 12, axis=1)[:, :150]
        return hidden

    assert not watched.show(4, face=covered)[-1].faces
