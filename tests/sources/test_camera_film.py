"""Films and folders as a camera: paced, as fast as possible, looped, turned, broken."""

import struct
import time

import cv2
import numpy as np
import pytest

from emoedge.config import default_config
from emoedge.messages import SensorStatus
from emoedge.ops.clock import SystemClock
from emoedge.sources.camera import Camera
from emoedge.sources.factory import open_camera


def play(config, clock=None, longest=10.0):
    """All frames that a camera gives until its film has ended."""
    camera = Camera(config, clock or SystemClock())
    camera.start()
    frames = []
    begun = time.monotonic()
    while not camera.ended and time.monotonic() - begun < longest:
        frame = camera.take(0.05)
        if frame is not None:
            frames.append(frame)
    return camera, frames


def levels(frames):
    return [int(f.image.mean() // 10) for f in frames]


def test_paced_film_takes_its_own_time(make_film, camera_config):
    begun = time.monotonic()
    camera, frames = play(camera_config(make_film(count=8, fps=5)))
    assert 1.35 < time.monotonic() - begun < 5
    assert levels(frames) == list(range(8))
    assert np.diff([f.at for f in frames]) == pytest.approx(np.full(7, 0.2), abs=0.15)
    assert camera.status is SensorStatus.OFFLINE
    assert camera.problem is None
    assert camera.counters == {"delivered": 8, "dropped": 0, "invalid": 0, "reopened": 0}


def test_unpaced_film_waits_for_whoever_looks_and_drops_nothing(make_film, camera_config):
    camera, frames = play(camera_config(make_film(count=20, fps=1), paced=False))
    assert levels(frames) == list(range(20))
    assert camera.counters["dropped"] == 0


@pytest.mark.parametrize("name", ["2026-11-29T10:30:00.avi", "concat:door.avi", "%03d.avi"])
def test_a_colon_in_the_name_of_a_film_is_no_protocol(make_film, camera_config, monkeypatch, tmp_path, name):
    make_film("film.avi", count=3)
    (tmp_path / "film.avi").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    _, frames = play(camera_config(name, paced=False))
    assert levels(frames) == [0, 1, 2]


def test_looping_film_goes_on(make_film, camera_config):
    camera = Camera(camera_config(make_film(count=3), loop=True, paced=False), SystemClock())
    camera.start()
    frames = [camera.take(2) for _ in range(10)]
    camera.stop()
    assert levels(frames) == [0, 1, 2] * 3 + [0]
    assert not camera.ended


def test_a_single_picture_that_loops_is_shown_at_the_rate_of_a_camera(tmp_path, camera_config):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((20, 20), 70, np.uint8))
    camera = Camera(camera_config(tmp_path / "a.png", loop=True, fps=20), SystemClock())
    camera.start()
    frames = [camera.take(2) for _ in range(6)]
    camera.stop()
    assert 0.15 < frames[-1].at - frames[0].at < 2
    assert camera.counters["dropped"] < 20


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("gray.png", lambda: np.full((48, 64), 120, np.uint8)),
        ("alpha.png", lambda: np.full((48, 64, 4), 120, np.uint8)),
        ("deep.png", lambda: np.full((48, 64), 120 * 256 + 77, np.uint16)),
        ("deep.tiff", lambda: np.full((48, 64, 3), 120 * 256 + 77, np.uint16)),
        ("odd.bmp", lambda: np.full((37, 51, 3), 120, np.uint8)),
    ],
)
def test_odd_pictures_become_bgr_of_8_bits(tmp_path, camera_config, name, write):
    picture = write()
    cv2.imwrite(str(tmp_path / name), picture)
    _, (frame,) = play(camera_config(tmp_path / name))
    assert frame.image.shape == (*picture.shape[:2], 3)
    assert frame.image.dtype == np.uint8
    assert np.all(frame.image == 120)


