"""Where passwords come from, and which config files are refused."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from emoedge.config import Config, load
from emoedge.config.device import DeploymentConfig
from emoedge.config.outputs import MqttConfig
from emoedge.errors import ConfigError
from emoedge.ops.credentials import CREDENTIAL, STORED, clear_password_problem, mqtt_password


@pytest.fixture
def places(tmp_path):
    (tmp_path / "file").write_text("from file\nsecond line\n")
    (tmp_path / CREDENTIAL).write_text("from systemd")
    return tmp_path, {"SECRET": "from environment", "CREDENTIALS_DIRECTORY": str(tmp_path)}


def test_the_first_place_that_is_named_wins(places):
    folder, environment = places
    config = MqttConfig(password="in the clear", password_file=str(folder / "file"), password_env="SECRET")
    expected = ["in the clear", "from file", "from environment", "from systemd"]
    for gone, password in zip([None, "password", "password_file", "password_env"], expected, strict=True):
        if gone:
            config = replace(config, **{gone: None})
        assert mqtt_password(config, environment) == password
    assert mqtt_password(config, {}) is None


@pytest.mark.parametrize(
    ("key", "value", "cause"),
    [
        ("password_file", "/nowhere/at/all", "No such file"),
        ("password_file", "/dev/null", "first line"),
        ("password_env", "NOT_SET", "variable that is set"),
    ],
)
def test_a_place_without_a_password_is_refused(key, value, cause):
    with pytest.raises(ConfigError, match=cause) as caught:
        mqtt_password(MqttConfig(**{key: value}), {})
    assert f"mqtt.{key}" in str(caught.value)


def test_a_windows_editors_mark_and_line_end_are_no_part_of_the_password(tmp_path):
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfsecret\r\nsecond line\r\n")
    assert mqtt_password(MqttConfig(password_file=str(tmp_path / "file")), {}) == "secret"


@pytest.mark.parametrize(
    ("mode", "password", "refused"),
    [(0o644, "x", True), (0o604, "x", True), (0o640, "x", False), (0o600, "x", False), (0o644, None, False)],
)
def test_a_clear_password_in_a_file_that_everybody_reads(tmp_path, mode, password, refused):
    path = tmp_path / "config.yaml"
    path.write_text("x")
    path.chmod(mode)
    config = Config(deployment=DeploymentConfig(context="home"), mqtt=MqttConfig(username="u", password=password))
    problem = clear_password_problem(path, config)
    assert (problem is not None) == refused
    if refused:
        assert ": x" not in problem


@pytest.mark.parametrize(("owner", "stored"), [(0, True), (1000, False)])
def test_the_advice_leaves_the_service_what_it_must_read(tmp_path, monkeypatch, owner, stored):
    path = tmp_path / "config.yaml"
    path.write_text("x")
    path.chmod(0o644)
    looked = Path.stat
    facts = [*looked(path)]
    facts[4] = owner
    monkeypatch.setattr(Path, "stat", lambda *_, **__: os.stat_result(facts))
    config = Config(deployment=DeploymentConfig(context="home"), mqtt=MqttConfig(username="u", password="x"))
    problem = clear_password_problem(path, config)
    assert (str(STORED) in problem) == stored
    assert f"`chmod 600 {path}`" in problem
    assert "640" not in problem, "neither the service nor another user is in the file's group"


def test_the_unit_finds_the_password_where_the_advice_puts_it():
    unit = (Path(__file__).resolve().parents[2] / "systemd" / "emoedge.service").read_text()
    assert f"LoadCredential={CREDENTIAL}:{STORED.name}\n" in unit
    assert "DynamicUser=yes" in unit


def test_a_file_that_is_closed_to_the_service_is_told_with_the_way_out(tmp_path, monkeypatch):
    def closed(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(ConfigError, match=f"Permission denied; .* {STORED}"):
        mqtt_password(MqttConfig(password_file="/etc/emoedge/password"), {})
    with pytest.raises(ConfigError, match=r"Permission denied; .*chmod 644 /etc/emoedge/config.yaml"):
        load("/etc/emoedge/config.yaml")


def test_the_loader_refuses_such_a_file(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("deployment: {context: home}\nmqtt: {username: anna, password: hunter2}\n")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="every user may read") as caught:
        load(path)
    assert "hunter2" not in str(caught.value)
    path.chmod(0o600)
    assert load(path).mqtt.password == "hunter2"
