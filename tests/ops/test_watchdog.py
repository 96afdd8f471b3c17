"""When the watchdog is fed: only while every loop turns or has said why it does not."""

import math

import pytest

from emoedge.ops.watchdog import Pulse, Watchdog

LIMIT = 75.0


def stuck_after(seconds, pulse):
    """What is found when the same pulse is seen for that long."""
    watchdog = Watchdog(30.0)
    watchdog.stuck([pulse], 0.0)
    return watchdog.stuck([pulse], seconds)


@pytest.mark.parametrize(
    ("pulse", "found"),
    [
        (Pulse("camera", working=True, age=0.2, limit=LIMIT), ()),
        (Pulse("camera", working=True, age=80.0, limit=LIMIT), ("camera: no progress for more than 75 s",)),
        (Pulse("camera", working=True, age=None, limit=LIMIT), ("camera: no progress for more than 75 s",)),
        (Pulse("camera", working=False, age=5000.0, limit=LIMIT), ()),
        (Pulse("camera", working=False, age=None, limit=LIMIT), ()),
        (Pulse("mqtt", working=False, age=0.0, limit=LIMIT), ()),
        (Pulse("mqtt", working=False, age=math.inf, limit=LIMIT), ("mqtt: its thread has ended",)),
    ],
)
def test_progress(pulse, found):
    assert stuck_after(100.0, pulse) == found


def test_a_camera_that_comes_back_is_given_its_time():
    watchdog = Watchdog(30.0)
    lost = Pulse("camera", working=False, age=3600.0, limit=LIMIT)
    back = Pulse("camera", working=True, age=3600.0, limit=LIMIT)
    assert watchdog.stuck([back], 0.0) == ()
    assert watchdog.stuck([lost], 50.0) == ()
    assert watchdog.stuck([back], 60.0) == ()
    assert watchdog.stuck([back], 130.0) == ()
    assert watchdog.stuck([back], 136.0)


def test_fed_four_times_within_the_timeout():
    watchdog = Watchdog(30.0)
    assert sum(watchdog.due(n * 0.25) for n in range(120)) == 4
    assert not any(Watchdog(None).due(n) for n in range(100))
