"""The fleet simulation: a small one in full, and what its devices say against the schemas."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from workbench.fleet_device import KINDS, Device, load_models

from emoedge.outputs.schema_files import schema

FLEET = Path(__file__).parents[2] / "tools" / "fleet.py"


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(FLEET), *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.broker
@pytest.mark.slow
def test_a_small_fleet_loses_nothing():
    done = run("30", "--seconds", "4")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["published"] > 30
    assert (told["delivered"], told["lost"]) == (told["published"], 0)
    assert 0 < told["latency_ms"]["emotion"]["p50"] <= told["latency_ms"]["emotion"]["p99"] < 5000
    assert told["broker"]["rss_mb"] > 1


@pytest.mark.parametrize("arguments", [("0",), ("5", "--seconds", "0"), ("5", "--emotions", "0"), ("1000000",)])
def test_nonsense_is_refused(arguments):
    assert run(*arguments).returncode == 2


def test_devices_keep_to_the_schemas():
    device = Device(7, load_models(), random.Random(1))
    for kind in KINDS:
        for _ in range(3):
            Draft202012Validator(schema(kind)).validate(json.loads(device.say(kind).body))
    told = {message.topic.removeprefix("emoedge/unit-00007/"): message for message in device.birth()}
    Draft202012Validator(schema("info")).validate(json.loads(told["info"].body))
    assert all(message.retain and message.qos for message in told.values())
    assert {"status", "info", "sensor/camera/status", "control/paused", "schema/emotion"} <= set(told)
    assert device.will.topic == "emoedge/unit-00007/status"
