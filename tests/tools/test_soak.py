"""The soak runs, short: that they measure what they say, and that nothing wears out in minutes."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from workbench.soak_gauge import Gauge

SOAK = Path(__file__).parents[2] / "tools" / "soak.py"


def soak(*arguments):
    done = subprocess.run([sys.executable, str(SOAK), *arguments], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def constant(told):
    return told["first"] == told["last"]


@pytest.mark.slow
def test_minutes_of_film_and_sound_on_the_virtual_clock():
    told = soak("--virtual-hours", "0.25", "--period", "60")["virtual"]
    assert told["virtual_hours"] == pytest.approx(0.25, abs=0.01)
    assert told["frames"] == pytest.approx(900 * 15, rel=0.02)
    assert told["events"] >= 10 * told["clips"], "each clip has a person, a voice and some emotions"
    assert (told["delivered"], told["undelivered"], told["dropped"]) == (told["events"], 0, 0)
    assert told["emotion"] >= 900 / 10
    assert told["health"] == pytest.approx(30, abs=2)
    assert told["rss_mb"]["last"] - told["rss_mb"]["first"] < 8
    assert constant(told["open_files"])
    assert constant(told["threads"])


@pytest.mark.slow
@pytest.mark.broker
def test_a_real_minute_with_a_broker_that_goes():
    told = soak("--real-minutes", "1", "--restart-every", "15")["real"]
    assert told["broker_restarts"] >= 2
    assert told["exit_code"] == 0
    assert told["events"] > 5
    assert constant(told["threads"])
    assert told["open_files"]["max"] - told["open_files"]["min"] <= 3, "a connection, a journal and a film come and go"


@pytest.mark.slow
def test_hostile_inputs_crash_nothing():
    told = soak("--hostile", "2500", "--seed", "7")["hostile"]
    assert told["crashes"] == 0
    assert {kind: row["thrown"] for kind, row in told["kinds"].items()} == dict.fromkeys(
        ("config", "model", "frame", "audio", "control"), 500
    )
    assert 0 < told["kinds"]["config"]["accepted"] < 500
    assert told["kinds"]["model"]["accepted"] < 50
    assert all(row["slowest_cpu_ms"] < 1000 for row in told["kinds"].values())
    assert constant(told["open_files"])


def test_a_run_too_short_to_tell_anything_keeps_what_others_told():
    arguments = ("--virtual-hours", "0.01", "--period", "30", "--hostile", "200")
    done = subprocess.run([sys.executable, str(SOAK), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["virtual"] == {"error": "too short to tell anything (0 samples); run longer"}
    assert told["hostile"]["crashes"] == 0


def test_a_leak_of_memory_and_files_is_seen(tmp_path):
    gauge, kept = Gauge(), []
    for number in range(40):
        kept += [bytearray(b"x") * (8 << 20), (tmp_path / str(number)).open("w")]
        gauge.sample(number * 60.0)
    told = gauge.report()
    for file in kept[1::2]:
        file.close()
    assert told["rss_mb_per_day"] == pytest.approx(8 * 1.048576 * 1440, rel=0.2)
    assert not constant(told["open_files"])


def test_a_steady_process_is_told_to_be_steady():
    gauge = Gauge()
    for number in range(40):
        gauge.sample(number * 3600.0)
        time.sleep(0.001)
    told = gauge.report()
    assert abs(told["rss_mb_per_day"]) < 1
    assert constant(told["open_files"])
    assert constant(told["threads"])


@pytest.mark.parametrize("arguments", [(), ("--hostile", "-1"), ("--virtual-hours", "1", "--period", "10")])
def test_nonsense_is_refused(arguments):
    assert subprocess.run([sys.executable, str(SOAK), *arguments], capture_output=True, check=False).returncode == 2
