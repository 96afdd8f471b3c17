"""Clears what this device has retained under a name, base or discovery prefix that it uses no more."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emoedge.outputs.message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emoedge.outputs.ledger import Entry, Ledger
    from emoedge.outputs.topics import Topics

log = logging.getLogger(__name__)

LARGEST = 1 << 16
"""Bytes of an `info` that is looked at."""

SILENT = 100.0
"""Seconds without a new payload of `health`, which comes every 30: nobody speaks under that name."""

STABLE = 5.0
"""Seconds: a connection that lasts for less may have been ended for what was asked of the broker."""

SPOKEN = ("status", "health", "info")
"""What tells of a former name whose it is, and whether somebody speaks there."""

TRIES = 2
"""Such connections in one run, after which no more is asked: some brokers hang up on what an account may not do."""


@dataclass(slots=True)
class _Former:
    """A name that was this device's, and what its retained topics say."""

    entry: Entry
    heard_at: float
    """Monotonic seconds at which it last spoke, or might have."""
    status: bytes = b""
    run: object = None
    """`boot_id` of its `info`."""


@dataclass(slots=True)
class _Clearing:
    """Topics of one root that are being cleared."""

    root: str
    open: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)


class Leftovers:
    """Subscriber and chore; all methods but the constructor are called from the link's thread.

    What lies under another name is only cleared where its `info` comes from a run of this device and nobody speaks
    there: another device may have that name by now, or a copy of this one's disk. `broker`: `host:port`.
    `retained`: all topics that are retained under the present name. `run`: the `boot_id`.
    """

    def __init__(self, ledger: Ledger, *, broker: str, topics: Topics, retained: Sequence[str], run: str) -> None:
        self._ledger = ledger
        self._broker = broker
        self._root = topics.root
        self._retained = tuple(retained)
        self._run = run
        self._former: dict[str, _Former] = {}
        self._waiting: deque[Message] = deque()
        self._clearing: dict[int, tuple[_Clearing, str]] = {}
        self._token = 0
        self._connected_at: float | None = None
        self._short = 0
        self._refused = False

    def connected(self) -> Sequence[str]:
        """Put down what is retained from now on; the topics of former names to subscribe to."""
        now = self._connected_at = time.monotonic()
        known = self._ledger.entry(self._broker, self._root)
        stale = [] if known is None else [topic for topic in known.topics if topic not in self._retained]
        self._ledger.note(self._broker, self._root, (*self._retained, *stale), self._run)
        if self._short >= TRIES:
            return ()
        self._clear(self._root, stale)
        for entry in self._ledger.former(self._broker, self._root):
            self._former[entry.root] = _Former(entry, now)
        return [f"{root}/{name}" for root in self._former for name in SPOKEN]

    def disconnected(self) -> None:
        """Forget what was heard and asked; the next connection begins anew."""
        if self._connected_at is not None:
            short = time.monotonic() - self._connected_at < STABLE
            self._short += bool(self._clearing or (self._former and short))
        self._connected_at = None
        self._former.clear()
        self._waiting.clear()
        self._clearing.clear()

    def handle(self, topic: str, body: bytes, *, retained: bool) -> bool:
        """Take what a former name says; False if the topic is none of one."""
        root, _, name = topic.rpartition("/")
        former = self._former.get(root)
        if former is None or name not in SPOKEN:
            return False
        now = time.monotonic()
        if not retained:
            former.heard_at = now
        if name == "status":
            former.status = body
        elif name == "info":
            former.run = _run_of(body)
        self._judge(former, now)
        return True

    def due(self, now: float) -> float:
        """Seconds until a former name has been silent for long enough."""
        waiting = [one.heard_at + SILENT - now for one in self._former.values() if one.run is not None]
        return max(0.0, min(waiting, default=float("inf")))

    def tick(self, now: float) -> None:
        """Clear what nobody speaks for."""
        for former in list(self._former.values()):
            self._judge(former, now)

    def take(self) -> Message | None:
        """The next message that clears a topic; its token is below 0."""
        return self._waiting.popleft() if self._waiting else None

    def delivered(self, token: int, *, accepted: bool) -> None:
        """Note what the broker says of a message of `take`."""
        clearing, topic = self._clearing.pop(token)
        clearing.open.discard(topic)
        if accepted:
            clearing.done.append(topic)
        elif not self._refused:
            self._refused = True
            log.warning("mqtt: the broker does not let us clear %s; see its access control list", topic)
        if not clearing.open and clearing.done:
            log.info("mqtt: cleared %d retained topics that %s left", len(clearing.done), clearing.root)
            self._ledger.strike(self._broker, clearing.root, clearing.done)

    def _judge(self, former: _Former, now: float) -> None:
        entry = former.entry
        if former.run is None:
            return
        if former.run not in entry.runs:
            log.info("mqtt: %s is another device's now, its topics are left alone", entry.root)
            self._ledger.strike(self._broker, entry.root, entry.topics)
        elif former.status == b"offline" or now - former.heard_at >= SILENT:
            self._ledger.strike(self._broker, entry.root, self._retained)
            self._clear(entry.root, [topic for topic in entry.topics if topic not in self._retained])
        else:
            return
        del self._former[entry.root]

    def _clear(self, root: str, topics: Sequence[str]) -> None:
        """The two that tell whose it is go last: what breaks off can be taken up again."""
        clearing = _Clearing(root, set(topics))
        for topic in sorted(topics, key=lambda topic: (topic == f"{root}/info", topic == f"{root}/status")):
            self._token -= 1
            self._clearing[self._token] = (clearing, topic)
            self._waiting.append(Message(topic, b"", qos=1, retain=True, token=self._token))


def _run_of(body: bytes) -> object:
    """`boot_id` of an `info`, None where it has none."""
    if len(body) > LARGEST:
        return None
    try:
        return json.loads(body).get("boot_id")
    except (ValueError, AttributeError, RecursionError):
        return None
