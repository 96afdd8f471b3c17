"""paho's client for one connection: login, TLS, will, and what MQTT 5 lets a device ask of its broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

if TYPE_CHECKING:
    from emoedge.outputs.endpoint import Endpoint
    from emoedge.outputs.message import Message

CONNECT_TIMEOUT = 5.0
"""Seconds for TCP and TLS; a device behind a bad link needs a few round trips."""

WINDOW = 20
"""Unacknowledged QoS 1 messages; Mosquitto's own default for max_inflight_messages."""

LARGEST = 1 << 22
"""Bytes of a packet that the broker may send. It lies in memory several times over: without a limit a retained one of
200 MB ends the service at every connection. Not less, as Mosquitto 2.0.11 takes what it drops for on its way still,
and sends no more after twenty of them."""


def make_client(endpoint: Endpoint, will: Message, version: MQTTProtocolVersion) -> paho.Client:
    """A client that is not connected yet and has no callbacks; its loop is the caller's."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=endpoint.client_id, protocol=version, reconnect_on_failure=False
    )
    client.connect_timeout = CONNECT_TIMEOUT
    client.max_inflight_messages_set(2 * WINDOW)
    if endpoint.username is not None:
        client.username_pw_set(endpoint.username, endpoint.password)
    if endpoint.tls is not None:
        client.tls_set_context(endpoint.tls)
    client.will_set(will.topic, will.body, will.qos, will.retain)
    return client


def connect(client: paho.Client, endpoint: Endpoint, version: MQTTProtocolVersion) -> None:
    """Open the connection and ask for it; raises OSError or ValueError where nobody answers or TLS fails."""
    properties = None
    if version == MQTTProtocolVersion.MQTTv5:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.MaximumPacketSize = LARGEST
    client.connect(endpoint.host, endpoint.port, endpoint.keepalive, properties=properties)


def publish(client: paho.Client, message: Message, version: MQTTProtocolVersion) -> int:
    """Hand the message to paho; returns the number by which its PUBACK names it."""
    properties = None
    if message.expiry is not None and version == MQTTProtocolVersion.MQTTv5:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = message.expiry
    return client.publish(message.topic, message.body, message.qos, message.retain, properties).mid
