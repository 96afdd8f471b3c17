"""Subscribes topic by topic, and tells which of them the broker does not let us hear."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paho.mqtt import client as paho

log = logging.getLogger(__name__)


class Subscriptions:
    """What a link has asked to hear. One topic in each SUBSCRIBE: AWS IoT Core takes eight at most, and hangs up."""

    def __init__(self) -> None:
        self._asked: dict[int, str] = {}
        self._denied: list[str] = []
        self._told: list[str] = []

    def ask(self, client: paho.Client, topics: Sequence[str]) -> None:
        """Subscribe a fresh connection to `topics`."""
        self._denied = []
        self._asked = {client.subscribe(topic, 1)[1] or 0: topic for topic in topics}

    def answered(self, number: int, reason: Any) -> None:
        """Note the SUBACK to message `number`; once all have come, say which topics are denied, if that is news."""
        topic = self._asked.pop(number, None)
        if topic is not None and reason.is_failure:
            self._denied.append(topic)
        if self._asked:
            return
        if self._denied and self._denied != self._told:
            named = ", ".join(self._denied)
            log.warning("mqtt: the broker does not let us hear %s; see its access control list", named)
        self._told = self._denied
