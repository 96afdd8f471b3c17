"""A camera over HTTP that stalls, freezes, drops the line or refuses: noticed within 5 s, and found again."""

import time

import numpy as np
import pytest

from emoedge.messages import SensorStatus
from emoedge.ops.clock import SystemClock
from emoedge.sources.camera import Camera
from emoedge.sources.picture import NOTHING
from emoedge.sources.rate import RateLimit


@pytest.fixture
def camera(mjpeg, camera_config, quick):
    """The HTTP camera, seen with the default stall time-out."""
    made = Camera(camera_config(mjpeg.url), SystemClock(), quick)
    made.start()
    yield made
    made.stop()


def online(camera):
    return camera.status is SensorStatus.ONLINE


def lost(camera):
    return camera.status is SensorStatus.RECONNECTING


def test_frames_arrive_and_only_the_newest_is_kept(camera, until):
    until(lambda: online(camera))
    first = camera.take(2)
    assert first.image.shape == (48, 64, 3)
    time.sleep(0.5)
    second = camera.take(0)
    assert second.index - first.index > 3, "the frames between were replaced"
    assert camera.counters["dropped"] == second.index - 1, "all that came but the two taken"
    assert camera.counters["delivered"] == 2
    assert time.monotonic() - second.at < 0.3


@pytest.mark.parametrize(
    ("rate", "stall", "most", "least"), [(5.0, 2.0, 12, 6), (0.1, 2.0, 4, 1), (0.1, 0.5, 10, 3)]
)
def test_only_wanted_pictures_are_decoded_and_a_slow_rate_is_no_stall(
    mjpeg, camera_config, until, rate, stall, most, least
):
    camera = Camera(camera_config(mjpeg.url, stall_timeout=stall), SystemClock(), wanted=RateLimit(rate).due)
    camera.start()
    until(lambda: online(camera))
    times = []
    begun = time.monotonic()
    while time.monotonic() - begun < 2:
        frame = camera.take(0.1)
        times += [frame.at] if frame is not None else []
        assert online(camera)
    assert least <= len(times) <= most
    again = RateLimit(rate)
    if rate > 1:
        assert all(again.due(at) for at in times), "whoever limits to the same rate passes the same frames"
    camera.stop()


@pytest.mark.parametrize(("mode", "words"), [("silent", "nothing came"), ("still", "again and again")])
def test_stalling_and_freezing_are_noticed_within_5_s(camera, mjpeg, mode, words, until):
    until(lambda: online(camera))
    mjpeg.mode = mode
    assert until(lambda: lost(camera), 6) < 5
    assert words in camera.problem or "the stream ended" in camera.problem
    mjpeg.mode = "live"
    until(lambda: online(camera), 15)
    assert camera.problem is None
    assert camera.counters["reopened"] == 1
    assert camera.take(2) is not None


BLACK, ROOM = np.zeros((48, 64, 3), np.uint8), np.full((48, 64, 3), 90, np.uint8)
LAMP = BLACK.copy()
LAMP[:8, :8] = 250
HOT = BLACK.copy()
HOT[0, 0] = 255


@pytest.mark.parametrize(
    ("script", "covered"),
    [
        ([BLACK], True), ([HOT], True), ([ROOM, BLACK], True), ([ROOM], False), ([LAMP], False),
        ([BLACK, BLACK, ROOM], False), ([BLACK, BLACK, NOTHING], False),
    ],
)  # fmt: skip
def test_a_covered_lens_is_told_from_a_frozen_picture(camera_config, quick, until, monkeypatch, script, covered):
    class Scripted:
        """Plays the pictures, the last one for ever."""

        def __init__(self):
            self.left = list(script)

        def read(self):
            time.sleep(0.01)
            return (self.left.pop(0) if len(self.left) > 1 else self.left[0]), time.monotonic()

        def close(self):
            pass

    opened = []
    monkeypatch.setattr(Camera, "_open", lambda *_: opened.append(1) or Scripted())
    camera = Camera(camera_config("/dev/video0", stall_timeout=1.0), SystemClock(), quick)
    camera.start()
    until(lambda: online(camera))
    until(lambda: lost(camera))
    told = "the same dark picture again and again; is the lens covered, or the light off?"
    assert camera.problem == f"nothing new for 1 s: {told if covered else 'the same again and again'}"
    until(lambda: len(opened) > 1)
    camera.stop()


