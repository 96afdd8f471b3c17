"""Validates discovery messages with Home Assistant's own schemas; runs in Home Assistant's environment.

Reads `{name: [topic, payload]}` from stdin, writes `{name: [objection, ...]}` to stdout.
Each component is checked as Home Assistant will (schema of discovery) and strictly (schema of YAML
configuration, which refuses unknown options where discovery drops them in silence).
"""

import importlib
import json
import sys

import voluptuous as vol
from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.mqtt.discovery import TOPIC_MATCHER
from homeassistant.components.mqtt.schemas import DEVICE_DISCOVERY_SCHEMA, SHARED_OPTIONS
from homeassistant.components.sensor.const import DEVICE_CLASS_STATE_CLASSES, DEVICE_CLASS_UNITS, SensorDeviceClass


def objections(topic, payload):
    """What Home Assistant would not accept, one line each."""
    match = TOPIC_MATCHER.match(topic.removeprefix("homeassistant/"))
    if not match or match.group(1) != "device":
        yield f"{topic}: not a topic of device discovery"
    try:
        DEVICE_DISCOVERY_SCHEMA(json.loads(json.dumps(payload)))
    except vol.Invalid as error:
        yield f"device: {error}"
        return
    shared = {option: payload[option] for option in SHARED_OPTIONS if option in payload}
    for name, component in payload["components"].items():
        if set(component) == {"platform"}:
            continue  # nothing is left of it: Home Assistant takes this for its removal
        module = importlib.import_module(f"homeassistant.components.mqtt.{component['platform']}")
        config = {**shared, **component, "device": payload["device"], "origin": payload["origin"]}
        for kind in ("DISCOVERY_SCHEMA", "PLATFORM_SCHEMA_MODERN"):
            one = {key: value for key, value in config.items() if key != "platform"}
            try:
                getattr(module, kind)(one)
            except vol.Invalid as error:
                yield f"{name} ({kind}): {error}"
        yield from sense(name, component)


def sense(name, component):
    """Combinations that only the running integration would warn of."""
    known = {"sensor": SensorDeviceClass, "binary_sensor": BinarySensorDeviceClass}.get(component["platform"])
    if known is None or "device_class" not in component:
        return
    device_class = known(component["device_class"])
    if known is not SensorDeviceClass:
        return
    units = DEVICE_CLASS_UNITS.get(device_class)
    unit = component.get("unit_of_measurement")
    if units is not None and unit not in {getattr(one, "value", one) for one in units}:
        yield f"{name}: unit {unit!r} does not go with {device_class}"
    states = DEVICE_CLASS_STATE_CLASSES.get(device_class)
    if states is not None and "state_class" in component and component["state_class"] not in states:
        yield f"{name}: state class {component['state_class']!r} does not go with {device_class}"


if __name__ == "__main__":
    given = json.load(sys.stdin)
    json.dump({name: list(objections(topic, payload)) for name, (topic, payload) in given.items()}, sys.stdout)
