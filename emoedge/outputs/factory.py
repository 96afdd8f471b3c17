"""Builds the MQTT sink of a daemon from its configuration."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from emoedge.emotions import CANONICAL
from emoedge.ops.state import state_folder
from emoedge.outputs.about import about
from emoedge.outputs.control_values import CARRIED, ControlValues
from emoedge.outputs.event_store import EVENT, Caps
from emoedge.outputs.ledger import Ledger
from emoedge.outputs.mqtt import MqttSink
from emoedge.outputs.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emoedge.config import Config
    from emoedge.outputs.about import AboutModel
    from emoedge.ports import Clock


def mqtt_sink(
    config: Config,
    device: str,
    clock: Clock,
    *,
    boot_id: str,
    models: Mapping[str, AboutModel | None],
    mqtt5: bool = True,
) -> MqttSink:
    """The sink with its outbox, controls, ledger and discovery; `models` has the keys `face` and `speech`.

    Raises ConfigError where a password or certificate cannot be read.
    """
    folder = state_folder(config.device)
    limits = config.outbox
    caps = Caps(events=limits.max_events, bytes=round(limits.max_megabytes * 1e6), age=limits.max_age)
    description = about(config, device, models)
    known = {label for model in models.values() if model is not None for label in model.info.label_map}
    return MqttSink(
        config.mqtt,
        device,
        clock,
        boot_id=boot_id,
        info=lambda: description,
        outbox=Outbox(clock, folder, caps=caps, discard=EVENT if config.aggregates.only else None),
        values=ControlValues(folder, log_level=config.log.level, carried=os.environ.get(CARRIED)),
        ledger=Ledger(folder),
        home_assistant=config.home_assistant,
        labels=[label for label in CANONICAL if label in known],
        mqtt5=mqtt5,
        discreet=config.aggregates.only,
    )
