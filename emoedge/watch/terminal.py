"""Where a picture is drawn: a terminal that is redrawn in place."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

# ECMA-48 and xterm: another screen, so that what stood in the terminal comes back; no cursor; no wrapping.
ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
HOME, REST_OF_LINE, REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


def can_draw(out: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether `out` is a terminal that can be redrawn."""
    return out.isatty() and environment.get("TERM", "dumb") != "dumb"


class Terminal:
    """Context manager: the whole of a terminal, given back as it was."""

    def __init__(self, out: TextIO, environment: Mapping[str, str] = os.environ) -> None:
        self._out = out
        self.colour = not environment.get("NO_COLOR")
        """See no-color.org."""

    def __enter__(self) -> Self:
        self._write(ENTER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write(LEAVE)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, as they are now."""
        width, height = shutil.get_terminal_size()
        return max(width, 1), max(height, 1)

    def draw(self, lines: Sequence[str]) -> None:
        """Replace what is shown."""
        body = "\r\n".join(f"{line}{REST_OF_LINE}" for line in lines)
        self._write(f"{HOME}{body}{REST_OF_SCREEN}")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
