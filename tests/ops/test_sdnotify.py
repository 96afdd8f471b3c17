"""What systemd hears, over a real datagram socket."""

import os
import socket
import uuid

import pytest

from emoedge.ops.sdnotify import LONGEST, Notifier


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path):
    name = str(tmp_path / "notify") if request.param == "path" else f"@emoedge-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind("\0" + name[1:] if name.startswith("@") else name)
        server.settimeout(2)
        yield name, lambda: server.recv(4096).decode(), server


def test_every_word_arrives(systemd):
    name, hear, _ = systemd
    notifier = Notifier({"NOTIFY_SOCKET": name})
    for say, word in (
        (notifier.ready, "READY=1"), (notifier.feed, "WATCHDOG=1"), (notifier.stopping, "STOPPING=1"),
        (lambda: notifier.status("fused,\n5.0 frames/s"), "STATUS=fused, 5.0 frames/s"),
    ):  # fmt: skip
        say()
        assert hear() == word


def test_a_status_is_said_once_and_kept_short(systemd):
    name, hear, server = systemd
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.status("ü" * 1000)
    notifier.status("ü" * 1000)
    assert hear() == "STATUS=" + "ü" * LONGEST
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        hear()


def test_a_full_queue_blocks_nobody(systemd):
    name, _, _ = systemd
    notifier = Notifier({"NOTIFY_SOCKET": name})
    for _ in range(5000):
        notifier.feed()


@pytest.mark.parametrize("name", ["", "relative", "/nowhere/at/all", "@nobody-listens-here"])
def test_nobody_listens(name):
    notifier = Notifier({"NOTIFY_SOCKET": name})
    assert notifier.heard == name.startswith(("/", "@"))
    notifier.ready()
    notifier.feed()


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdogs_time(more, seconds):
    assert Notifier({"NOTIFY_SOCKET": "/run/x", **more}).watchdog == seconds
    assert Notifier(more).watchdog is None
