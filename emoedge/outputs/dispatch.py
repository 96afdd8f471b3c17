"""Decides what the link sends next: what changed, the present state, then events in their order."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from emoedge.config.aggregates import LENGTHS
from emoedge.outputs import payloads
from emoedge.outputs.event_store import EVENT
from emoedge.outputs.message import Message
from emoedge.outputs.topics import aggregate_name
from emoedge.outputs.untaken import CURE, Untaken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emoedge.outputs.board import Board
    from emoedge.outputs.event_store import StoredEvent
    from emoedge.outputs.leftovers import Leftovers
    from emoedge.outputs.outbox import Outbox
    from emoedge.outputs.pacing import StatePacer
    from emoedge.outputs.stamp import Stamp
    from emoedge.outputs.topics import Topics

log = logging.getLogger(__name__)

EMOTION_EXPIRY = 60
"""Seconds; six missed heartbeats, after which a broker that speaks MQTT 5 forgets the state."""

LATE_AFTER = 2.0
"""Seconds before the present connection: what was stored earlier comes from an outage, not from the start."""

PUT_OFF = 1.0
"""Seconds without QoS 1 for a broker whose quota is exceeded; quotas count by the second, and an end takes 1.5."""

SPELL = 60.0
"""Seconds without a refusal for its quota after which the next one is told again."""

KEPT = frozenset({EVENT, *map(aggregate_name, LENGTHS)})
"""Topics whose messages the outbox keeps."""

BATCH = 50
"""Events read from the outbox at once."""


class Chore(Protocol):
    """Something that puts messages on the board when its time has come."""

    def due(self, now: float) -> float:
        """Seconds until `tick` has something to do; `now` is monotonic seconds."""
        ...

    def tick(self, now: float) -> None:
        """Do it."""
        ...


class Subscriber(Protocol):
    """Somebody who is told what arrives."""

    def handle(self, topic: str, body: bytes, *, retained: bool) -> bool:
        """Whether the message was for this one."""
        ...


class Dispatch:
    """The user of the link; all methods but the constructor are called from the link's thread."""

    def __init__(
        self,
        *,
        topics: Topics,
        stamp: Stamp,
        board: Board,
        pacer: StatePacer,
        outbox: Outbox,
        leftovers: Leftovers,
        on_connect: Callable[[], None],
        subscriptions: Sequence[str] = (),
        subscribers: Sequence[Subscriber] = (),
        chores: Sequence[Chore] = (),
    ) -> None:
        self._topics = topics
        self._stamp = stamp
        self._board = board
        self._pacer = pacer
        self._outbox = outbox
        self._leftovers = leftovers
        self._on_connect = on_connect
        self._subscriptions = tuple(subscriptions)
        self._subscribers = (*subscribers, leftovers)
        self._untaken = Untaken()
        self._chores = (*chores, leftovers, self._untaken)
        self._fetched: deque[StoredEvent] = deque()
        self._cursor = 0
        self._connected_at = 0.0
        self._unanswered = 0
        self._put_off: int | None = None
        self._go_on_at = 0.0
        self._full_at = float("-inf")
        self._refusing = False
        self.refused = 0
        """Events that the broker would not take."""

    def connected(self) -> Sequence[str]:
        """Tell everything anew: the broker may have forgotten it all."""
        self._connected_at = time.monotonic()
        former = self._leftovers.connected()  # before anything is retained
        self._on_connect()
        self.tell_all()
        return (*self._subscriptions, *former)

    def tell_all(self) -> None:
        """Send all that is retained again."""
        self._board.show_all()
        self._pacer.repeat()

    def disconnected(self) -> None:
        """Begin with the oldest unacknowledged event again."""
        self._begin_after(0)
        self._unanswered = 0
        self._go_on_at = 0.0
        self._leftovers.disconnected()

    def next_message(self, *, may_qos1: bool) -> Message | None:
        """What to send now, None when nothing is due."""
        now = time.monotonic()
        for chore in self._chores:
            if chore.due(now) <= 0:
                chore.tick(now)
        may_qos1 = may_qos1 and now >= self._go_on_at
        message = self._board.take(may_qos1=may_qos1)
        if message is not None:
            return message
        state = self._pacer.take(now)
        if state is not None:
            body = payloads.encode(payloads.emotion(self._stamp.envelope("emotion"), state))
            return Message(self._topics.emotion, body, retain=True, expiry=EMOTION_EXPIRY)
        if not may_qos1:
            return None
        return self._next_event() or self._leftovers.take() or self._board.take_shelved()

    def next_due(self) -> float:
        """Seconds until the present state, a chore, or what was put off is due."""
        now = time.monotonic()
        going_on = self._go_on_at - now if self._go_on_at > now else float("inf")
        return min(self._pacer.due(now), *(chore.due(now) for chore in self._chores), going_on)

    def delivered(self, message: Message, *, accepted: bool) -> None:
        """Strike an event off; one that the broker refuses would be refused for ever."""
        token = message.token
        if token is None:
            self._untaken.note(message, accepted=accepted)
            return
        if token < 0:
            self._leftovers.delivered(token, accepted=accepted)
            return
        if not accepted:
            if not self._refusing:
                log.warning("mqtt: the broker refuses events on %s; %s", self._topics.event, CURE)
            self.refused += 1
        self._refusing = not accepted
        self._unanswered -= 1
        self._outbox.delete(token)

    def put_off(self, message: Message) -> None:
        """Send nothing that is to be acknowledged for a moment, then again all that was put off."""
        token = message.token
        if token is not None and token < 0:  # of a topic that is cleared: the next connection tries again
            return
        now = time.monotonic()
        if now - self._full_at >= SPELL:
            log.warning("mqtt: the broker takes no more at present (quota exceeded); what it refuses waits")
        self._full_at, self._go_on_at = now, now + PUT_OFF
        if token is None:
            self._board.again(message)
            return
        self._unanswered -= 1
        self._put_off = token if self._put_off is None else min(self._put_off, token)

    def received(self, topic: str, body: bytes, *, retained: bool) -> None:
        """Hand a message to the one it is for."""
        for subscriber in self._subscribers:
            if subscriber.handle(topic, body, retained=retained):
                return

    def drained(self) -> bool:
        """Whether nothing waits to be told."""
        return self._board.empty() and not self._pacer.pending and len(self._outbox) == 0

    def _begin_after(self, row_id: int) -> None:
        self._fetched.clear()
        self._cursor, self._put_off = row_id, None

    def _next_event(self) -> Message | None:
        if self._put_off is not None:
            # What is still on its way would otherwise be sent twice.
            if self._unanswered > 0:
                return None
            self._begin_after(self._put_off - 1)
        while self._fetched or self._fetch():
            row = self._fetched.popleft()
            self._cursor = row.id
            try:
                body = self._body(row)
            except (ValueError, TypeError) as error:
                # Raised again at every connect, it would keep the device from saying anything at all.
                log.warning("outbox: an event is damaged (%s) and dropped", error)
                self._outbox.give_up(row.id)
                continue
            self._unanswered += 1
            return Message(self._topics.of(row.topic), body, qos=1, token=row.id)
        return None

    def _fetch(self) -> bool:
        self._fetched.extend(self._outbox.after(self._cursor, BATCH))
        return bool(self._fetched)

    def _body(self, row: StoredEvent) -> bytes:
        """What is sent; ValueError, TypeError where it is no JSON object, or for a topic that there is not."""
        if row.topic not in KEPT:
            raise ValueError(f"topic {row.topic!r}")
        if row.stored_at is None or row.stored_at < self._connected_at - LATE_AFTER:
            return payloads.encode({**json.loads(row.body), "late": True})
        return row.body
