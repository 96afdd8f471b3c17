"""How many threads OpenCV may use, and what those that read a device are called."""

from __future__ import annotations

READER = "-reader"
"""How the names of threads that read a device end: one may hang in its driver when the program is to end."""


def bound_threads(number: int) -> None:
    """Let OpenCV use `number` threads; 1 runs everything in the caller's own.

    More cost time on small pictures, and starve the board's other programs.
    """
    import cv2  # noqa: PLC0415 - the module itself must stay cheap to import

    cv2.setNumThreads(0 if number == 1 else number)
