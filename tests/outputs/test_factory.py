"""The sink as a configuration asks for it."""

from types import SimpleNamespace

import pytest

from emoedge.config import Config
from emoedge.config.device import DeploymentConfig, DeviceConfig
from emoedge.config.outputs import MqttConfig, OutboxConfig
from emoedge.errors import ConfigError
from emoedge.inference.spec import FrontEndSpec, ModelInfo
from emoedge.messages import Modality
from emoedge.ops.clock import ManualClock
from emoedge.ops.state import state_folder
from emoedge.outputs.control_values import ControlValues
from emoedge.outputs.factory import mqtt_sink
from emoedge.outputs.ledger import FILE


def model(modality, *labels):
    info = ModelInfo(name="m", version="1", modality=modality, front_end=FrontEndSpec("face_gray"), labels=labels,
                     label_map=labels)  # fmt: skip
    return SimpleNamespace(info=info, sha256="0" * 64)


def build(tmp_path=None, **sections):
    config = Config(
        deployment=DeploymentConfig(context="home"),
        device=DeviceConfig(state_directory=None if tmp_path is None else str(tmp_path)), **sections,
    )  # fmt: skip
    models = {"face": model(Modality.FACE, "happy", "angry"), "speech": model(Modality.SPEECH, "sad", "happy")}
    return mqtt_sink(config, "pi-1", ManualClock(), boot_id="1", models=models)


def test_events_and_controls_go_to_the_state_directory(tmp_path, tell, eventually):
    ControlValues(tmp_path, log_level="info").set("paused", value=True)
    sink = build(tmp_path, outbox=OutboxConfig(max_events=3, max_megabytes=1))
    assert sink._outbox._store.path.parent == tmp_path
    assert sink._outbox._caps.events == 3
    assert sink._outbox._caps.bytes == 1_000_000
    assert sink._desk._values.paused


@pytest.mark.broker
def test_what_is_retained_is_put_down_in_the_state_directory(tmp_path, broker, eventually):
    sink = build(tmp_path, mqtt=MqttConfig(host="127.0.0.1", port=broker.port))
    sink.start()
    eventually(lambda: (tmp_path / FILE).exists())
    sink.stop()
    assert "homeassistant/device/emoedge-pi-1/config" in (tmp_path / FILE).read_text()


def test_labels_are_those_of_all_models_in_canonical_order():
    assert build()._labels == ("angry", "happy", "sad")


def test_a_certificate_that_is_none_is_refused_before_anything_starts():
    with pytest.raises(ConfigError, match=r"mqtt\.ca"):
        build(mqtt=MqttConfig(tls=True, ca="/nowhere"))


@pytest.mark.parametrize(
    ("configured", "environment", "expected"),
    [
        (None, {}, None),
        (None, {"STATE_DIRECTORY": "/var/lib/emoedge"}, "/var/lib/emoedge"),
        (None, {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a"),
        ("/data", {"STATE_DIRECTORY": "/var/lib/emoedge"}, "/data"),
    ],
)
def test_state_folder(configured, environment, expected):
    found = state_folder(DeviceConfig(state_directory=configured), environment)
    assert (None if found is None else str(found)) == expected
