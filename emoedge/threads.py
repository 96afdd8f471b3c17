"""How many threads OpenCV may use: more cost time on small pictures, and starve the board's other programs."""

from __future__ import annotations


def bound_threads(number: int) -> None:
    """Let OpenCV use `number` threads; 1 runs everything in the caller's own."""
    import cv2  # noqa: PLC0415 - the module itself must stay cheap to import

    cv2.setNumThreads(0 if number == 1 else number)
