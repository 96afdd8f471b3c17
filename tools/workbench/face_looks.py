"""Training faces as the daemon's eye cuts them out of a film: a camera's light, blur and noise, a detector's square."""

from __future__ import annotations

import hashlib
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

import cv2
import numpy as np

from emoedge.config.vision import VisionConfig
from emoedge.messages import Frame
from emoedge.vision.crop import square
from emoedge.vision.eye import Vision
from emoedge.vision.haar import HaarDetector
from workbench import scenes, training
from workbench.scene_evaluation import SAME

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray

BLOCK = 500
"""Films between two writes."""
FRAMES = 3
"""Pictures of a film: one to find the face, one to confirm it, one to look."""
SIZES = 48.0, 240.0
"""Pixels, sides of the faces in 640 x 480; small ones are as frequent as large ones by ratio."""


def look(image: NDArray[np.uint8], generator: Generator) -> NDArray[np.uint8] | None:
    """One film of a face (uint8, H x H gray), and the square that the vision pipeline would judge at its end.

    Returns it at the face's own side, H x H; None where the face was not found, or refused as too poor.
    """
    config = VisionConfig()
    vision = Vision(config, HaarDetector())
    film = scenes.frames(
        scenes.head(image, generator), size=float(np.exp(generator.uniform(*np.log(SIZES)))), count=FRAMES,
        rate=config.rate, camera=scenes.some_camera(generator), generator=generator,
    )  # fmt: skip
    seen = None
    for index, (at, picture, face) in enumerate(film):
        told = [each for each in vision.look(Frame(picture, at, index)).faces if each.box.overlap(face) > SAME]
        if told and told[0].quality.reason is None:
            seen = square(picture, told[0].box)
    if seen is None:
        return None
    return np.asarray(cv2.resize(seen, image.shape[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def looks(
    images: NDArray[np.uint8], directory: Path, *, seed: int, threads: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A look at each of N faces (uint8, N x H x H), and which were seen (N).

    What is not seen stays as it is. Blocks are kept in `directory`: what is on disk is not made anew.
    """
    made = _Blocks(images, directory, seed)
    missing = [number for number in range(made.count) if not made.path(number).exists()]
    began = time.monotonic()
    directory.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(max(threads, 1), mp_context=get_context("spawn")) as pool:
        for done, _ in enumerate(pool.map(_make, [made.job(number) for number in missing]), start=1):
            left = (time.monotonic() - began) / done * (len(missing) - done)
            print(f"looks: block {done}/{len(missing)}, {left:.0f} s left", file=sys.stderr, flush=True)
    parts = [np.load(made.path(number)) for number in range(made.count)]
    return np.concatenate([part["pictures"] for part in parts]), np.concatenate([part["seen"] for part in parts])


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    images: NDArray[np.uint8]
    path: Path
    seed: tuple[int, int]


class _Blocks:
    def __init__(self, images: NDArray[np.uint8], directory: Path, seed: int) -> None:
        self._images, self._directory, self._seed = images, directory, seed
        self.count = -(-len(images) // BLOCK)
        said = f"{hashlib.sha256(images.tobytes()).hexdigest()} {FRAMES} {SIZES} {VisionConfig()}"
        self._key = hashlib.sha256(said.encode()).hexdigest()[:16]

    def path(self, number: int) -> Path:
        return self._directory / f"looks-{self._key}-{self._seed}-{number:03d}.npz"

    def job(self, number: int) -> _Job:
        rows = slice(number * BLOCK, (number + 1) * BLOCK)
        return _Job(self._images[rows], self.path(number), (self._seed, number))


def _make(job: _Job) -> None:
    cv2.setNumThreads(1)
    generator = np.random.default_rng(job.seed)
    pictures, seen = job.images.copy(), np.zeros(len(job.images), dtype=np.bool_)
    for row, image in enumerate(job.images):
        found = look(image, generator)
        if found is not None:
            pictures[row], seen[row] = found, True
    training.write_arrays(job.path, {"pictures": pictures, "seen": seen})
