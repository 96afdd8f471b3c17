"""Clocks: monotonic and wall move together, synchronisation is never assumed."""

from datetime import UTC, datetime, timedelta

import pytest

from emoedge.ops import clock as clock_module
from emoedge.ops.clock import ManualClock, SystemClock


def test_manual_clock_moves_only_forward_and_takes_the_wall_along():
    clock = ManualClock(5.0, wall=datetime(2026, 3, 1, tzinfo=UTC))
    clock.advance(1.5)
    assert clock.monotonic() == 6.5
    assert clock.wall() == datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=6.5)
    with pytest.raises(ValueError):
        clock.set(6.0)


def test_system_clock_runs_in_utc():
    clock = SystemClock()
    before = clock.monotonic()
    assert abs(clock.wall() - datetime.now(UTC)) < timedelta(seconds=1)
    assert clock.wall().utcoffset() == timedelta(0)
    assert clock.monotonic() >= before


@pytest.mark.parametrize(
    ("marker", "filtered", "kernel", "expected"),
    [
        (True, True, False, True),
        (False, False, True, True),
        (False, False, False, False),
        (False, True, True, False),
    ],
    ids=["timesyncd says so", "kernel says so", "nobody says so", "the kernel may not be asked"],
)
def test_synced(monkeypatch, tmp_path, marker, filtered, kernel, expected):
    path = tmp_path / "synchronized"
    if marker:
        path.touch()
    monkeypatch.setattr(clock_module, "TIMESYNC_MARKER", path)
    monkeypatch.setattr(clock_module, "syscalls_filtered", lambda: filtered)
    monkeypatch.setattr(clock_module, "kernel_synced", lambda: kernel)
    assert SystemClock().synced() is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Name:\tx\nSeccomp:\t0\n", False), ("Seccomp:\t2\n", True), ("Name:\tx\n", True), (None, True)],
)
def test_a_seccomp_filter_is_noticed(monkeypatch, tmp_path, text, expected):
    path = tmp_path / "status"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(clock_module, "PROCESS_STATUS", path)
    assert clock_module.syscalls_filtered() is expected


def test_the_kernel_answers_without_changing_anything():
    assert clock_module.kernel_synced() in (True, False)
