"""What the daemon is measured at when it hears: a phrase without its pauses, a quiet room, and the ears alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emoedge.config import default_config
from emoedge.config.microphone import MicrophoneConfig
from emoedge.messages import SAMPLE_RATE, AudioBlock
from emoedge.pipeline import build_pipeline, load_models
from emoedge.sources.replay import sound
from emoedge.threads import bound_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from emoedge.pipeline import Pipeline

BLOCK = 320
"""Samples of one audio block, 20 ms."""

LENGTH = 20 * SAMPLE_RATE
"""Samples of either sound."""


def voice() -> NDArray[np.float32]:
    """The bundled phrase, again and again until 20 s are full, without the clip's pauses; (n,)."""
    path = Path(__file__).resolve().parents[3] / "emoedge/assets/demo.wav"
    samples = np.concatenate([block.samples for block in sound(str(path), MicrophoneConfig())])
    loud = np.flatnonzero(np.abs(samples) > 0.05 * np.abs(samples).max())
    phrase = samples[loud[0] : loud[-1]]
    return np.tile(phrase, 1 + LENGTH // len(phrase))[:LENGTH].astype(np.float32)


def hush() -> NDArray[np.float32]:
    """20 s of a quiet room: noise at -60 dBFS; (n,)."""
    return np.random.default_rng(0).normal(0, 1e-3, LENGTH).astype(np.float32)


def sound_of(kind: str) -> NDArray[np.float32]:
    """`voice` where that is asked for, else `hush`."""
    return voice() if kind == "voice" else hush()


def hearing() -> Pipeline:
    """The pipeline with ears alone."""
    config = default_config("demo")
    bound_threads(config.models.threads)
    return build_pipeline(config, load_models(config, camera=False), camera=False)


def blocks(samples: NDArray[np.float32]) -> Iterator[AudioBlock]:
    """Samples as a microphone gives them, in blocks of 20 ms."""
    for start in range(0, len(samples), BLOCK):
        part = samples[start : start + BLOCK]
        yield AudioBlock(part, (start + len(part)) / SAMPLE_RATE)
