"""Stage `microphone`: whether it opens, delivers, and is neither silent nor clipped; with a level meter."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emoedge.doctor.finding import blamed, failed, passed, warned
from emoedge.messages import SAMPLE_RATE, SensorStatus
from emoedge.sources.address import is_none, is_sound_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emoedge.config import Config
    from emoedge.doctor.finding import Finding
    from emoedge.doctor.live import Live
    from emoedge.messages import AudioBlock
    from emoedge.ports import AudioSource

STAGE = "microphone"
LISTENED = 2.0
"""Seconds of sound that are listened to."""
PATIENCE = 8.0
"""Seconds until they must have come."""
SOUND_NODES = Path("/dev/snd")
FLOOR = -90.0
"""dB below full scale; below it there is only digital silence."""
LOUD = 0.01
"""Share of clipped samples from which on voices are distorted."""
BAR = 20
NO_SOUND = "see `emoedge devices`; is another program using it?"
NO_FILE = "name another in microphone.source; `emoedge replay` tells whether one can be read"
"""What to do about a device or a file that brings nothing."""


def check(config: Config, live: Live) -> list[Finding]:
    """Listen, or look at what the running daemon says of the microphone."""
    source = config.microphone.source
    if is_none(source):
        return [passed(STAGE, "none configured")]
    status = live.sensor("mic")
    if status == "online":
        return [passed(STAGE, f"{source}: in use by the service")]
    if live.paused:
        return [passed(STAGE, f"{source}: closed, the service is paused")]
    if status is not None and status != "disabled":
        return [failed(STAGE, f"{source}: {live.problem('mic') or status}", "see `emoedge devices`")]
    rights = [] if is_sound_file(source) else _rights()
    return rights or _listen(config)


def _rights() -> list[Finding]:
    nodes = list(SOUND_NODES.glob("pcm*c")) if SOUND_NODES.is_dir() else []
    if nodes and not any(os.access(node, os.R_OK | os.W_OK) for node in nodes):
        remedy = "`sudo usermod -aG audio $USER`, then log in again"
        return [failed(STAGE, "no permission for the sound devices", remedy)]
    return []


def _listen(config: Config) -> list[Finding]:
    from emoedge.sources.factory import open_microphone  # noqa: PLC0415 - needs PortAudio

    microphone = open_microphone(config, once=False)
    assert microphone is not None
    microphone.start()
    try:
        blocks = _blocks(microphone)
        problem = microphone.problem
    finally:
        microphone.stop()
    source = config.microphone.source
    samples = np.concatenate([block.samples for block in blocks]) if blocks else np.zeros(0, np.float32)
    if not len(samples):
        remedy = NO_FILE if is_sound_file(source) else NO_SOUND
        return [failed(STAGE, blamed(source, problem or "no sound came"), remedy)]
    return [_level(source, samples, max(block.clipped for block in blocks))]


def _blocks(microphone: AudioSource) -> Sequence[AudioBlock]:
    blocks: list[AudioBlock] = []
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and sum(len(b.samples) for b in blocks) < LISTENED * SAMPLE_RATE:
        blocks += microphone.take()
        lost = microphone.status is SensorStatus.RECONNECTING and microphone.problem not in (None, "opening")
        if lost and not blocks:
            break
        time.sleep(0.05)
    return blocks


def decibels(value: float) -> float:
    """Level relative to full scale, not below FLOOR."""
    return max(FLOOR, 20 * float(np.log10(max(value, 1e-9))))


def meter(level: float) -> str:
    """A level in dB below full scale as a bar."""
    filled = round(BAR * (1 - level / FLOOR))
    return "#" * filled + "." * (BAR - filled)


def _level(source: str, samples: np.ndarray[tuple[int], np.dtype[np.float32]], clipped: float) -> Finding:
    rms = decibels(float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))))
    peak = decibels(float(np.abs(samples).max()))
    said = f"{source}: [{meter(rms)}] {rms:.0f} dB, peak {peak:.0f} dB"
    if peak <= FLOOR:
        return warned(STAGE, f"{said}: silent", "is it muted? `alsamixer`, F4, raise the capture level")
    if clipped > LOUD:
        return warned(STAGE, f"{said}: clipped", "lower the capture level: `alsamixer`, F4")
    return passed(STAGE, said)
