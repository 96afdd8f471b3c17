"""The parts of the eye, each by itself: gate, quality, detector, track."""

import cv2
import numpy as np
import pytest

from emoedge.config.vision import VisionConfig
from emoedge.emotions import Reason
from emoedge.errors import ModelError
from emoedge.messages import Box
from emoedge.vision.gate import MotionGate
from emoedge.vision.haar import HaarDetector
from emoedge.vision.quality import quality, thumbnail
from emoedge.vision.track import Track


def still(value=120):
    return np.full((480, 640), value, np.uint8) + np.arange(640, dtype=np.uint8)[None] // 8


def test_the_gate_sees_where_something_changed():
    gate = MotionGate(6)
    assert gate.look(still()).cells.all()
    assert not gate.look(still()).any
    changed = still()
    changed[96:160, 320:384] += 30
    motion = gate.look(changed)
    assert motion.within(Box(320, 96, 64, 64), 1)
    assert not motion.within(Box(0, 300, 100, 100), 1)
    assert int(motion.cells.sum()) == 16


def test_the_gate_begins_anew_with_another_size_of_the_same_form():
    gate = MotionGate(6)
    gate.look(still())
    assert gate.look(cv2.resize(still(), (320, 240))).cells.all()


def test_the_gate_adds_up_slow_changes_and_takes_out_common_ones():
    gate = MotionGate(6)
    gate.look(still())
    slow = [still() for _ in range(20)]
    for i, picture in enumerate(slow):
        picture[96:160, 320:384] += i
    assert 1 <= sum(gate.look(p).any for p in slow) <= 3
    flicker = MotionGate(6)
    flicker.look(still())
    assert not any(flicker.look((still() * gain).astype(np.uint8)).any for gain in (0.9, 1.1, 0.85, 1.0))


def test_camera_noise_is_no_motion():
    gate, random = MotionGate(6), np.random.default_rng(0)
    noisy = (np.clip(still() + random.normal(0, 12, (480, 640)), 0, 255).astype(np.uint8) for _ in range(30))
    assert [gate.look(p).any for p in noisy] == [True] + [False] * 29


@pytest.mark.parametrize(("value", "blank"), [(0, True), (255, True), (128, True)])
def test_a_flat_picture_is_blank(value, blank):
    assert MotionGate(6).look(np.full((48, 64), value, np.uint8)).blank is blank
    assert not MotionGate(6).look(still()).blank


def test_quality_falls_with_blur_darkness_and_size(studio):
    picture, box = studio.with_face(studio.ground(), 320, 240, 120)
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    config = VisionConfig()
    good = quality(thumbnail(gray, box), 120, config)
    assert good.reason is None
    assert good.overall > 0.8
    blurred = quality(thumbnail(cv2.GaussianBlur(gray, (0, 0), 9), box), 120, config)
    assert blurred.reason is Reason.BLUR
    dark = quality(thumbnail((gray * 0.1).astype(np.uint8), box), 120, config)
    assert dark.reason is Reason.LOW_LIGHT
    bright = quality(thumbnail(np.clip(gray.astype(np.int16) * 8, 0, 255).astype(np.uint8), box), 120, config)
    assert bright.reason is Reason.CLIPPED
    assert quality(thumbnail(gray, box), 20, config).reason is Reason.FACE_TOO_SMALL
    assert quality(thumbnail(gray, box), 40, config).overall < good.overall


