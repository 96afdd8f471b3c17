"""Video files and folders of pictures: frames with the time they stand at."""

from __future__ import annotations

import errno
import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2

from emoedge.errors import MediaError
from emoedge.sources.address import PICTURES, Kind, camera_kind, is_file, typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

USUAL_FPS = 25.0
"""Frames a second where a container names no believable rate."""

DAMAGED = 50
"""Pictures in a row that may be damaged: OpenCV says the same of one that cannot be decoded as of the end, where asking
again costs microseconds."""


class Film(Protocol):
    """Frames in order, as fast as they are asked for."""

    def read(self) -> tuple[NDArray[Any] | None, float] | None:
        """Next picture (None where it cannot be decoded) and its time in seconds; None at the end."""
        ...

    def close(self) -> None:
        """Release it."""
        ...


def open_film(path: str, fps: float) -> Film:
    """Open a video, a picture or a folder of pictures (shown at `fps`); raises MediaError."""
    if camera_kind(path) is Kind.PICTURES:
        return PictureFilm(path, fps)
    return VideoFilm(path)


class VideoFilm:
    """A video file. Times are the container's; where they do not increase, the frame rate fills in."""

    def __init__(self, path: str) -> None:
        try:
            there = Path(path).is_file()
        except OSError as error:
            raise MediaError(f"{path}: {error.strerror}") from error
        if not there:
            raise MediaError(f"{path}: no such file; give the path of a video")
        _readable(path)
        self._path = path
        self._capture = cv2.VideoCapture(for_ffmpeg(path), cv2.CAP_FFMPEG, _one_thread())
        if not self._capture.isOpened():
            raise MediaError(
                f"{path}: not a video that can be decoded; is it complete? "
                f"`ffmpeg -i {typed(path)} -c:v libx264 fixed.mp4` repairs many"
            )
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._step = 1 / (fps if math.isfinite(fps) and 0.1 <= fps <= 1000 else USUAL_FPS)
        self._last = -self._step
        self._pictures = self._read()

    def read(self) -> tuple[NDArray[Any] | None, float] | None:
        """Next picture and its time in seconds."""
        return next(self._pictures, None)

    def _read(self) -> Iterator[tuple[NDArray[Any] | None, float]]:
        while (damaged := grab(self._capture)) is not None:
            for _ in range(damaged):
                yield None, max(self._last, 0.0)
            at = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if not (math.isfinite(at) and at > self._last):
                at = self._last + self._step
            self._last = max(at, 0.0)
            decoded, image = self._capture.retrieve()
            yield (image if decoded else None), self._last

    def close(self) -> None:
        """Release it."""
        self._capture.release()


def grab(capture: cv2.VideoCapture, over: Callable[[], bool] = lambda: False) -> int | None:
    """Go to the next picture that can be decoded; how many damaged ones were passed over, None at the end.

    `over`: asked after each of them, says whether it was the last one.
    """
    for damaged in range(DAMAGED + 1):
        if capture.grab():
            return damaged
        if over():
            break
    return None


def for_ffmpeg(path: str) -> str:
    """Path as FFmpeg takes it for a file: it reads what stands before a colon, as in `10:30.mp4`, as a protocol."""
    return str(Path(path).absolute())


def _readable(path: str) -> None:
    if not os.access(path, os.R_OK):
        raise MediaError(f"{path}: {os.strerror(errno.EACCES)}")


def _one_thread() -> list[int]:
    """Open options that decode in one thread: a quarter less CPU time, and no pictures held by further threads."""
    known = getattr(cv2, "CAP_PROP_N_THREADS", None)  # OpenCV 4.7 and later
    return [] if known is None else [known, 1]


class PictureFilm:
    """A picture, or those of a folder in the order of their names (2 before 10), at a fixed rate."""

    def __init__(self, path: str, fps: float) -> None:
        self._files = pictures(path)
        self._step = 1 / fps
        self._index = 0

    def read(self) -> tuple[NDArray[Any] | None, float] | None:
        """Next picture and its time in seconds."""
        if self._index == len(self._files):
            return None
        index, self._index = self._index, self._index + 1
        return _picture(self._files[index]), index * self._step

    def close(self) -> None:
        """Nothing is held open."""


def _picture(path: str) -> NDArray[Any] | None:
    """BGR, upright as its EXIF data say, of the depth it has; None where it cannot be decoded."""
    try:
        image: NDArray[Any] | None = cv2.imread(path, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error:  # more pixels than OpenCV takes
        return None
    return image


def pictures(path: str) -> list[str]:
    """A picture itself, or those of a folder in the order of their names (2 before 10).

    Raises MediaError where there is none.
    """
    place = Path(path)
    try:
        files = [place] if not place.is_dir() else sorted(place.iterdir(), key=_natural)
        if place.exists():
            _readable(path)
    except OSError as error:
        raise MediaError(f"{path}: {error.strerror}") from error
    found = [str(f) for f in files if f.suffix.lower() in PICTURES and is_file(str(f))]
    if not found:
        raise MediaError(f"{path}: no picture there; expected files ending in {' '.join(PICTURES)}")
    return found


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name)]
