"""Films and sound files as plain iterators: no thread, no clock, the same values every time."""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import TYPE_CHECKING

from emoedge.errors import MediaError, SourceError
from emoedge.messages import SAMPLE_RATE, AudioBlock, Frame
from emoedge.sources.film import open_film
from emoedge.sources.intake import Intake, Tally
from emoedge.sources.picture import Adjustment, to_bgr
from emoedge.sources.quiet import quiet_video
from emoedge.sources.sound_file import open_sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from emoedge.config.camera import CameraConfig
    from emoedge.config.microphone import MicrophoneConfig
    from emoedge.sources.film import Film
    from emoedge.sources.sound_file import SoundFile

BLOCK = 0.02
"""Seconds of sound in one block."""


def film(path: str, config: CameraConfig) -> Iterator[Frame]:
    """Every frame of a video or folder of pictures, turned, mirrored and cut as `config` says.

    `at` is the container's time in seconds from its first frame's. Pictures that cannot be decoded are left out.
    Raises MediaError at once where there is no usable frame.
    """
    quiet_video()
    opened = open_film(path, config.fps)
    frames = _frames(opened, Adjustment.of(config))
    first = next(frames, None)
    if first is None:
        raise MediaError(
            f"{path}: holds no usable frame; is it complete, and do camera.region and the zones of camera.exclude "
            "lie within the picture?"
        )
    return _and_then(first, frames)


def _frames(opened: Film, adjustment: Adjustment) -> Iterator[Frame]:
    index = 0
    try:
        while (item := opened.read()) is not None:
            image = to_bgr(item[0])
            adjusted = None if image is None else adjustment.apply(image)
            if adjusted is not None:
                yield Frame(adjusted, item[1], index)
                index += 1
    finally:
        opened.close()


def _and_then(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


def sound(path: str, config: MicrophoneConfig, tally: Tally | None = None) -> Iterator[AudioBlock]:
    """A sound file in blocks of 20 ms, with `config`'s channel and gain; flaws are counted in `tally`.

    `at` is the time in seconds, from the file's begin, of the sample after the block's last one.
    Raises MediaError at once where there is no sample, or no such channel.
    """
    opened = open_sound(path)
    try:
        intake = Intake(
            replace(config, source=path), tally or Tally(),
            rate=opened.rate, channels=opened.channels, full_scale=opened.full_scale,
        )  # fmt: skip
        first = opened.read(round(opened.rate * BLOCK))
    except SourceError as error:
        opened.close()
        raise MediaError(str(error)) from error
    except Exception:
        opened.close()
        raise
    if not len(first):
        opened.close()
        raise MediaError(f"{path}: holds no sample; record it again")
    return _blocks(opened, intake, first)


def _blocks(opened: SoundFile, intake: Intake, samples: NDArray[np.float32]) -> Iterator[AudioBlock]:
    frames = round(opened.rate * BLOCK)
    told = 0
    try:
        while True:
            block = intake.block(samples, 0.0) if len(samples) else intake.rest(0.0)
            told += len(block.samples)
            if len(block.samples):  # the resampler's delay swallows the first one or two
                yield replace(block, at=told / SAMPLE_RATE)
            if not len(samples):
                return
            samples = opened.read(frames)
    finally:
        opened.close()


class Reel:
    """A film's frames, or a sound's blocks, and when it is over for good: `patience` seconds after the last of them."""

    def __init__(self, items: Iterable[Frame] | Iterable[AudioBlock], patience: float) -> None:
        self._items = items
        self._patience = patience
        self._last: float | None = None
        self._ended = False

    def __iter__(self) -> Iterator[Frame | AudioBlock]:
        """Give them in order."""
        for item in self._items:
            self._last = item.at
            yield item
        self._ended = True

    def over(self, at: float) -> float | None:
        """Seconds, since when it has been over for so long that nothing of it holds.

        None where that is not before `at`, and where there was none.
        """
        end = None if self._last is None or not self._ended else self._last + self._patience
        return None if end is None or at <= end else end


def merge(
    frames: Iterable[Frame | AudioBlock], blocks: Iterable[Frame | AudioBlock]
) -> Iterator[Frame | AudioBlock]:
    """Both in the order of their times; at the same time the frame comes first."""
    both: tuple[Iterable[Frame | AudioBlock], ...] = (frames, blocks)
    yield from heapq.merge(*both, key=_time)


def as_far_as_it_goes(
    stream: Iterable[Frame | AudioBlock], problems: list[MediaError]
) -> Iterator[Frame | AudioBlock]:
    """All of it that can be read; why there is no more goes into `problems`."""
    try:
        yield from stream
    except MediaError as error:
        problems.append(error)


def _time(item: Frame | AudioBlock) -> float:
    return item.at
