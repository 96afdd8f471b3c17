"""The signals that end a command in good order."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def heed(end: Callable[[], object]) -> None:
    """Call `end` on SIGTERM, on Ctrl-C, and where the terminal goes away; what outlives that by `nohup` still does."""
    ending = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        ending.append(signal.SIGHUP)
    for number in ending:
        signal.signal(number, lambda *_: end())


def interrupt() -> None:
    """End as Ctrl-C does, for commands that have nothing else to say on a signal."""
    raise KeyboardInterrupt
