"""Films of what is shown: they keep its times."""

import cv2
import numpy as np

from emoedge.view.recorder import recorder
from emoedge.view.stage import Sensor

FPS = 10.0


def sensors(camera):
    return {"camera": Sensor("rtsp://cam/1", camera), "mic": Sensor("none", "disabled")}


def test_a_picture_stands_while_the_camera_is_away(tmp_path, moment):
    """All at once, when it comes back, hours of it would hold up everything, and fill the disk."""
    gray = np.full((120, 160, 3), 90, np.uint8)
    with recorder(str(tmp_path / "out.mp4"), FPS) as film:
        film.show(None, moment(0.0), sensors("reconnecting"))
        assert film.written == 0, "nothing was seen yet"
        film.show(gray, moment(1.0), sensors("online"))
        for step in range(1, 51):
            film.show(None, moment(1.0 + 0.2 * step), sensors("reconnecting"))
            assert film.written == 2 * step
        film.show(gray, moment(12.0), sensors("ended"))
        assert film.written == 110
        film.show(None, moment(60.0), sensors("ended"))
        assert film.written == 110, "a film is as long as it was, whoever speaks on"
    written = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert sum(1 for _ in iter(written.grab, False)) == 111
