"""Holds the last seconds of sound; when nobody listens, the oldest goes, and is counted."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emoedge.messages import AudioBlock

CAPACITY = 10 * 16_000
"""Samples: ten seconds, 640 KB."""


class Ring:
    """Blocks between two threads, bounded by their samples."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.dropped = 0
        self._capacity = capacity
        self._blocks: deque[AudioBlock] = deque()
        self._held = 0
        self._gap = 0
        self._changed = threading.Condition()

    def put(self, block: AudioBlock) -> None:
        """Append; drops the oldest blocks where there is no room. A single block larger than all is kept."""
        with self._changed:
            self._blocks.append(block)
            self._held += len(block.samples)
            while self._held > self._capacity and len(self._blocks) > 1:
                oldest = self._blocks.popleft()
                self._held -= len(oldest.samples)
                self.dropped += len(oldest.samples)
                self._gap += len(oldest.samples) + oldest.lost

    def take(self) -> tuple[AudioBlock, ...]:
        """All blocks, oldest first; the first one says in `lost` what was dropped before it."""
        with self._changed:
            blocks = list(self._blocks)
            if blocks and self._gap:
                blocks[0] = replace(blocks[0], lost=blocks[0].lost + self._gap)
                self._gap = 0
            self._blocks.clear()
            self._held = 0
            self._changed.notify_all()
            return tuple(blocks)

    def wait_room(self, cancelled: threading.Event) -> None:
        """Wait until it is at most half full, or until `cancelled` is set (seen within 50 ms)."""
        with self._changed:
            while self._held > self._capacity // 2 and not cancelled.is_set():
                self._changed.wait(0.05)

    def clear(self) -> None:
        """Forget all; not counted as dropped."""
        with self._changed:
            self._blocks.clear()
            self._held = self._gap = 0
            self._changed.notify_all()

    @property
    def empty(self) -> bool:
        """Whether everything was taken."""
        return not self._blocks
