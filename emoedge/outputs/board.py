"""What is waiting to be sent beside events: the newest of each retained topic, and a few passing notes."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emoedge.outputs.message import Message

MAX_NOTES = 64
"""Passing notes kept while nothing can be sent; the oldest go first."""


class Board:
    """Bounded by construction: one message a topic, and MAX_NOTES passing ones. Safe to use from several threads."""

    def __init__(self) -> None:
        self._pinned: dict[str, Message] = {}
        self._dirty: dict[str, None] = {}
        self._notes: deque[Message] = deque()
        self._latest: dict[str, Message] = {}
        self._shelf: dict[str, Message] = {}
        self._shelf_dirty: dict[str, None] = {}
        self._dropped = 0
        self._lock = threading.Lock()

    @property
    def dropped(self) -> int:
        """Messages that were never sent."""
        return self._dropped

    def pin(self, message: Message) -> None:
        """Replace what this topic says; sent once now and again on every new connection."""
        with self._lock:
            self._pinned[message.topic] = message
            self._dirty[message.topic] = None

    def shelve(self, message: Message) -> None:
        """As `pin`, for what never changes and may wait until nothing else does."""
        with self._lock:
            self._shelf[message.topic] = message
            self._shelf_dirty[message.topic] = None

    def note(self, message: Message) -> None:
        """Send once, while it is news."""
        with self._lock:
            if len(self._notes) >= MAX_NOTES:
                self._notes.popleft()
                self._dropped += 1
            self._notes.append(message)

    def post(self, message: Message, key: str = "") -> None:
        """Send once, unless a newer one of the same topic and `key` comes first."""
        with self._lock:
            name = f"{message.topic} {key}"
            if name in self._latest or len(self._latest) >= MAX_NOTES:
                self._latest.pop(name if name in self._latest else next(iter(self._latest)))
                self._dropped += 1
            self._latest[name] = message

    def show_all(self) -> None:
        """Every pinned message is to be sent again, in the order in which the topics were first pinned."""
        with self._lock:
            self._dirty = dict.fromkeys(self._pinned)
            self._shelf_dirty = dict.fromkeys(self._shelf)

    def take(self, *, may_qos1: bool = True) -> Message | None:
        """The next message, None when nothing may be sent; QoS 1 only where `may_qos1`."""
        with self._lock:
            for topic in self._dirty:
                message = self._pinned[topic]
                if may_qos1 or not message.qos:
                    del self._dirty[topic]
                    return message
            if self._notes and (may_qos1 or not self._notes[0].qos):
                return self._notes.popleft()
            for name in self._latest:
                return self._latest.pop(name)
            return None

    def take_shelved(self) -> Message | None:
        """The next message from the shelf, None when all have been sent; they are of QoS 1."""
        with self._lock:
            for topic in self._shelf_dirty:
                del self._shelf_dirty[topic]
                return self._shelf[topic]
            return None

    def again(self, message: Message) -> None:
        """Send a message of `take` or `take_shelved` once more, unless its topic says something else by now."""
        with self._lock:
            if self._pinned.get(message.topic) is message:
                self._dirty[message.topic] = None
            elif self._shelf.get(message.topic) is message:
                self._shelf_dirty[message.topic] = None
            elif message.topic in self._pinned or message.topic in self._shelf:
                return
            elif len(self._notes) < MAX_NOTES:
                self._notes.appendleft(message)
            else:
                self._dropped += 1

    def empty(self) -> bool:
        """Whether nothing waits but what is on the shelf and what was posted, which an end does not wait for."""
        with self._lock:
            return not self._dirty and not self._notes
