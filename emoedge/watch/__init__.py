"""The fleet in a terminal: what devices say over MQTT, one row each, and their events below."""
