"""Emotion events from a camera and a microphone over MQTT, on a Raspberry Pi-class board."""

__version__ = "0.1.0"
