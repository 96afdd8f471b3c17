"""What the voice gate learns from and is measured on: speech and noise apart by speaker and by recording."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from emoedge.audio.frames import FrameAnalysis
from emoedge.audio.voice_net import PARAMETERS
from workbench.data.noise import decode_noises
from workbench.data.speech import decode, held_out, read_folder
from workbench.voice_sounds import SOUNDS, make

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from workbench.data.speech import Clip

    Samples = NDArray[np.float32]

TESS_HELD_OUT = "YAF"
"""The gate needs one of TESS's two speakers only; the other one measures it."""

VOICED_DB, SILENT_DB = 30.0, 45.0
"""A frame of a clean clip is speech down to this below the clip's loudest, silence from that on."""

MORE = {"music": 300, "clicks": 120}
"""Sounds that a gate trained on equal numbers let through."""

GAP = 10
"""Frames (0.2 s) of silence between speech that count as speech: a gate must not flutter in words."""


def for_measuring(clip: Clip) -> bool:
    """Whether the gate is measured on this clip's speaker, and so never trained on it."""
    return held_out(clip) or (clip.dataset == "tess" and clip.speaker == TESS_HELD_OUT)


def noise_for_measuring(file: str) -> bool:
    """Whether a noise is held out: three in ten, by a hash of the recording, all its pieces together."""
    match = re.search(r"__\d+-(\d+)-", file)
    recording = match.group(1) if match else file
    return hashlib.sha256(recording.encode()).digest()[0] % 10 < 3


def speech(root: Path, *, measuring: bool, limit: int, seed: int = 0) -> Iterator[tuple[Clip, Samples]]:
    """Clips of one side of the split, at most `limit` of each data set, drawn by `seed`, sorted by speaker."""
    clips = [clip for clip in read_folder(root).clips if for_measuring(clip) == measuring]
    rng = np.random.default_rng(seed)
    chosen: list[Clip] = []
    for dataset in sorted({clip.dataset for clip in clips}):
        rows = sorted((clip for clip in clips if clip.dataset == dataset), key=lambda clip: clip.digest)
        picked = rng.permutation(len(rows))[:limit]
        chosen += sorted((rows[i] for i in picked), key=lambda clip: (clip.speaker, clip.digest))
    yield from decode(root, chosen)


def noises(root: Path, *, measuring: bool) -> Iterator[tuple[str, Samples]]:
    """Recorded noises of one side of the split, as (category, samples)."""
    for noise, samples in decode_noises(root):
        if noise_for_measuring(noise.file) == measuring:
            yield noise.category, samples


def made_sounds(
    each: int, seconds: float, seed: int, more: Mapping[str, int] | None = None
) -> Iterator[tuple[str, Samples]]:
    """Made-up sounds, `each` of every kind, or as many as `more` says of it, as (kind, samples)."""
    rng = np.random.default_rng(seed)
    for kind in SOUNDS:
        for _ in range((more or {}).get(kind, each)):
            yield kind, make(rng, kind, seconds)


def mel_power(samples: Samples) -> NDArray[np.float32]:
    """The voice net's frames of a whole clip, (n, 40)."""
    return FrameAnalysis("log_mel", PARAMETERS).values(samples)


def speech_frames(power: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of a clean clip's mel power (n, 40): which frames are speech, and which are certain (n,)."""
    loudness = power.mean(axis=1, dtype=np.float64)
    top = loudness.max(initial=0.0)
    voiced = loudness > max(top * 10 ** (-VOICED_DB / 10), 1e-12)
    silent = loudness < max(top * 10 ** (-SILENT_DB / 10), 1e-12)
    indices = np.flatnonzero(voiced)
    filled = voiced.copy()
    for left, right in pairwise(indices):
        if right - left <= GAP:
            filled[left:right] = True
    return filled, filled | silent


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Mel power of everything that one training run mixes."""

    speech: list[NDArray[np.float32]]
    labels: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]
    noises: list[NDArray[np.float32]]
    made: list[NDArray[np.float32]]

    @classmethod
    def gather(cls, root: Path, *, measuring: bool = False, limit: int = 700, seed: int = 0) -> Material:
        """Decode and analyse one side of the split: about a minute for `limit` 700."""
        clips = [mel_power(samples) for _, samples in speech(root, measuring=measuring, limit=limit, seed=seed)]
        return cls(
            clips,
            [speech_frames(power) for power in clips],
            [mel_power(samples) for _, samples in noises(root, measuring=measuring)],
            [mel_power(samples) for _, samples in made_sounds(60, 6.0, seed + 1000 * measuring, MORE)],
        )
