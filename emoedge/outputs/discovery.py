"""Home Assistant: one discovery message that makes the device and all its entities appear.

Device-based discovery, Home Assistant 2024.11 and newer:
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emoedge import __version__
from emoedge.messages import EventType
from emoedge.outputs.commands import LOG_LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emoedge.outputs.topics import Topics

EMOTION_EXPIRES = 30
"""Seconds; three heartbeats of `emotion`, after which its entities become unavailable."""

HEALTH_EXPIRES = 100
"""Seconds; three payloads of `health`."""

UNKNOWN = "unknown"

UNLESS_LATE = "{{ '' if value_json.late is defined else value }}"
"""Home Assistant fires nothing for what renders empty: no automation is to act on what happened before an outage."""


def discovery_topic(prefix: str, device: str) -> str:
    """Where the discovery message lies, retained."""
    return f"{prefix}/device/emoedge-{device}/config"


def birth_topic(prefix: str) -> str:
    """Where Home Assistant says `online` when it has started."""
    return f"{prefix}/status"


def discovery(
    topics: Topics, *, name: str | None, labels: Sequence[str], model: str, people: bool = True
) -> dict[str, Any]:
    """The discovery message.

    `labels`: canonical emotions that the loaded models know. `model`: the board. `name`: what is shown for
    the device, None for `emoedge <id>`. `people`: False takes back every entity that is about somebody.
    """
    identity = f"emoedge-{topics.device}"
    about_people = {**_emotion(topics, labels), **_transitions(topics)}
    shown = {**(about_people if people else {}), **_controls(topics), **_diagnostics(topics)}
    components = {key: {"unique_id": f"{identity}-{key}", **component} for key, component in shown.items()}
    if not people:
        # Home Assistant removes an entity of which only the platform is left; one that it never knew stays unknown.
        components |= {key: {"platform": component["platform"]} for key, component in about_people.items()}
    return {
        "device": {
            "identifiers": [identity],
            "name": name or f"emoedge {topics.device}",
            "manufacturer": "emoedge",
            "model": model,
            "sw_version": __version__,
        },
        "origin": {"name": "emoedge", "sw_version": __version__},
        "availability_topic": topics.status,
        "qos": 1,
        "components": components,
    }


def _emotion(topics: Topics, labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    state = {"state_topic": topics.emotion, "expire_after": EMOTION_EXPIRES}
    measured = {"platform": "sensor", **state, "state_class": "measurement"}
    return {
        "emotion": {
            "platform": "sensor", **state, "name": "Emotion", "icon": "mdi:emoticon-outline", "device_class": "enum",
            "options": [*labels, UNKNOWN], "value_template": "{{ value_json.label }}",
            "json_attributes_topic": topics.emotion,
        },
        "confidence": {
            **measured, "name": "Confidence", "icon": "mdi:percent-outline", "unit_of_measurement": "%",
            "value_template": "{{ (value_json.confidence * 100) | round(1) }}",
        },
        "valence": {
            **measured, "name": "Valence", "icon": "mdi:emoticon-happy-outline",
            "value_template": "{{ value_json.valence }}",
        },
        "arousal": {
            **measured, "name": "Arousal", "icon": "mdi:pulse", "value_template": "{{ value_json.arousal }}",
        },
        "people": {
            **measured, "name": "People", "icon": "mdi:account-group", "value_template": "{{ value_json.people }}",
        },
        "presence": {
            "platform": "binary_sensor", **state, "name": "Presence", "device_class": "occupancy",
            "value_template": "{{ 'ON' if value_json.people > 0 else 'OFF' }}",
        },
        "voice": {
            "platform": "binary_sensor", **state, "name": "Voice", "device_class": "sound",
            "value_template": "{{ 'ON' if value_json.speaking else 'OFF' }}",
        },
    }  # fmt: skip


def _transitions(topics: Topics) -> dict[str, dict[str, Any]]:
    return {
        "event": {
            "platform": "event", "name": "Event", "icon": "mdi:bell-outline", "state_topic": topics.event,
            "event_types": [kind.value for kind in EventType], "value_template": UNLESS_LATE,
        },
    }  # fmt: skip


def _controls(topics: Topics) -> dict[str, dict[str, Any]]:
    value = {"value_template": "{{ value_json.value | string | lower }}", "entity_category": "config"}
    return {
        "paused": {
            "platform": "switch", **value, "name": "Pause", "icon": "mdi:eye-off-outline",
            "state_topic": topics.control("paused"), "command_topic": topics.control_set("paused"),
            "payload_on": "true", "payload_off": "false", "state_on": "true", "state_off": "false",
        },
        "log_level": {
            "platform": "select", **value, "name": "Log level", "icon": "mdi:text-long",
            "state_topic": topics.control("log_level"), "command_topic": topics.control_set("log_level"),
            "options": list(LOG_LEVELS),
        },
        "restart": {
            "platform": "button", "name": "Restart", "device_class": "restart", "entity_category": "config",
            "command_topic": topics.request("restart"), "payload_press": "{}",
        },
    }  # fmt: skip


def _diagnostics(topics: Topics) -> dict[str, dict[str, Any]]:
    health = {
        "platform": "sensor", "state_topic": topics.health, "expire_after": HEALTH_EXPIRES,
        "entity_category": "diagnostic",
    }  # fmt: skip
    connectivity = {
        "platform": "binary_sensor", "device_class": "connectivity", "entity_category": "diagnostic",
        "value_template": "{{ 'ON' if value == 'online' else 'OFF' }}",
    }  # fmt: skip
    return {
        "camera": {**connectivity, "name": "Camera", "state_topic": topics.sensor("camera")},
        "mic": {**connectivity, "name": "Microphone", "state_topic": topics.sensor("mic")},
        "temperature": {
            **health, "name": "Temperature", "device_class": "temperature", "unit_of_measurement": "°C",
            "state_class": "measurement", "value_template": "{{ value_json.temperature_c }}",
        },
        "inference_p95": {
            **health, "name": "Inference p95", "device_class": "duration", "unit_of_measurement": "ms",
            "state_class": "measurement", "value_template": "{{ value_json.latency_ms.frame.p95 }}",
        },
        "drops": {
            **health, "name": "Drops", "icon": "mdi:trash-can-outline", "state_class": "total_increasing",
            "value_template": "{{ value_json.drops.values() | sum }}",
        },
    }  # fmt: skip
