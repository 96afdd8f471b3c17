"""Builds the sources that the configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emoedge.ops.clock import SystemClock
from emoedge.sources.address import is_none
from emoedge.sources.rate import RateLimit

if TYPE_CHECKING:
    from emoedge.config import Config
    from emoedge.ports import AudioSource, Clock, FrameSource


def decoding_limit(config: Config) -> RateLimit:
    """Which pictures of a camera are worth decoding: at most `vision.rate` and `camera.max_fps` a second."""
    rates = [rate for rate in (config.vision.rate, config.camera.max_fps) if rate > 0]
    return RateLimit(min(rates, default=0.0), config.camera.fps)


def open_camera(
    config: Config, clock: Clock | None = None, *, once: bool = True, limit: RateLimit | None = None
) -> FrameSource | None:
    """Camera of the configuration, not yet started; None where `camera.source` is `none`.

    Pictures beyond `limit` (default: `decoding_limit`) would not be looked at, so they are not decoded either.
    `once`: a film that does not loop is played once and has then ended; False: its end counts as a loss, as that
    of a device, and it is opened again.
    """
    if is_none(config.camera.source):
        return None
    from emoedge.sources.camera import Camera  # noqa: PLC0415 - a device without a camera needs no video code

    wanted = (limit or decoding_limit(config)).due
    return Camera(config.camera, clock or SystemClock(), wanted=wanted, once=once)


def open_microphone(config: Config, clock: Clock | None = None, *, once: bool = True) -> AudioSource | None:
    """Microphone of the configuration, not yet started; None where `microphone.source` is `none`.

    `once`: as for a camera.
    """
    if is_none(config.microphone.source):
        return None
    from emoedge.sources.microphone import Microphone  # noqa: PLC0415 - nor audio code without a microphone

    return Microphone(config.microphone, clock or SystemClock(), once=once)