def test_a_folder_is_a_film_in_the_order_of_its_numbers(tmp_path, camera_config):
    for number in (1, 2, 10, 11):
        cv2.imwrite(str(tmp_path / f"p{number}.png"), np.full((20, 20), number * 10, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "p3.png").write_bytes(b"torn")
    cv2.imwrite(str(tmp_path / "p4.png"), np.zeros((1, 1), np.uint8))
    camera, frames = play(camera_config(tmp_path, fps=50))
    assert levels(frames) == [1, 2, 10, 11]
    assert camera.counters["invalid"] == 2


def test_pictures_stand_as_their_exif_data_say(tmp_path, camera_config):
    _, jpeg = cv2.imencode(".jpg", np.full((40, 60, 3), 120, np.uint8))
    turn = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x112, 3, 1, 6, 0, 0)  # orientation 6: to be turned by 90 degrees
    exif = struct.pack(">2sH", b"\xff\xe1", len(turn) + 8) + b"Exif\0\0" + turn
    (tmp_path / "a.jpg").write_bytes(jpeg.tobytes()[:2] + exif + jpeg.tobytes()[2:])
    _, (frame,) = play(camera_config(tmp_path / "a.jpg"))
    assert frame.image.shape == (60, 40, 3)


def test_a_huge_picture_is_left_out(huge, camera_config):
    cv2.imwrite(str(huge.parent / "small.png"), np.full((20, 20), 70, np.uint8))
    camera, frames = play(camera_config(huge.parent, fps=50))
    assert levels(frames) == [7]
    assert camera.counters["invalid"] == 1


def corner(image):
    """Where the one white quarter is: top left, top right, bottom left or bottom right."""
    quarters = {
        "tl": image[:10, :10], "tr": image[:10, -10:], "bl": image[-10:, :10], "br": image[-10:, -10:],
    }  # fmt: skip
    return max(quarters, key=lambda q: quarters[q].mean())


@pytest.mark.parametrize(
    ("rotate", "mirror", "shape", "where"),
    [
        (0, False, (40, 60), "tl"),
        (90, False, (60, 40), "tr"),
        (180, False, (40, 60), "br"),
        (270, False, (60, 40), "bl"),
        (0, True, (40, 60), "tr"),
        (90, True, (60, 40), "tl"),
    ],
)
def test_turning_and_mirroring(tmp_path, camera_config, rotate, mirror, shape, where):
    image = np.zeros((40, 60, 3), np.uint8)
    image[:20, :20] = 255
    cv2.imwrite(str(tmp_path / "a.png"), image)
    _, (frame,) = play(camera_config(tmp_path / "a.png", rotate=rotate, mirror=mirror))
    assert frame.image.shape[:2] == shape
    assert corner(frame.image) == where


def test_region_is_cut_after_turning_and_must_lie_inside(tmp_path, camera_config):
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, 30:] = 200
    cv2.imwrite(str(tmp_path / "a.png"), image)
    _, (frame,) = play(camera_config(tmp_path / "a.png", rotate=90, region="0,30,40,30"))
    assert frame.image.shape == (30, 40, 3)
    assert frame.image.mean() == 200
    assert frame.image.flags["C_CONTIGUOUS"]
    camera, frames = play(camera_config(tmp_path / "a.png", region="500,500,50,50"), longest=0.5)
    assert (frames, camera.counters["invalid"]) == ([], 1)
    assert camera.problem == "camera.region 500,500,50,50 leaves nothing of its pictures of 60 x 40"
    camera.stop()
    assert camera.problem is None


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.mp4", None, "no such file"),
        ("garbage.mp4", bytes(range(256)) * 20, "not a video"),
        ("empty.mp4", b"", "not a video"),
        ("/dev/video77", None, "no such camera"),
    ],
)
def test_what_cannot_be_opened_is_told_and_tried_again(tmp_path, camera_config, quick, caplog, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    camera = Camera(camera_config(tmp_path / name), SystemClock(), quick)
    camera.start()
    time.sleep(1)
    assert camera.status is SensorStatus.RECONNECTING
    assert words in camera.problem
    camera.stop()
    assert len(caplog.messages) == 1, "one line for one state, however often it was tried"


@pytest.mark.parametrize("name", ["clip.mp4", "picture.png", "folder"])
def test_a_closed_folder_is_told(tmp_path, camera_config, quick, caplog, closed, until, name):
    closed(tmp_path)
    camera = Camera(camera_config(tmp_path / name), SystemClock(), quick)
    camera.start()
    until(lambda: camera.problem == f"{tmp_path / name}: Permission denied")
    camera.stop()
    assert len(caplog.messages) == 1


def test_factory_knows_none():
    assert open_camera(default_config(overrides={"camera.source": "none"})) is None
    assert isinstance(open_camera(default_config()), Camera)
