"""Hears and shows a fleet until somebody has seen enough: as a picture, or line by line."""

from __future__ import annotations

import sys
import time
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING

from emoedge.watch.fleet_table import FleetTable
from emoedge.watch.layout import LONGEST_NAME, Scene, fit, picture
from emoedge.watch.reception import CONNECTING

if TYPE_CHECKING:
    from emoedge.watch.reception import Reception
    from emoedge.watch.terminal import Terminal

KEPT = 500
"""Lines of events kept; more than the tallest terminal shows."""

REDRAW = 0.25
"""Seconds between two pictures at least."""

EASE = 4.0
"""The pause is at least this many times what drawing took: a large fleet is drawn less often, not at full load."""

AT_ONCE = 5000
"""Messages taken between two pictures at most."""


class Lookout:
    """Brings together who hears and who shows. `broker`: how it is named to the reader."""

    def __init__(self, reception: Reception, base: str, broker: str) -> None:
        self._reception = reception
        self._broker = broker
        self._table = FleetTable(base)
        self._width = 0

    def draw(self, terminal: Terminal) -> None:
        """Redraw the fleet in place, for ever."""
        told: deque[str] = deque(maxlen=KEPT)
        pause = REDRAW
        with terminal:
            while True:
                told.extend(self.news(pause))
                began = time.monotonic()
                scene = Scene(
                    broker=self._broker, rows=self._table.rows(time.monotonic()), events=list(told),
                    problem=self._reception.problem, skipped=self._reception.skipped,
                )  # fmt: skip
                terminal.draw(picture(scene, *terminal.size, colour=terminal.colour))
                pause = max(REDRAW, EASE * (time.monotonic() - began))

    def tell(self) -> None:
        """Print a line for all that happens, for ever; what ails the connection goes to stderr."""
        said: str | None = CONNECTING
        while True:
            for line in self.news(REDRAW):
                print(line, flush=True)  # noqa: T201 - this is what the command is for
            problem = self._reception.problem
            if problem in {said, CONNECTING}:
                continue
            said = problem
            text = "connected" if problem is None else f"{problem}; trying again"
            print(f"broker {self._broker}: {text}", file=sys.stderr, flush=True)  # noqa: T201 - as above

    def news(self, seconds: float) -> list[str]:
        """Lines worth reading of the next `seconds`."""
        lines: list[tuple[str, str]] = []
        end = time.monotonic() + seconds
        for _ in range(AT_ONCE):
            message = self._reception.take(max(0.0, end - time.monotonic()))
            if message is None:
                break
            line = self._table.take(
                message.topic, message.payload, retained=message.retained, now=time.monotonic(),
                wall=datetime.now().astimezone(),
            )  # fmt: skip
            if line is not None:
                lines.append(line)
        if self._reception.problem is None:  # without a broker everybody is silent
            lines += self._table.silences(time.monotonic(), datetime.now().astimezone())
        self._width = max(self._width, *(min(len(device), LONGEST_NAME) for device, _ in lines), 0)
        return [f"{fit(device, LONGEST_NAME):{self._width}}  {line}" for device, line in lines]
