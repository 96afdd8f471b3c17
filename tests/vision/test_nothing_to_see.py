"""Where there is no emotion to see none is named: generated crops, judged by the shipped model as the daemon does."""

import cv2
import numpy as np
import pytest
from workbench import bias, no_faces, scenes
from workbench.clips import FACE
from workbench.clips import head as portrait

from emoedge.config.vision import VisionConfig
from emoedge.emotions import Reason
from emoedge.inference.model import load_model
from emoedge.inference.shipped import resolve
from emoedge.messages import Box, Frame
from emoedge.vision.crop import FaceFrontEnd, square
from emoedge.vision.eye import Vision
from emoedge.vision.haar import HaarDetector
from emoedge.vision.likeness import likeness, read_net
from emoedge.vision.quality import quality, thumbnail

SURE = 0.75
"""Certainty of a confident emotion, whatever the model's own threshold is."""

COUNT = 60
SEED = 4711
FEW = {"one colour": 0, "gradient": 0, "ten pixels": 0, "noise": 2, "clouds": 3, "pattern": 2, "cartoon": 3}
"""Crops of COUNT that may be named all the same."""


@pytest.fixture(scope="module")
def model():
    return load_model(resolve("face"))


@pytest.fixture(scope="module")
def face():
    """A public-domain portrait's face as a detector frames it."""
    gray = np.ascontiguousarray(cv2.cvtColor(portrait(), cv2.COLOR_BGR2GRAY))
    return square(gray, FACE, -0.05)


@pytest.fixture(scope="module")
def views(face):
    """The face from a little nearer, farther and aside: COUNT of them."""
    generator = np.random.default_rng(SEED)
    made = []
    for _ in range(COUNT):
        turn = cv2.getRotationMatrix2D((55, 55), generator.uniform(-8, 8), generator.uniform(0.9, 1.1))
        turn[:, 2] += generator.normal(0, 3, 2)
        made.append(cv2.warpAffine(face, turn, face.shape[::-1], borderMode=cv2.BORDER_REPLICATE))
    return np.stack(made)


@pytest.mark.parametrize("kind", FEW)
def test_no_confident_emotion(kind, model, views):
    crops = dict(bias.cases(COUNT, SEED, views))[kind]
    front_end = FaceFrontEnd(model.info.front_end)
    sure = []
    for crop in crops:
        if quality(thumbnail(crop, Box(0, 0, crop.shape[1], crop.shape[0])), 96, VisionConfig()).reason is None:
            said = model.classify(front_end.prepare(crop))
            if said.label != "neutral":
                sure.append((said.confidence, said.label))
    named = [each for each in sure if each[0] >= max(SURE, model.info.abstain_below)]
    assert len(named) <= FEW[kind], f"{kind}: {len(named)} of {COUNT} named, the surest {max(named)}"


def test_a_face_is_taken_for_one_and_the_rest_is_not(face, views):
    small = [thumbnail(view, Box(0, 0, view.shape[1], view.shape[0])) for view in views]
    upright = np.array([likeness(view) for view in small])
    overturned = np.array([likeness(no_faces.upside_down(view)) for view in small])
    assert (upright > 0.5).all()
    assert np.median(overturned) < np.median(upright)
    config, asked = VisionConfig(), VisionConfig(minimum_likeness=1.0)
    assert quality(small[0], 96, config).reason is None
    assert quality(small[0], 96, asked).reason is Reason.NO_FACE
    cartoon = cv2.resize(no_faces.cartoon(np.random.default_rng(1)), (48, 48), interpolation=cv2.INTER_AREA)
    assert quality(cartoon, 96, config).reason is Reason.NO_FACE
    assert quality(cartoon, 96, VisionConfig(minimum_likeness=0.0)).reason is None


@pytest.mark.parametrize("picture", [np.zeros((48, 48), np.uint8), np.full((48, 48), 255, np.uint8), np.eye(48, dtype=np.uint8)])
def test_any_crop_gets_a_likeness(picture):
    assert 0 <= read_net()(picture) <= 1


def played(crop, model, seed):
    """Observations of the whole pipeline where the crop stands in for the face of a drawn head."""
    generator = np.random.default_rng(seed)
    vision = Vision(VisionConfig(), HaarDetector(), FaceFrontEnd(model.info.front_end), model)
    film = scenes.frames(scenes.head(crop, generator), size=120, count=4, rate=5,
                         camera=scenes.some_camera(generator), generator=generator)  # fmt: skip
    return [seen for at, picture, _ in film
            for seen in vision.look(Frame(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), at, 0)).faces]  # fmt: skip


def test_the_whole_pipeline_finds_the_face_and_names_next_to_nothing_else(face, model):
    assert any(seen.scores is not None for seen in played(face, model, 1))
    least, looks, named = max(SURE, model.info.abstain_below), 0, []
    for draw in range(15):
        generator = np.random.default_rng(SEED + draw)
        crops = {"upside down": no_faces.upside_down(face)} | {k: make(generator) for k, make in no_faces.CASES.items()}
        for seed, (kind, crop) in enumerate(crops.items()):
            for seen in played(crop, model, 100 * draw + seed):
                looks += 1
                if seen.scores is not None and seen.scores.label != "neutral" and seen.scores.confidence >= least:
                    named.append((kind, seen.scores.label, round(seen.scores.confidence, 2)))
    # A drawn smile is one; nothing that is not drawn as a face may be named.
    assert {kind for kind, _, _ in named} <= {"cartoon"}, named
    assert len(named) <= 6, f"{named} of {looks} looks at {15 * len(crops)} films"
