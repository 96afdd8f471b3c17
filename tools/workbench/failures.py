"""What a careless camera, detector, microphone or room makes of the bundled clip's calm face and plain sentence."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

import emoedge
from emoedge.config import default_config
from emoedge.messages import SAMPLE_RATE, Box
from emoedge.sources.replay import film, sound
from emoedge.vision.crop import square
from emoedge.vision.haar import HaarDetector, framed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from emoedge.judging.judgement import Opinion

    Gray = NDArray[np.uint8]
    Sound = NDArray[np.float32]

ASSETS = Path(emoedge.__file__).parent / "assets"
RATE = SAMPLE_RATE
CALM_AT = 4.5
"""Seconds into the clip: the person looks into the camera, mouth closed."""
SPOKEN = 5.0, 8.1
"""Seconds between which the sentence is said."""
SEED = 0


def calm() -> tuple[Gray, Box]:
    """A picture of the clip with the calm face, and the face's box as the daemon's detector frames it."""
    config = default_config()
    frame = next(frame for frame in film(str(ASSETS / "demo.mp4"), config.camera) if frame.at >= CALM_AT)
    gray = frame.image if frame.image.ndim == 2 else cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
    picture = np.asarray(gray, dtype=np.uint8)
    found = HaarDetector().detect(picture, minimum=60)
    return picture, framed(max(found, key=lambda box: box.area))


def faces(shown: tuple[Gray, Box]) -> Iterator[tuple[str, Gray]]:
    """Crops of it: as it is, and as it should not be handed over."""
    picture, box = shown
    plain = square(picture, box)
    yield "as it is", plain
    yield "box too low", square(picture, _moved(box, down=0.15))
    yield "box too large", square(picture, box, margin=0.25)
    yield "out of focus", np.asarray(cv2.GaussianBlur(plain, (0, 0), len(plain) / 48), dtype=np.uint8)
    yield "24 pixels", _resized(_resized(plain, 24), len(plain))
    yield "mouth covered", _covered(plain)
    yield "half turned away", _narrowed(plain, 0.6)
    yield "on its side", np.ascontiguousarray(np.rot90(plain))


def sentence() -> Sound:
    """Samples of the clip's sentence, said without emotion."""
    blocks = sound(str(ASSETS / "demo.wav"), default_config().microphone)
    samples = np.concatenate([block.samples for block in blocks])
    begin, end = (round(at * RATE) for at in SPOKEN)
    return np.asarray(samples[begin:end], dtype=np.float32)


def voices(plain: Sound) -> Iterator[tuple[str, Sound]]:
    """The sentence as it is, and as another microphone, room or voice would bring it."""
    generator = np.random.default_rng(SEED)
    power = float(np.square(plain).mean())
    yield "as it is", plain
    yield "through a telephone", _band(plain, 300, 3400)
    tail = np.arange(RATE // 2) / RATE
    echo = np.append(1.0, generator.normal(0, 0.06, len(tail)) * np.exp(-tail / 0.16))
    yield "in an echoing room", np.convolve(plain, echo)[: len(plain)].astype(np.float32)
    grain = generator.normal(0, math.sqrt(power / 10), len(plain))
    yield "in white noise at 10 dB", (plain + grain).astype(np.float32)
    yield "slower and lower by a fifth", _speed(plain, 0.83)
    yield "clipped", np.clip(12 * plain, -0.9, 0.9).astype(np.float32)


def said(opinion: Opinion) -> str:
    """What the model says of it, in short."""
    if opinion.scores is None:
        return f"not judged ({opinion.reason})"
    named = "" if opinion.reason is None else ", not named"
    return f"{opinion.scores.label} {opinion.confidence:.2f}{named}"


def page(rows: Sequence[tuple[str, Opinion]]) -> str:
    """The answers as a Markdown table."""
    lines = ["| shown | said |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {said(opinion)} |" for name, opinion in rows)])


def _moved(box: Box, *, down: float) -> Box:
    return Box(box.x, box.y + down * box.height, box.width, box.height)


def _resized(face: Gray, side: int) -> Gray:
    how = cv2.INTER_AREA if side < len(face) else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(face, (side, side), interpolation=how), dtype=np.uint8)


def _covered(face: Gray) -> Gray:
    """A pale scarf over the mouth."""
    side = len(face)
    covered = face.copy()
    covered[round(0.63 * side) : round(0.92 * side), round(0.18 * side) : round(0.82 * side)] = 210
    return covered


def _narrowed(face: Gray, share: float) -> Gray:
    middle = len(face) / 2
    narrow = np.array([[share, 0, middle * (1 - share)], [0, 1, 0]])
    shape = (len(face), len(face))
    return np.asarray(cv2.warpAffine(face, narrow, shape, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)


def _band(samples: Sound, low: float, high: float) -> Sound:
    """Nothing below `low` and above `high` Hz."""
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum = np.fft.rfft(samples) * ((hertz >= low) & (hertz <= high))
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def _speed(samples: Sound, speed: float) -> Sound:
    length = round(len(samples) / speed)
    return np.interp(np.linspace(0, len(samples) - 1, length), np.arange(len(samples)), samples).astype(np.float32)
