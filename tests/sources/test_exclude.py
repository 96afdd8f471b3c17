"""Zones in which nobody is looked for: black before anything else sees the picture."""

import cv2
import numpy as np
import pytest

from emoedge.config.camera import CameraConfig
from emoedge.config.loader import loads
from emoedge.errors import ConfigError
from emoedge.ops.clock import SystemClock
from emoedge.sources.camera import Camera
from emoedge.sources.picture import Adjustment


@pytest.fixture
def image():
    return np.full((120, 160, 3), 200, np.uint8)


def test_inside_is_black_outside_is_untouched_and_the_original_stays(image):
    seen = Adjustment.of(CameraConfig(exclude=("0,0 79,0 79,119 0,119", "150,0 159,0 159,9"))).apply(image)
    assert (seen[:, :80] == 0).all()
    assert (seen[20:, 80:] == 200).all()
    assert (seen[1, 158] == 0).all()
    assert (image == 200).all()


def test_after_turning_before_cutting(image):
    config = CameraConfig(rotate=90, region="20,0,100,160", exclude=("0,0 59,0 59,159 0,159",))
    seen = Adjustment.of(config).apply(image)
    assert seen.shape == (160, 100, 3)
    assert (seen[:, :40] == 0).all()
    assert (seen[:, 41:] == 200).all()


def test_a_zone_may_reach_beyond_the_picture(image):
    assert (Adjustment.of(CameraConfig(exclude=("0,0 9999,0 9999,9999 0,9999",))).apply(image) == 0).all()


def test_what_two_zones_cover_is_black_too(image):
    seen = Adjustment.of(CameraConfig(exclude=("0,0 79,0 79,79 0,79", "40,40 119,40 119,119 40,119"))).apply(image)
    assert (seen[40:80, 40:80] == 0).all()
    assert (seen[:40, 80:] == 200).all()


@pytest.mark.parametrize(
    ("zone", "inside"),
    [
        ("10,10 110,10 10,110 110,110", (20, 60)),  # corners in the order of a Z
        ("60,0 95,108 2,41 118,41 25,108", (60, 60)),  # a star, whose middle its sides go round twice
        ("160,0 195,108 102,41 218,41 125,108", (159, 60)),  # the same, its middle at the picture's edge
    ],
)
def test_a_zone_whose_sides_cross_has_no_hole(image, zone, inside):
    seen = Adjustment.of(CameraConfig(exclude=(zone,))).apply(image)
    assert (seen[inside[1], inside[0]] == 0).all()
    assert (seen[112:, :10] == 200).all()


def test_a_zone_may_leave_a_window(image):
    frame = "0,0 159,0 159,119 0,119 0,0 40,40 40,80 80,80 80,40 40,40"
    seen = Adjustment.of(CameraConfig(exclude=(frame,))).apply(image)
    assert (seen[45:75, 45:75] == 200).all()
    assert (seen[:30] == 0).all()


@pytest.mark.parametrize(("zone", "rotate"), [("200,0 250,0 250,90", 0), ("0,120 9,120 9,300", 180), ("120,0 9999,0 9999,9", 90)])
def test_a_picture_that_a_zone_lies_beside_is_not_seen(image, zone, rotate):
    adjustment = Adjustment.of(CameraConfig(rotate=rotate, exclude=("0,0 9,0 9,9", zone)))
    assert adjustment.apply(image) is None
    width, height = (120, 160) if rotate == 90 else (160, 120)
    assert adjustment.misfit(image) == f"the zone {zone} of camera.exclude lies beside its pictures of {width} x {height}"


def test_a_zone_beside_the_picture_is_told_once(image, tmp_path, camera_config, quick, caplog, until):
    cv2.imwrite(str(tmp_path / "a.png"), image)
    zones = ("200,0 250,0 250,90",)
    camera = Camera(camera_config(tmp_path / "a.png", loop=True, exclude=zones), SystemClock(), quick)
    camera.start()
    until(lambda: camera.counters["invalid"] > 3)
    assert camera.take(0) is None
    assert camera.problem == "the zone 200,0 250,0 250,90 of camera.exclude lies beside its pictures of 160 x 120"
    camera.stop()
    assert sum("camera.exclude" in line for line in caplog.messages) == 1


@pytest.mark.parametrize("zone", ["0,0 1,1", "0,0;1,1;2,2", "a,b c,d e,f", "-1,0 5,5 9,9", "0,0  1,1 2,2"])
def test_what_is_no_polygon(zone):
    with pytest.raises(ConfigError, match=r"camera\.exclude"):
        loads(f'deployment: {{context: kiosk}}\ncamera: {{exclude: ["{zone}"]}}')


def test_a_face_in_a_zone_is_not_found(clip_frame):
    from emoedge.messages import Frame
    from emoedge.vision.eye import Vision
    from emoedge.vision.haar import HaarDetector

    config = CameraConfig(exclude=("0,0 640,0 640,480 0,480",))
    for adjustment, people in ((Adjustment.of(CameraConfig()), 1), (Adjustment.of(config), 0)):
        eye = Vision(loads("deployment: {context: kiosk}").vision, HaarDetector(), None, None)
        seen = [len(eye.look(Frame(adjustment.apply(f), n / 15, n)).faces) for n, f in enumerate(clip_frame)]
        assert max(seen) == people


@pytest.fixture
def clip_frame():
    from importlib import resources

    film = cv2.VideoCapture(str(resources.files("emoedge") / "assets" / "demo.mp4"))
    film.set(cv2.CAP_PROP_POS_MSEC, 3000)
    frames = [film.read()[1] for _ in range(20)]
    film.release()
    return frames
