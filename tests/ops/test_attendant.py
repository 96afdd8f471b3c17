"""What the daemon tells its supervisor, and the file that it leaves for `doctor`."""

import json
import logging
import socket

import pytest

from emoedge.ops import health_file
from emoedge.ops.attendant import Attendant
from emoedge.ops.clock import ManualClock
from emoedge.ops.health import HealthMeter
from emoedge.ops.watchdog import Pulse


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "notify"))
        server.setblocking(False)

        def heard():
            words = []
            while True:
                try:
                    words.append(server.recv(4096).decode())
                except BlockingIOError:
                    return words

        yield heard


@pytest.fixture
def environment(tmp_path):
    (tmp_path / "run").mkdir()
    return {
        "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "4000000",
        "RUNTIME_DIRECTORY": str(tmp_path / "run"),
    }  # fmt: skip


def report(problems=()):
    return HealthMeter(0.0).report(10.0, sensors={"camera": "online"}, drops={}, queue=0, problems=problems)


def test_ready_once_and_fed_while_all_turns(systemd, environment):
    clock = ManualClock()
    attendant = Attendant(clock, environment)
    turning = [Pulse("camera", working=True, age=0.1, limit=1.0)]
    for _ in range(16):
        attendant.round(report(), turning, "fused")
        clock.advance(0.25)
    words = systemd()
    assert words[0] == "READY=1"
    assert words.count("READY=1") == 1
    assert words.count("WATCHDOG=1") == 4
    assert "STATUS=fused, 0.0 frames/s" in words


def test_a_loop_that_stands_still_is_told_once_and_starves_the_watchdog(systemd, environment, caplog):
    clock = ManualClock()
    attendant = Attendant(clock, environment)
    with caplog.at_level(logging.ERROR):
        for second in range(20):
            attendant.round(report(), [Pulse("camera", working=True, age=float(second), limit=2.5)], "idle")
            clock.advance(1.0)
    assert systemd().count("WATCHDOG=1") == 3
    assert "watchdog is not fed" in caplog.records[0].message
    assert len({r.message for r in caplog.records}) == 1


def test_the_status_names_the_last_problem(systemd, environment):
    clock = ManualClock()
    attendant = Attendant(clock, environment)
    attendant.round(report(["camera: unplugged"]), [], "blind")
    clock.advance(10)
    attendant.round(report(), [], "idle")
    attendant.stopping()
    assert [w for w in systemd() if w.startswith(("STATUS", "STOPPING"))] == [
        "STATUS=blind, 0.0 frames/s, camera: unplugged",
        "STATUS=idle, 0.0 frames/s, last problem, now over: camera: unplugged",
        "STOPPING=1",
    ]


def test_no_rate_before_there_is_one(systemd, environment):
    early = HealthMeter(0.0).report(0.1, sensors={}, drops={}, queue=0)
    Attendant(ManualClock(), environment).round(early, [], "blind")
    assert "STATUS=blind" in systemd()


def test_the_health_file_is_whole_and_readable_by_all(environment):
    path = health_file.health_file(environment)
    Attendant(ManualClock(), environment).write(report(), "fused")
    told = json.loads(path.read_text())
    assert (told["mode"], told["status"]) == ("fused", "ok")
    assert path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in path.parent.iterdir()] == ["health.json"]
    assert health_file.read(path) == told


def test_a_folder_that_is_gone_is_told_once_and_tried_again(environment, caplog):
    path = health_file.health_file(environment)
    path.parent.rmdir()
    attendant = Attendant(ManualClock(), environment)
    for _ in range(3):
        attendant.write(report(), "fused")
    assert len(caplog.records) == 1
    path.parent.mkdir()
    attendant.write(report(), "idle")
    assert health_file.read(path)["mode"] == "idle"


@pytest.mark.parametrize("text", ["", "{", "[]", "\udcff"])
def test_a_broken_health_file_is_none(tmp_path, text):
    path = tmp_path / "health.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert health_file.read(path) is None
