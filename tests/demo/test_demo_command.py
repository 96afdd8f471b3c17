"""What `emoedge demo` takes and says; the run itself is in test_demo_run.py."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

from emoedge.commands.demo import address, configuration, next_steps, program
from emoedge.outputs.topics import Topics


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("broker", ("broker", 1883)),
        ("192.168.1.10:8883", ("192.168.1.10", 8883)),
        ("[::1]", ("::1", 1883)),
        ("[fe80::2]:1884", ("fe80::2", 1884)),
        ("fe80::2", ("fe80::2", 1883)),
    ],
)
def test_a_broker_is_a_host_and_perhaps_a_port(text, expected):
    assert address(text) == expected


@pytest.mark.parametrize(
    "text", ["", ":1883", "host:", "host:0", "host:65536", "host:x", "host:-1", "a b", "mqtt://host", "[::1]x", "[]:1",
             "broker..local", "x" * 64]
)
def test_what_is_no_address_is_refused_with_what_would_be(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected"):
        address(text)


@pytest.mark.parametrize("text", ["me:s3cret@host", "me:s3cret@host:1883", "mqtt://me:s3cret@host:1883"])
def test_a_login_in_an_address_is_not_repeated(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected") as caught:
        address(text)
    assert "s3cret" not in str(caught.value)


def test_the_configuration_is_the_defaults_with_the_clip():
    config = configuration(Path("/clip"), "::1", 1884, Topics("emoedge", "demo-1234"))
    assert (config.camera.source, config.microphone.source) == ("/clip/demo.mp4", "/clip/demo.wav")
    assert (config.mqtt.host, config.mqtt.port, config.device.id) == ("::1", 1884, "demo-1234")
    assert config.deployment.context == "demo"
    assert config.camera.paced
    assert config.microphone.paced
    assert not config.camera.loop
    assert not config.home_assistant.enabled, "a demo is no device of the house"


@pytest.mark.parametrize(
    ("called", "found", "expected"),
    [
        ("/usr/bin/emoedge", "/usr/bin/emoedge", "emoedge"),
        ("{here}/.venv/bin/emoedge", None, ".venv/bin/emoedge"),
        (".venv/bin/emoedge", "/usr/bin/emoedge", ".venv/bin/emoedge"),
        ("/opt/emoedge/bin/emoedge", None, "/opt/emoedge/bin/emoedge"),
        ("/lib/emoedge/__main__.py", None, "emoedge"),
    ],
)
def test_the_program_is_named_as_it_can_be_typed_again(monkeypatch, tmp_path, called, found, expected):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [called.format(here=tmp_path)])
    monkeypatch.setattr("emoedge.commands.demo.shutil.which", lambda _: found)
    assert program() == expected


def test_the_program_is_named_from_a_folder_that_was_removed(monkeypatch, tmp_path):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.setattr(sys, "argv", ["/opt/emoedge/bin/emoedge"])
    assert program() == "/opt/emoedge/bin/emoedge"


def test_the_next_steps_can_be_typed():
    import yaml

    text = next_steps(".venv/bin/emoedge", ("broker.local", 1883))
    assert ".venv/bin/emoedge demo --broker" in text
    assert "mosquitto_sub -h broker.local" in text
    keys = "\n".join(line.strip() for line in text.splitlines() if ": {" in line)
    assert yaml.safe_load(keys) == {
        "deployment": {"context": "home"},
        "camera": {"source": "/dev/video0"},
        "microphone": {"source": "default"},
        "mqtt": {"host": "broker.local"},
    }


def test_the_next_steps_lead_to_the_port_that_was_named():
    text = next_steps("emoedge", ("broker.local", 18830))
    assert "mosquitto_sub -h broker.local -p 18830 -v" in text
    assert "mqtt: {host: broker.local, port: 18830}" in text
    assert "1883" not in next_steps("emoedge", ("broker.local", 1883))


def test_the_config_it_proposes_is_accepted(tmp_path):
    from emoedge.config import load

    text = next_steps("emoedge", None)
    file = tmp_path / "config.yaml"
    file.write_text("\n".join(line.strip() for line in text.splitlines() if ": {" in line))
    assert load(file).camera.source == "/dev/video0"
