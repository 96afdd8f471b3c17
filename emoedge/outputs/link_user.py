"""What the connection to the broker asks of the one it works for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emoedge.outputs.message import Message


class LinkUser(Protocol):
    """Who the link works for; called from the link's thread only."""

    def connected(self) -> Sequence[str]:
        """Run on every connect: the topics to subscribe to; `next_message` then gives the birth messages."""
        ...

    def disconnected(self) -> None:
        """Note that nothing sent and not acknowledged may be taken as delivered."""
        ...

    def next_message(self, *, may_qos1: bool) -> Message | None:
        """What to send next, None when nothing is due; QoS 1 only where `may_qos1`."""
        ...

    def next_due(self) -> float:
        """Seconds until `next_message` should be asked again without a wake()."""
        ...

    def delivered(self, message: Message, *, accepted: bool) -> None:
        """Note that the broker has acknowledged, or refused, a message of QoS 1, or that one is too large for it."""
        ...

    def put_off(self, message: Message) -> None:
        """Note that the broker wants a message of QoS 1 again later."""
        ...

    def received(self, topic: str, body: bytes, *, retained: bool) -> None:
        """Handle a message on a subscribed topic."""
        ...

    def drained(self) -> bool:
        """Whether all that must be told has been delivered."""
        ...
