"""Health: figures over the last half minute, whatever the sensors and the kernel say."""

import json
import mmap

import pytest
from jsonschema import Draft202012Validator

from emoedge.ops import health
from emoedge.ops.clock import SystemClock
from emoedge.ops.health import HealthMeter, HealthReport
from emoedge.outputs import payloads
from emoedge.outputs.schema_files import schema
from emoedge.outputs.stamp import Stamp


def report(meter, at, **options):
    return meter.report(at, **{"sensors": {"camera": "online", "mic": "disabled"}, "drops": {}, "queue": 0, **options})


def test_rates_and_quantiles_cover_the_window_only():
    meter = HealthMeter(0.0)
    for n in range(1000):  # 10 frames a second for 100 s; 10 ms each, the last 30 of them 50 ms
        meter.took("frame", 0.05 if n >= 970 else 0.01, n / 10)
    told = report(meter, 99.9)
    assert told.fps == pytest.approx(10, abs=0.1)
    assert told.latency["frame"] == pytest.approx((10.0, 50.0))
    assert told.duty == pytest.approx((270 * 0.01 + 30 * 0.05) / 30, abs=0.01)
    assert report(meter, 200.0).latency["frame"] == (None, None)
    assert report(meter, 200.0).fps == 0


def test_the_first_seconds_are_not_diluted_by_an_empty_window():
    meter = HealthMeter(100.0)
    for n in range(20):
        meter.took("frame", 0.01, 100 + n / 10)
    assert report(meter, 102.0).fps == pytest.approx(10, rel=0.05)


def test_memory_of_the_meter_is_bounded():
    meter = HealthMeter(0.0)
    for n in range(20_000):
        meter.took("frame", 0.001, n / 1e6)
    assert len(meter._stages["frame"].samples) == health.MAX_SAMPLES


def test_ages_are_unknown_until_a_sensor_gave_something():
    meter = HealthMeter(0.0)
    meter.alive("camera", 3.0)
    assert report(meter, 5.0).ages == {"camera": 2.0, "mic": None}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, False),
        ({"queue": 7, "drops": {"camera": 3}}, False),
        ({"problems": ["outbox: disk full"]}, True),
        ({"sensors": {"camera": "reconnecting", "mic": "disabled"}}, True),
    ],
)
def test_a_change_of_status_is_told_at_once(change, expected):
    meter = HealthMeter(0.0)
    before = report(meter, 1.0)
    assert before.worth_telling(None)
    assert report(meter, 2.0, **change).worth_telling(before) is expected


def test_the_payload_fits_its_schema():
    meter = HealthMeter(0.0)
    meter.took("frame", 0.01, 1.0)
    meter.took("speech", 0.002, 1.0)
    told = report(meter, 2.0, drops={"camera": 3}, queue=2, temperature=51.2, rss=88.0, problems=["x"])
    assert isinstance(told, HealthReport)
    payload = payloads.health(Stamp(SystemClock(), "1").envelope("health"), told.as_dict())
    Draft202012Validator(schema("health")).validate(json.loads(payloads.encode(payload)))
    assert payload["status"] == "degraded"


def zone(folder, number, kind, temp):
    path = folder / f"thermal_zone{number}"
    path.mkdir()
    (path / "type").write_text(kind + "\n")
    (path / "temp").write_text(temp)


def test_the_processor_is_preferred_among_thermal_zones(monkeypatch, tmp_path):
    monkeypatch.setattr(health, "THERMAL", tmp_path)
    assert health.read_temperature() is None
    zone(tmp_path, 0, "iwlwifi", "90000")
    assert health.read_temperature() == 90.0
    zone(tmp_path, 1, "broken", "no number")
    zone(tmp_path, 2, "cpu-thermal", "48312")
    assert health.read_temperature() == pytest.approx(48.312)


def test_resident_memory_is_this_process_s(monkeypatch, tmp_path):
    before = health.read_rss()
    # Pages of its own: the allocator might hand out some that are resident already.
    with mmap.mmap(-1, 50_000_000) as block:
        block[::4096] = bytes(len(range(0, len(block), 4096)))
        assert health.read_rss() - before == pytest.approx(50, abs=15)
    monkeypatch.setattr(health, "STATM", tmp_path / "none")
    assert health.read_rss() is None
