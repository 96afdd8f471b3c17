"""What the device says of itself: complete, and without a secret."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator

from emoedge.config import Config
from emoedge.config.aggregates import AggregatesConfig
from emoedge.config.camera import CameraConfig
from emoedge.config.device import DeploymentConfig
from emoedge.config.outputs import MqttConfig
from emoedge.inference.spec import FrontEndSpec, ModelInfo
from emoedge.messages import Modality
from emoedge.ops.clock import ManualClock
from emoedge.outputs import about, payloads
from emoedge.outputs.schema_files import schema
from emoedge.outputs.stamp import Stamp

CONFIG = Config(
    deployment=DeploymentConfig(context="home"), mqtt=MqttConfig(username="anna", password="hunter2")
)
MODEL = SimpleNamespace(
    sha256="0" * 64,
    info=ModelInfo(
        name="small", version="1", modality=Modality.FACE, front_end=FrontEndSpec("face_gray"),
        labels=("Angry", "Happy"), label_map=("angry", "happy"), parity={"passed": True},
    ),
)  # fmt: skip


def test_the_payload_fits_its_schema_and_names_the_models():
    told = about.about(CONFIG, "pi-1", {"face": MODEL, "speech": None})
    payload = payloads.info(Stamp(ManualClock(), "1").envelope("info"), told)
    Draft202012Validator(schema("info")).validate(json.loads(payloads.encode(payload)))
    assert payload["models"]["face"]["labels"] == ["Angry", "Happy"]
    assert payload["models"]["speech"] is None
    assert payload["versions"]["emoedge"]


def test_the_privacy_statement_says_what_is_told():
    assert "labels, scores and times" in about.about(CONFIG, "pi-1", {})["privacy"]
    counting = replace(CONFIG, aggregates=AggregatesConfig(enabled=True, only=True, k=7))
    assert "figures over at least 7 of them" in about.about(counting, "pi-1", {})["privacy"]


def test_no_login_is_told():
    text = json.dumps([about.config_snapshot(CONFIG), about.about(CONFIG, "pi-1", {})])
    assert "hunter2" not in text
    assert "anna" not in text


def test_no_login_of_a_camera_is_told():
    first, other, moved = (
        replace(CONFIG, camera=CameraConfig(source=f"rtsp://{place}/stream1"))
        for place in ("anna:hunter2@10.0.0.5", "anna:other@10.0.0.5", "anna:hunter2@10.0.0.6")
    )
    assert about.config_snapshot(first)["camera"]["source"] == "rtsp://***@10.0.0.5/stream1"
    assert about.config_hash(first) == about.config_hash(other) != about.config_hash(moved)


@pytest.mark.parametrize(
    ("change", "same"),
    [({"password": "other"}, True), ({"port": 1884}, False), ({"host": "b"}, False)],
)
def test_the_hash_follows_every_setting_but_logins(change, same):
    other = replace(CONFIG, mqtt=replace(CONFIG.mqtt, **change))
    assert (about.config_hash(other) == about.config_hash(CONFIG)) is same


def test_board(monkeypatch, tmp_path):
    path = tmp_path / "model"
    monkeypatch.setattr(about, "BOARD", path)
    assert about.board()
    path.write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    assert about.board() == "Raspberry Pi 4 Model B Rev 1.4"
