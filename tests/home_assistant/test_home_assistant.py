"""The discovery message against Home Assistant's own validation, in an environment of its own."""

import copy
import json
import os
import subprocess
from pathlib import Path

import pytest

from emoedge.emotions import CANONICAL
from emoedge.outputs.discovery import discovery, discovery_topic
from emoedge.outputs.topics import Topics

pytestmark = pytest.mark.homeassistant

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("EMOEDGE_HA_PYTHON", str(ROOT / ".venv-ha/bin/python"))
SCRIPT = Path(__file__).with_name("validate_discovery.py")
RECEIVER = Path(__file__).with_name("receive_events.py")
MESSAGE = discovery(Topics("emoedge", "kitchen-pi-3f9a"), name=None, labels=CANONICAL, model="Raspberry Pi 4")
TOPIC = discovery_topic("homeassistant", "kitchen-pi-3f9a")


DISCREET = discovery(
    Topics("emoedge", "kitchen-pi-3f9a"), name=None, labels=CANONICAL, model="Raspberry Pi 4", people=False
)


def broken(change):
    message = copy.deepcopy(MESSAGE)
    change(message)
    return message


BROKEN = {
    "no origin": (TOPIC, broken(lambda m: m.pop("origin"))),
    "no identifiers": (TOPIC, broken(lambda m: m["device"].pop("identifiers"))),
    "enum measured": (TOPIC, broken(lambda m: m["components"]["emotion"].update(state_class="measurement"))),
    "misspelt option": (TOPIC, broken(lambda m: m["components"]["people"].update(expire_afer=3))),
    "odd unit": (TOPIC, broken(lambda m: m["components"]["temperature"].update(unit_of_measurement="hot"))),
    "odd topic": ("homeassistant/device/with a blank/config", MESSAGE),
}


def asked(script, question):
    """What a script answers in Home Assistant's environment."""
    done = subprocess.run(
        [PYTHON, str(script)], input=json.dumps(question), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def verdicts():
    """Objections of Home Assistant by the name of the message; importing it takes seconds, so all go at once."""
    return asked(SCRIPT, {"ours": (TOPIC, MESSAGE), "discreet": (TOPIC, DISCREET), **BROKEN})


def test_home_assistant_accepts_the_message(verdicts):
    assert verdicts["ours"] == []
    assert verdicts["discreet"] == []


@pytest.mark.parametrize("name", BROKEN)
def test_the_check_can_fail(verdicts, name):
    assert verdicts[name]


def test_an_event_fires_unless_it_is_late():
    payloads = [
        {"v": 1, "event_type": kind, "subject": "face-1", **late}
        for kind in ("emotion_start", "emotion_end") for late in ({}, {"late": True})
    ]  # fmt: skip
    question = {"component": MESSAGE["components"]["event"], "payloads": [json.dumps(one) for one in payloads]}
    assert asked(RECEIVER, question) == ["emotion_start", None, "emotion_end", None]
