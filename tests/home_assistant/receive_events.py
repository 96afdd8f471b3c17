"""Hands payloads to Home Assistant's own MQTT event entity; runs in Home Assistant's environment.

Reads `{"component": ..., "payloads": [text, ...]}` from stdin, writes the list of what fired to stdout: an event type,
or null where nothing did.
"""

import asyncio
import json
import sys
import tempfile
import time
from types import SimpleNamespace

from homeassistant.components.mqtt.event import DISCOVERY_SCHEMA, MqttEvent
from homeassistant.components.mqtt.models import DATA_MQTT, ReceiveMessage
from homeassistant.core import HomeAssistant


async def fired(component, payloads):
    """What the entity told of each payload."""
    told = []
    entity = MqttEvent.__new__(MqttEvent)
    with tempfile.TemporaryDirectory() as folder:
        entity.hass = HomeAssistant(folder)
        entity.hass.data[DATA_MQTT] = SimpleNamespace(
            state_write_requests=SimpleNamespace(write_state_request=lambda one: told.append(one.state_attributes))
        )
        entity._config = DISCOVERY_SCHEMA({key: value for key, value in component.items() if key != "platform"})
        entity._setup_from_config(entity._config)
        topic = component["state_topic"]
        for payload in payloads:
            before = len(told)
            entity._event_received(ReceiveMessage(topic, payload, 1, False, topic, time.monotonic()))
            yield told[-1]["event_type"] if len(told) > before else None
        await entity.hass.async_stop(force=True)


async def main():
    """From stdin to stdout."""
    given = json.load(sys.stdin)
    json.dump([one async for one in fired(given["component"], given["payloads"])], sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
