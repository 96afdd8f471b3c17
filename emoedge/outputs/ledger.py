"""What this device has left retained, where and under which name: one small file of the state directory."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from emoedge.ops.state import replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

FILE = "retained.json"

MOST = 16
"""Entries; the one that was in use longest ago goes first."""

RUNS = 16
"""Runs of an entry: a broker whose power is cut comes back with what an earlier run retained."""

LARGEST = 1 << 20
"""Bytes of the file that are looked at."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What was retained under one name at one broker."""

    broker: str
    """`host:port`."""
    root: str
    """`<base>/<device>`."""
    topics: tuple[str, ...]
    """In full."""
    runs: tuple[str, ...]
    """`boot_id` of those that spoke under this name, the last one last."""


class Ledger:
    """Entries by broker and root, the last one in use last; not thread-safe.

    `folder` None keeps them in memory. A file that cannot be read or written is warned of and survived.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / FILE
        self._written: Sequence[Entry] = ()
        self._problem: str | None = None
        self._entries = self._read()

    def entry(self, broker: str, root: str) -> Entry | None:
        """What is known of this name at this broker."""
        return next((one for one in self._entries if (one.broker, one.root) == (broker, root)), None)

    def former(self, broker: str, root: str) -> Sequence[Entry]:
        """The entries of all other names at this broker."""
        return [one for one in self._entries if one.broker == broker and one.root != root]

    def note(self, broker: str, root: str, topics: Sequence[str], run: str) -> None:
        """Put down that `run` retains `topics` under this name; on disk on return where that is possible."""
        known = self.entry(broker, root)
        runs = () if known is None else tuple(one for one in known.runs if one != run)
        entry = Entry(broker, root, tuple(topics), (*runs, run)[-RUNS:])
        self._write([*(one for one in self._entries if one is not known), entry][-MOST:])

    def strike(self, broker: str, root: str, topics: Sequence[str]) -> None:
        """Forget topics that are retained no more, and an entry that has none left."""
        kept = []
        for one in self._entries:
            if (one.broker, one.root) == (broker, root):
                rest = tuple(topic for topic in one.topics if topic not in topics)
                kept += [replace(one, topics=rest)] if rest else []
            else:
                kept.append(one)
        self._write(kept)

    def _read(self) -> list[Entry]:
        if self._path is None:
            return []
        try:
            with self._path.open("rb") as file:
                found = [_entry(one) for one in json.loads(file.read(LARGEST))["left"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
            log.warning("retained topics: %s cannot be read (%s); those of a former name stay", self._path, error)
            return []
        self._written = tuple(found)
        return found

    def _write(self, entries: list[Entry]) -> None:
        self._entries = entries
        if self._path is None or tuple(entries) == self._written:
            return
        try:
            replace_file(self._path, json.dumps({"left": [asdict(one) for one in entries]}))
        except OSError as error:
            if str(error) != self._problem:
                text = "retained topics: %s cannot be written (%s); a later name will not clear those of this one"
                log.warning(text, self._path, error)
            self._problem = str(error)
        else:
            self._written, self._problem = tuple(entries), None


def _entry(found: Any) -> Entry:
    """From the file; ValueError, TypeError, LookupError where it is no entry."""
    if not (isinstance(found["topics"], list) and isinstance(found["runs"], list)):
        raise TypeError("expected lists")
    entry = Entry(found["broker"], found["root"], tuple(found["topics"]), tuple(found["runs"]))
    words = (entry.broker, entry.root, *entry.topics, *entry.runs)
    if not all(isinstance(word, str) and word for word in words):
        raise TypeError("expected text")
    for topic in (entry.root, *entry.topics):
        if any(sign in topic for sign in "+#\0") or len(topic.encode()) > 65_000:
            raise ValueError(f"no topic: {topic[:64]!r}")
    return entry
