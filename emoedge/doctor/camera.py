"""Stage `camera`: permission, whether it opens and delivers, how fast and how bright, and whether a face is seen."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emoedge.doctor.finding import blamed, failed, passed, warned
from emoedge.messages import SensorStatus
from emoedge.sources.address import Kind, camera_kind, is_none, shown
from emoedge.sources.inventory import cameras
from emoedge.sources.libcamera import REMEDY, needs_libcamera

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emoedge.config import Config
    from emoedge.doctor.finding import Finding
    from emoedge.doctor.live import Live
    from emoedge.messages import Frame
    from emoedge.ports import FrameSource

STAGE = "camera"
WATCHED = 3.0
"""Seconds that a camera is watched once it delivers."""
PATIENCE = 12.0
"""Seconds until it must deliver; network cameras take up to ten."""
SLOW = 0.6
"""Share of the wanted rate below which a camera is slow; in the dark many double their exposure."""
DARK, BRIGHT = 40.0, 225.0
"""Mean gray levels, 0..255, outside of which faces are hard to see."""

_FILE = "name another in camera.source; `emoedge replay` tells whether one can be read"
NO_PICTURE = {
    Kind.DEVICE: "see `emoedge devices`; is it in use?",
    Kind.STREAM: "is it switched on, is the address right (port, path, login), does a firewall stand between?",
    Kind.VIDEO: _FILE,
    Kind.PICTURES: _FILE,
}
"""What to do about a camera that delivers nothing, by what it is."""


def check(config: Config, live: Live) -> list[Finding]:
    """Look through the camera, or at what the running daemon says of it."""
    source = config.camera.source
    if is_none(source):
        return [passed(STAGE, "none configured")]
    # First what the service says: it has groups and a camera layer of its own, which this user may well lack.
    status = live.sensor("camera")
    if status == "online" and live.report is not None:
        rate = live.report.get("fps", 0)
        return [passed(STAGE, f"{shown(source)}: in use by the service, {rate:.1f} frames/s analysed")]
    if live.paused:
        return [passed(STAGE, f"{shown(source)}: closed, the service is paused")]
    if camera_kind(source) is Kind.DEVICE and (finding := _device(source)) is not None:
        return [finding]
    if status is not None and status != "disabled":
        return [failed(STAGE, f"{shown(source)}: {live.problem('camera') or status}", "see `emoedge devices`")]
    return _watch(config)


def _device(source: str) -> Finding | None:
    """What keeps a device from being opened at all."""
    entries = cameras()
    if not os.access(source, os.F_OK):
        there = ", ".join(entry.source for entry in entries) or "none is there"
        return failed(STAGE, f"{source}: no such camera", f"plug it in, or set camera.source to one of: {there}")
    node = Path(source).resolve()
    entry = next((entry for entry in entries if Path(entry.device) == node), None)
    if entry is not None and needs_libcamera(entry.name) and "libcamera" not in os.environ.get("LD_PRELOAD", ""):
        return failed(STAGE, f"{source}: {entry.name} delivers no pictures by itself", REMEDY)
    if not os.access(source, os.R_OK | os.W_OK):
        return failed(STAGE, f"{source}: no permission", "`sudo usermod -aG video $USER`, then log in again")
    return None


def _watch(config: Config) -> list[Finding]:
    from emoedge.sources.factory import open_camera  # noqa: PLC0415 - needs OpenCV

    camera = open_camera(config, once=False)
    assert camera is not None
    camera.start()
    try:
        frames, seconds = _frames(camera)
        problem = camera.problem
    finally:
        camera.stop()
    name = shown(config.camera.source)
    if not frames:
        remedy = NO_PICTURE[camera_kind(config.camera.source)]
        return [failed(STAGE, blamed(name, problem or "no picture came"), remedy)]
    height, width = frames[-1].image.shape[:2]
    rate = (len(frames) - 1) / seconds if len(frames) > 1 else 0.0
    said = f"{name}: {width}x{height}, {rate:.1f} frames/s"
    found = [passed(STAGE, said)]
    if rate < SLOW * wanted_rate(config):
        found = [warned(STAGE, said, "slower than vision.rate: more light, another USB port, or camera.fourcc MJPG")]
    return [*found, _light(frames), _face(config, frames)]


def wanted_rate(config: Config) -> float:
    """Pictures a second that the configuration asks for: the least of the rates that it sets."""
    return min(rate for rate in (config.vision.rate, config.camera.fps, config.camera.max_fps) if rate > 0)


def _frames(camera: FrameSource) -> tuple[Sequence[Frame], float]:
    """What came in WATCHED seconds from the first picture on, and the seconds between first and last."""
    frames: list[Frame] = []
    until = time.monotonic() + PATIENCE
    while (now := time.monotonic()) < until:
        frame = camera.take(0.1)
        if frame is not None:
            if not frames:
                until = now + WATCHED
            frames.append(frame)
        elif camera.status is SensorStatus.RECONNECTING and camera.problem not in (None, "opening"):
            break
    return frames, frames[-1].at - frames[0].at if len(frames) > 1 else 1.0


def _light(frames: Sequence[Frame]) -> Finding:
    level = float(np.mean([frame.image[::4, ::4].mean() for frame in frames]))
    if level < DARK:
        return warned(STAGE, f"dark: mean brightness {level:.0f} of 255", "more light, or open the lens cover")
    if level > BRIGHT:
        return warned(STAGE, f"glaring: mean brightness {level:.0f} of 255", "turn it away from window or lamp")
    return passed(STAGE, f"brightness {level:.0f} of 255")


def _face(config: Config, frames: Sequence[Frame]) -> Finding:
    from emoedge.vision.eye import Vision  # noqa: PLC0415 - needs OpenCV
    from emoedge.vision.haar import HaarDetector  # noqa: PLC0415

    eye = Vision(config.vision, HaarDetector(), None, None)
    most = max(len(eye.look(frame).faces) for frame in frames)
    if most:
        return passed(STAGE, f"{most} face{'s' * (most != 1)} seen")
    return passed(STAGE, "no face seen (nobody need be there)")
