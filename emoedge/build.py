"""Puts a daemon together from its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emoedge.aggregates.aggregator import Aggregator
from emoedge.app import App
from emoedge.ops.cooling import Cooling
from emoedge.ops.governor import Governor
from emoedge.ops.health import HealthMeter
from emoedge.ops.identity import default_device_id
from emoedge.outputs.factory import mqtt_sink
from emoedge.outputs.jsonl import JsonlSink
from emoedge.outputs.stamp import new_boot_id
from emoedge.pipeline import build_pipeline, load_models
from emoedge.sources.factory import decoding_limit, open_camera, open_microphone

if TYPE_CHECKING:
    from pathlib import Path

    from emoedge.config import Config
    from emoedge.panel import Panel
    from emoedge.ports import Clock, Sink

NO_BROKER = "none"


def build_app(
    config: Config, clock: Clock, *, base: Path | None = None, once: bool = False, mqtt5: bool = True,
    panel: Panel | None = None,
) -> App:  # fmt: skip
    """Everything that `run` needs, loaded and not yet started.

    Raises ModelError, and ConfigError where a password or certificate cannot be read.
    `base`: the folder of the config file, where relative paths of models may start. `once`: files that stand
    for camera and microphone are played once; else their end is a loss, as a device's would be. `mqtt5` False
    spares a broker that is known to speak only MQTT 3.1.1 the attempt. `panel`: where operators' orders go;
    without one they are refused.
    """
    limit = decoding_limit(config)
    camera = open_camera(config, clock, once=once, limit=limit)
    microphone = open_microphone(config, clock, once=once)
    models = load_models(config, base=base, camera=camera is not None, microphone=microphone is not None)
    pipeline = build_pipeline(config, models, camera=camera is not None, microphone=microphone is not None)
    device = config.device.id or default_device_id()
    boot_id = new_boot_id()
    sinks: list[Sink] = []
    lines: JsonlSink | None = None
    if config.jsonl.path is not None:
        lines = JsonlSink(config.jsonl.path, clock, boot_id=boot_id)
        sinks.append(lines)
    mqtt = None
    if config.mqtt.host != NO_BROKER:
        told = {"face": models.face, "speech": models.speech}
        mqtt = mqtt_sink(config, device, clock, boot_id=boot_id, models=told, mqtt5=mqtt5)
        if panel is not None:
            mqtt.attach(panel)
        sinks.append(mqtt)
    return App(
        pipeline=pipeline, clock=clock, camera=camera, microphone=microphone, sinks=sinks, mqtt=mqtt,
        meter=HealthMeter(clock.monotonic()), panel=panel,
        governor=Governor(config, pipeline, cooling=Cooling(config.thermal), decoding=limit),
        aggregator=Aggregator(config.aggregates) if config.aggregates.enabled else None,
        lines=lines, discreet=config.aggregates.only,
    )  # fmt: skip