def test_sharpness_does_not_depend_on_contrast(studio):
    picture, box = studio.with_face(studio.ground(), 320, 240, 120)
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    full = quality(thumbnail(gray, box), 120, VisionConfig()).sharpness
    half = quality(thumbnail(gray // 2 + 60, box), 120, VisionConfig()).sharpness
    assert half == pytest.approx(full, rel=0.2)


def test_the_detector_keeps_to_the_sizes_asked_for(studio):
    picture, box = studio.with_face(studio.ground(), 320, 240, 120)
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    found = studio.detector.detect(gray, minimum=60, maximum=160)
    assert [f for f in found if f.overlap(box) > 0.4]
    assert not [f for f in studio.detector.detect(gray, minimum=200) if f.overlap(box) > 0.4]
    assert list(studio.detector.detect(gray[:10, :10], minimum=1)) == []


def test_a_missing_or_broken_cascade_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no such cascade"):
        HaarDetector(str(tmp_path / "none.xml"))
    broken = tmp_path / "broken.xml"
    broken.write_text("not a cascade")
    with pytest.raises(ModelError, match="not a Haar cascade"):
        HaarDetector(str(broken))


def test_a_track_predicts_by_its_velocity_but_not_too_far():
    track = Track(Box(0, 0, 100, 100), 0.0, 0.0, 0.0)
    for i in range(1, 30):
        track.hit(Box(10 * i, 0, 100, 100), i * 0.04)
    x, y = track.predicted(30 * 0.04).centre
    assert x == pytest.approx(350, abs=2)
    assert y == pytest.approx(50)
    assert track.predicted(100).centre[0] == pytest.approx(340 + 60, abs=1)


def test_the_box_that_is_judged_is_steadier_than_the_detectors_and_not_late():
    noise = np.random.default_rng(3).normal(0, 3, (100, 3))
    track = Track(Box(0, 0, 100, 100), 0.0, 0.0, 0.0)
    raw, steady = [], []
    for i, (dx, dy, grown) in enumerate(noise, 1):
        track.hit(Box(dx - grown / 2, dy - grown / 2, 100 + grown, 100 + grown), i * 0.2)
        raw.append((*track.box.centre, track.box.width))
        steady.append((*track.steady.centre, track.steady.width))
    assert (np.std(steady[10:], axis=0) < 0.7 * np.std(raw[10:], axis=0)).all()
    for i in range(1, 20):
        track.hit(Box(30 * i, 0, 100, 100), 20 + i * 0.2)
    assert track.speed == pytest.approx(1.5, abs=0.05)
    assert track.steady.centre[0] == pytest.approx(track.box.centre[0])
    track.hit(Box(0, 0, 200, 200), 24)
    assert track.steady.width == pytest.approx(track.box.width, rel=0.01)


def test_a_look_at_a_face_that_moves_fast_counts_less(studio):
    picture, box = studio.with_face(studio.ground(), 320, 240, 120)
    face = thumbnail(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), box)
    at_rest, walking, running = (quality(face, 100, VisionConfig(), speed=s).overall for s in (0.0, 0.3, 1.0))
    assert at_rest == walking
    assert 0 < running < 0.5 * at_rest


@pytest.mark.parametrize(("gone", "sides", "same"), [(0.0, 0.7, True), (0.0, 1.0, False), (1.5, 3.0, True), (60.0, 3.0, True), (60.0, 3.5, False)])
def test_a_lost_face_comes_back_near_to_where_it_was(gone, sides, same):
    track = Track(Box(0, 0, 100, 100), 0.0, 0.0, 0.0)
    track.miss()
    assert track.could_be(Box(100 * sides, 0, 100, 100), gone) is same


def test_certainty_is_that_of_the_last_looks():
    track, box = Track(Box(0, 0, 100, 100), 0.0, 0.0, 0.0), Box(0, 0, 100, 100)
    assert track.certainty == 1
    for i in range(1, 60):
        track.alike(box, i / 25, facelike=False)
    assert track.certainty == 0
    for i in range(60, 70):
        track.hit(box, i / 25)
    assert track.certainty == 0.5


def test_a_face_that_stops_counts_in_full_again():
    track = Track(Box(0, 0, 100, 100), 0.0, 0.0, 0.0)
    for i in range(1, 5):
        track.hit(Box(40 * i, 0, 100, 100), i * 0.2)
    track.grade = "of a look in flight"
    track.stayed(1.0)
    assert track.speed == 0
    assert track.grade is None
    track.grade = "of a look at rest"
    track.stayed(1.2)
    assert track.grade == "of a look at rest"
