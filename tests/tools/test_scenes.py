"""Faces composed into scenes: nothing of the face is painted over, and the pipeline finds a real one in them."""

import json

import cv2
import evaluate_scenes
import numpy as np
import pytest
from workbench import face_looks, scene_evaluation, scenes
from workbench.clips import FACE
from workbench.clips import head as portrait

from emoedge.emotions import CANONICAL, Scores
from emoedge.inference.model import load_model
from emoedge.inference.shipped import resolve
from emoedge.vision.crop import square

CALM = scenes.Camera(gain=1.0, gamma=1.0, blur=0.01, grain=0.0, quality=100)


@pytest.fixture(scope="module")
def face():
    """The public-domain portrait, cut like a face of a pack."""
    gray = np.ascontiguousarray(cv2.cvtColor(portrait(), cv2.COLOR_BGR2GRAY))
    return cv2.resize(square(gray, FACE), (48, 48), interpolation=cv2.INTER_AREA)


def film(face, size, camera=CALM, seed=1, count=3):
    generator = np.random.default_rng(seed)
    return list(scenes.frames(scenes.head(face, generator), size=size, count=count, rate=5, camera=camera, generator=generator))


def test_a_look_is_the_face_as_a_detector_frames_it(face):
    """Blurred, dimmed and shifted a little, it is still the same picture; a wall is not looked at."""
    found = [face_looks.look(face, np.random.default_rng(seed)) for seed in range(8)]
    seen = [look for look in found if look is not None]
    assert len(seen) >= 6
    for look in seen:
        assert look.shape == face.shape
        like, unlike = (np.corrcoef(look.ravel(), other.ravel())[0, 1] for other in (face, face[::-1]))
        assert like > unlike + 0.2
        assert not np.array_equal(look, face)
    assert face_looks.look(np.full_like(face, 128), np.random.default_rng(0)) is None


def test_looks_are_made_once(face, tmp_path):
    faces = np.stack([face, np.full_like(face, 90)])
    pictures, seen = face_looks.looks(faces, tmp_path, seed=2, threads=1)
    assert seen.tolist() == [True, False]
    assert np.array_equal(pictures[1], faces[1]), "what is not seen stays as it is"
    (block,) = tmp_path.iterdir()
    with block.open("r+b") as file:
        np.savez(file, pictures=faces[::-1], seen=np.array([False, False]))
    again, none = face_looks.looks(faces, tmp_path, seed=2, threads=1)
    assert not none.any()
    assert np.array_equal(again, faces[::-1])
    assert not np.array_equal(face_looks.looks(faces, tmp_path, seed=3, threads=1)[0], again)


def test_the_drawing_begins_where_the_picture_ends(face):
    head = scenes.head(face, np.random.default_rng(0))
    box = head.face
    rows, columns = slice(int(box.y), int(box.y) + 48), slice(int(box.x), int(box.x) + 48)
    assert np.array_equal(head.picture[rows, columns], face)
    assert head.opaque[rows, columns][4:-4, 4:-4].min() == 255
    assert head.opaque[0].max() == 0, "the room begins above the hair"


@pytest.mark.parametrize("size", [40, 96, 240])
def test_the_box_is_where_the_face_is(face, size):
    for _, picture, box in film(face, size):
        assert picture.shape == (480, 640)
        assert (box.width, box.height) == (size, size)
        seen = cv2.resize(square(picture, box), (48, 48), interpolation=cv2.INTER_AREA).astype(float)
        assert np.corrcoef(seen.ravel(), face.astype(float).ravel())[0, 1] > 0.93


def test_the_head_moves_and_the_noise_changes(face):
    camera = scenes.Camera(gain=1.0, gamma=1.0, blur=0.5, grain=4.0, quality=80)
    (_, one, first), (_, two, second), _ = film(face, 120, camera)
    assert first != second
    corner = np.s_[:60, :60]
    assert 2 < (one[corner].astype(float) - two[corner]).std() < 10


def test_the_same_seed_gives_the_same_film(face):
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(film(face, 96), film(face, 96), strict=True))
    assert not np.array_equal(film(face, 96)[0][1], film(face, 96, seed=2)[0][1])


class Brightness:
    """Says happy of a bright crop and sad of a dark one, as a model file would."""

    info = load_model(resolve("face")).info

    def classify(self, features):
        return self.classify_batch(features[None])[0]

    def classify_batch(self, batch):
        return [Scores.from_labels(CANONICAL, np.eye(7)[3 if b.mean() > 0.2 else 4]) for b in batch]


def test_a_real_face_is_found_and_judged_at_every_ordinary_size(face):
    truth = np.array([3, 3])
    rows = scene_evaluation.measure(Brightness(), np.stack([face, face]), truth, [96.0, 180.0], frames=5)
    for row in rows:
        assert row["found"] == row["judged"] == 1
        assert row["direct"] == 1
        assert row["loss"] == pytest.approx(1 - row["accuracy"])


def test_what_is_no_face_is_not_found_and_the_row_says_so():
    noise = np.random.default_rng(0).integers(0, 256, (2, 48, 48), dtype=np.uint8)
    row, = scene_evaluation.measure(Brightness(), noise, np.array([3, 4]), [96.0], frames=3)
    assert row["found"] == 0
    assert row["accuracy"] is row["loss"] is row["error"] is None
    assert "| 96 | 0.0 % | 0.0 % | - |" in scene_evaluation.line(row)


def test_the_tool_tells_draws_and_refuses(tmp_path, face, capsys):
    pack, picture = tmp_path / "pack.npz", tmp_path / "curve.png"
    np.savez(pack, images=np.stack([face] * 3), labels=np.full(3, 3, np.uint8), split=np.array([0, 1, 1], np.uint8))
    words = ["face", "--data", str(pack), "--frames", "4"]
    words[0] = str(resolve("face"))
    assert evaluate_scenes.main([*words, "--sizes", "60,120", "--curve", str(picture), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [row["size"] for row in told["sizes"]] == [60, 120]
    assert all(row["faces"] == 2 for row in told["sizes"])
    assert picture.stat().st_size > 1000
    assert evaluate_scenes.main([*words, "--target", "ferplus"]) == 2
    assert "no ferplus_votes" in capsys.readouterr().err
    assert evaluate_scenes.main([*words, "--split", "2"]) == 2
    assert evaluate_scenes.main([str(resolve("speech")), "--data", str(pack)]) == 78