def test_a_frozen_camera_does_not_come_back_with_the_same_picture(mjpeg, camera_config, quick, until):
    camera = Camera(camera_config(mjpeg.url, stall_timeout=0.5), SystemClock(), quick)
    camera.start()
    until(lambda: online(camera))
    mjpeg.mode = "still"
    until(lambda: lost(camera))
    connections = mjpeg.connections
    mjpeg.drop.set()
    until(lambda: mjpeg.connections > connections)
    time.sleep(0.5)
    assert lost(camera)
    camera.stop()


def test_a_dropped_line_is_taken_up_again(camera, mjpeg, until):
    until(lambda: online(camera))
    mjpeg.drop.set()
    assert until(lambda: mjpeg.connections > 1) < 5
    until(lambda: online(camera) and camera.counters["reopened"] == 1)


def test_damaged_pictures_are_counted_and_no_loss(camera, mjpeg, until):
    until(lambda: online(camera))
    mjpeg.spoil = 3
    until(lambda: mjpeg.spoil == 0)
    sent = mjpeg.sent
    until(lambda: mjpeg.sent > sent + 5)
    camera.take(0)
    assert camera.take(2) is not None
    assert online(camera)
    assert mjpeg.connections == 1
    assert camera.counters["reopened"] == 0
    assert camera.counters["invalid"] == 3


def test_the_address_of_a_snapshot_is_told_from_that_of_a_stream(mjpeg, camera_config, quick, until):
    mjpeg.mode = "snapshot"
    camera = Camera(camera_config(mjpeg.url.replace("video.mjpg", "snapshot.jpg")), SystemClock(), quick)
    camera.start()
    try:
        until(lambda: "is this the address of a snapshot" in (camera.problem or ""))
    finally:
        camera.stop()


def test_a_stream_of_nothing_but_damage_is_lost(camera, mjpeg, until):
    until(lambda: online(camera))
    mjpeg.spoil = 10**6
    assert until(lambda: lost(camera), 6) < 5.5
    mjpeg.spoil = 0
    until(lambda: online(camera), 15)


def test_a_camera_that_is_not_there_yet(mjpeg, camera_config, quick, until):
    mjpeg.refuse = True
    camera = Camera(camera_config(mjpeg.url.replace("//", "//me:secret@")), SystemClock(), quick)
    camera.start()
    until(lambda: camera.problem != "opening")
    assert lost(camera)
    assert "check the address" in camera.problem
    assert "secret" not in camera.problem
    mjpeg.refuse = False
    until(lambda: online(camera))
    assert camera.counters["reopened"] == 0, "the first success is no reopening"
    camera.stop()


@pytest.mark.parametrize("mode", ["live", "silent"])
def test_stop_returns_within_a_second_and_start_begins_anew(camera, mjpeg, mode, until):
    until(lambda: online(camera))
    mjpeg.mode = mode
    time.sleep(0.2)
    begun = time.monotonic()
    camera.stop()
    assert time.monotonic() - begun < 1
    assert camera.status is SensorStatus.OFFLINE
    time.sleep(0.2)
    assert camera.take(0) is None
    mjpeg.mode = "live"
    camera.start()
    until(lambda: online(camera))
    assert camera.take(2).index < 100


def test_rtsp_is_watched_like_any_stream(rtsp, camera_config, quick, until):
    camera = Camera(camera_config(rtsp.url, stall_timeout=2.0), SystemClock(), quick)
    camera.start()
    until(lambda: online(camera), 20)
    frame = camera.take(2)
    assert frame.image.shape == (48, 64, 3)
    assert abs(frame.image.mean() % 10 - 5) < 3, "the numbered pictures arrive undamaged"
    rtsp.mode = "silent"
    assert until(lambda: lost(camera)) < 5
    rtsp.mode = "live"
    until(lambda: online(camera), 20)
    assert camera.counters["reopened"] == 1
    camera.stop()
