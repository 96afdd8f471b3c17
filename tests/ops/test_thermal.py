"""Heat and power: flags of the firmware, the policy, what is said once, and the frames that are left out."""

import logging

import pytest

from emoedge.config.thermal import ThermalConfig
from emoedge.ops.cooling import INTERVAL, Cooling
from emoedge.ops.thermal import FULL, Pace, ThermalPolicy
from emoedge.ops.throttling import Throttling, decode, read_throttling
from emoedge.sources.rate import RateLimit

LOW = Throttling(undervoltage=True, throttled=False)
CAPPED = Throttling(undervoltage=False, throttled=True)


@pytest.mark.parametrize(
    ("temperatures", "share", "reason"),
    [
        ([None], 1.0, None),
        ([60.0], 1.0, None),
        ([74.9], 1.0, None),
        ([75.0], 0.5, "above 75 °C"),
        ([75.0, 71.0], 0.5, "above 75 °C"),
        ([75.0, 69.9], 1.0, None),
        ([90.0], 0.25, "above 82 °C"),
        ([90.0, 78.0], 0.25, "above 82 °C"),
        ([90.0, 76.9], 0.5, "above 75 °C"),
        ([90.0, 40.0], 1.0, None),
        ([90.0, None], 0.25, "above 82 °C"),
    ],
)
def test_two_thresholds_with_hysteresis(temperatures, share, reason):
    policy = ThermalPolicy(ThermalConfig())
    for celsius in temperatures:
        pace = policy.pace(celsius, None)
    assert pace == Pace(share, reason)


def test_flags_slow_down_and_let_go():
    policy = ThermalPolicy(ThermalConfig())
    assert policy.pace(50.0, CAPPED) == Pace(0.5, "throttled by the firmware")
    assert policy.pace(50.0, LOW) == Pace(0.5, "undervoltage")
    assert policy.pace(85.0, LOW) == Pace(0.25, "above 82 °C, undervoltage")
    assert policy.pace(50.0, decode(0)) == FULL


@pytest.mark.parametrize(
    ("bits", "flags"),
    [
        (0x0, Throttling(undervoltage=False, throttled=False)),
        (0x1, LOW),
        (0x50005, Throttling(undervoltage=True, throttled=True, undervoltage_seen=True)),
        (0x50000, Throttling(undervoltage=False, throttled=False, undervoltage_seen=True)),
        (0x8, Throttling(undervoltage=False, throttled=False)),
    ],
)
def test_the_firmwares_bits(bits, flags, tmp_path):
    assert decode(bits) == flags
    file = tmp_path / "soc" / "soc:firmware" / "get_throttled"
    file.parent.mkdir(parents=True)
    file.write_text(f"{bits:x}\n")
    assert read_throttling(tmp_path, tmp_path / "none") == flags


@pytest.mark.parametrize(("alarm", "low"), [("1", True), ("0", False)])
def test_the_voltage_sensor_alone(tmp_path, alarm, low):
    for name, text in (("hwmon0", "cpu_thermal"), ("hwmon1", "rpi_volt")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(text)
    (tmp_path / "hwmon1" / "in0_lcrit_alarm").write_text(alarm)
    assert read_throttling(tmp_path / "none", tmp_path) == Throttling(undervoltage=low, throttled=False)
    assert read_throttling(tmp_path / "none", tmp_path / "none") is None


def test_undervoltage_is_told_once_and_each_pace_once(caplog):
    cooling = Cooling(ThermalConfig(), read=lambda: LOW)
    with caplog.at_level(logging.INFO):
        for second in range(60):
            cooling.look(50.0 if second < 40 else 85.0, second * INTERVAL)
    said = [r.message for r in caplog.records]
    assert sum("supply voltage" in line for line in said) == 1
    assert [line for line in said if line.startswith("heat")] == [
        "heat: 50% of the frame rate: undervoltage", "heat: 25% of the frame rate: above 82 °C, undervoltage",
    ]  # fmt: skip


@pytest.mark.parametrize(("rate", "share", "passed"), [(5, 1, 50), (5, 0.5, 25), (5, 0.25, 13), (0, 1, 150), (0, 0.5, 75), (30, 1, 150), (30, 0.5, 75)])
def test_frames_that_are_left_out(rate, share, passed):
    limit = RateLimit(rate, 15)
    limit.slow(share)
    assert sum(limit.due(n / 15) for n in range(150)) == pytest.approx(passed, abs=1)


def test_the_rate_comes_back():
    limit = RateLimit(5, 15)
    limit.slow(0.25)
    limit.slow(1.0)
    assert sum(limit.due(n / 15) for n in range(150)) == pytest.approx(50, abs=1)
