"""Writes what is shown into a film or a folder of pictures: the only place where pictures are written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from emoedge.errors import MediaError
from emoedge.sources.film import for_ffmpeg
from emoedge.view.sheet import LEAST, compose, fitted
from emoedge.view.timeline import STEP, Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from emoedge.view.moment import Moment
    from emoedge.view.stage import Sensor

FILM = ".mp4"

RESERVE, SEAM = 2 * 1024 * 1024, 32
"""Bytes that must be free while a film is written, and more of them for each picture in it: what comes until the next
look, and the list of pictures at its end, without which nothing of it can be played."""

LOOK = 5
"""Pictures between two looks at what is free."""

BLANK = (640, LEAST)
"""Pixels: room of the picture where there is no camera."""


def recorder(target: str, fps: float) -> FilmRecorder | PictureRecorder:
    """A recorder for `target`: a `.mp4` film at `fps`, else a folder of PNGs. Raises MediaError."""
    if Path(target).suffix.lower() == FILM and not Path(target).is_dir():
        return FilmRecorder(target, fps)
    return PictureRecorder(target)


class _Recorder:
    """Sheets with a timeline of their own; all of one size, that of the first picture."""

    def __init__(self) -> None:
        self.written = 0
        """Pictures."""
        self._timeline = Timeline()
        self._room: tuple[int, int] | None = None

    def ended(self) -> None:
        """Nothing is to be said in a file."""

    def _is_new(self, image: NDArray[np.uint8] | None, moment: Moment, sensors: Mapping[str, Sensor]) -> bool:
        """Whether there is a sheet to be made: a picture, or a moment of a run without any camera."""
        self._timeline.add(moment)
        return image is not None or sensors["camera"].status == "disabled"

    def _sheet(self, image: NDArray[np.uint8] | None, moment: Moment) -> NDArray[np.uint8]:
        if self._room is None:
            self._room = BLANK if image is None else fitted(image.shape[1], image.shape[0])
        return compose(image, moment, self._timeline.since(), self._room)


class DiskFullError(MediaError):
    """No more of a film fits on its disk; what was written until then can be played."""


class FilmRecorder(_Recorder):
    """Implements Stage: an MPEG-4 film. It gets its name when it is closed, so none is ever half written."""

    def __init__(self, target: str, fps: float) -> None:
        super().__init__()
        self._target = Path(target)
        self._part = self._target.with_name(f".{self._target.stem}.part{FILM}")
        self._fps = fps
        self._writer: cv2.VideoWriter | None = None
        self._looked = 0
        self._begun: float | None = None
        self._last: NDArray[np.uint8] | None = None
        try:
            self._part.open("wb").close()
        except OSError as error:
            raise MediaError(f"{target}: cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._last is not None:
            self._put(self._last)  # the last picture stands as long as the others
        if self._writer is not None:
            self._writer.release()
        broken = kind is not None and not issubclass(kind, DiskFullError)
        if broken or self.written == 0:
            self._part.unlink(missing_ok=True)
            return
        capture = cv2.VideoCapture(for_ffmpeg(str(self._part)), cv2.CAP_FFMPEG)
        complete = capture.isOpened()
        capture.release()
        if not complete:
            self._part.unlink(missing_ok=True)
            raise MediaError(f"{self._target}: cannot be written; is the disk full?")
        self._part.replace(self._target)

    def show(
        self, image: NDArray[np.uint8] | None, moment: Moment, sensors: Mapping[str, Sensor], name: str | None = None
    ) -> None:
        """Write the sheet as often as the film's rate asks for until `moment.at`."""
        del name
        is_new = self._is_new(image, moment, sensors)
        if self._begun is None and is_new:
            self._begun = moment.at
        if self._begun is None or (not is_new and sensors["camera"].status == "ended"):
            return
        due = round((moment.at - self._begun) * self._fps)
        # A film of uneven pace keeps its times: a picture stands until the next one's. It is written while time passes,
        # or a camera that comes back after hours would have all of them written at once.
        while self._last is not None and self.written < due:
            self._put(self._last)
            if self.written - self._looked >= LOOK:
                self._look()
        if is_new and self.written <= due:
            self._last = self._sheet(image, moment)

    def _look(self) -> None:
        self._looked = self.written
        if shutil.disk_usage(self._part.parent).free < RESERVE + SEAM * self.written:
            raise DiskFullError(f"{self._target}: the disk is nearly full; it ends there")

    def _put(self, sheet: NDArray[np.uint8]) -> None:
        if self._writer is None:
            size = (sheet.shape[1], sheet.shape[0])
            code = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(for_ffmpeg(str(self._part)), cv2.CAP_FFMPEG, code, self._fps, size)
            if not self._writer.isOpened():
                raise MediaError(f"{self._target}: this OpenCV cannot write MPEG-4; name a folder instead")
        self._writer.write(sheet)
        self.written += 1


class PictureRecorder(_Recorder):
    """Implements Stage: a PNG for each picture; photographs keep their names, frames are numbered."""

    def __init__(self, target: str) -> None:
        super().__init__()
        self._folder = Path(target)
        self._names: set[str] = set()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MediaError(f"{target}: cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Every picture is complete already."""

    def show(
        self, image: NDArray[np.uint8] | None, moment: Moment, sensors: Mapping[str, Sensor], name: str | None = None
    ) -> None:
        """Write the next sheet."""
        if not self._is_new(image, moment, sensors):
            return
        if name is not None:
            self._room = None  # photographs differ in size
        path = self._folder / self._name(name)
        data = cv2.imencode(".png", self._sheet(image, moment))[1]
        try:
            path.write_bytes(data.tobytes())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise MediaError(f"{path}: cannot be written: {error.strerror}") from error
        self.written += 1

    def _name(self, name: str | None) -> str:
        if name is None:
            return f"frame-{self.written + 1:06d}.png"
        stem = Path(name).stem if Path(name).stem not in self._names else name
        self._names.add(stem)
        return f"{stem}.png"


def rate_of(path: str | None, fallback: float) -> float:
    """Frames a second of a video, else `fallback`; a sound alone has one frame a STEP."""
    if path is None:
        return 1 / STEP
    capture = cv2.VideoCapture(for_ffmpeg(path), cv2.CAP_FFMPEG) if Path(path).is_file() else None
    fps = 0.0 if capture is None else float(capture.get(cv2.CAP_PROP_FPS))
    if capture is not None:
        capture.release()
    return fps if 1 <= fps <= 120 else fallback
