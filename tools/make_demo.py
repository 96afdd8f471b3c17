"""Makes the bundled demo clip: a portrait walks into a room, changes its expression, speaks and leaves.

Run from the repository root, with scikit-image installed and `ffmpeg` on the path:

    python tools/make_demo.py --speech arctic_a0007.wav --output emoedge/assets

The portrait is scikit-image's `astronaut` (NASA, public domain); the speech is any 16 kHz mono 16 bit WAV
file, for the bundled clip that of the `pysptk` source package. Same inputs, same ffmpeg: same bytes.
"""

from __future__ import annotations

import argparse
import subprocess
import wave
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Plane = NDArray[np.float32]

WIDTH, HEIGHT, FPS = 640, 480, 15
SECONDS = 15.0
RATE = 16_000
ZOOM = 3
"""Working pixels per portrait pixel: expressions are drawn enlarged, so that edges stay smooth."""
CROP = (400, 318)
"""Width and height of the part of the portrait that is used, portrait pixels from its top left corner."""
SIZE = 1.45
"""Picture pixels per portrait pixel when the person has come close."""

OUTLINE = (
    (196, 24), (210, 19), (228, 16), (245, 17), (262, 22), (278, 32), (288, 44), (296, 60), (300, 75), (301, 88),
    (297, 105), (288, 120), (280, 129), (274, 135), (267, 136), (263, 150), (257, 166), (255, 174), (267, 181),
    (282, 193), (294, 211), (302, 230), (305, 240), (316, 242), (330, 253), (341, 267), (348, 283), (353, 300),
    (356, 318), (36, 318), (41, 298), (48, 280), (61, 258), (76, 239), (95, 223), (112, 208), (114, 203), (114, 187),
    (122, 185), (126, 171), (138, 158), (155, 151), (172, 149), (184, 150), (183, 140), (181, 130), (174, 130),
    (170, 119), (160, 110), (155, 100), (153, 85), (153, 72), (158, 60), (168, 47), (180, 38), (189, 31),
)  # fmt: skip
"""The person in the portrait, portrait pixels."""

MOUTH = (224.5, 140.0, 21.0)
"""Centre x, height of the corners and half width of the smiling mouth, portrait pixels."""
UPPER, LOWER = 3.0, 9.5
"""How far the lips' inner edges hang below the corners at the centre of the smile, portrait pixels."""
EYES = ((203.0, 101.5), (247.0, 103.5))
BROWS = ((199.0, 89.5), (249.0, 92.5))
FOLDS = (
    (199, 136), (205, 129), (211, 123), (204, 143), (250, 138), (245, 132), (240, 125), (247, 144),
)  # fmt: skip
"""The furrows beside nose and mouth that only a smile makes."""


@dataclass(frozen=True, slots=True)
class Expression:
    """What the face does; all zero is a closed, level mouth."""

    smile: float = 0.0
    """1 is the portrait's own smile."""
    drop: float = 0.0
    """How far the jaw opens the mouth, portrait pixels."""
    brows: float = 0.0
    """How far the eyebrows rise, portrait pixels."""
    eyes: float = 0.0
    """How much taller the eyes are, as a share."""

    def towards(self, other: Expression, share: float) -> Expression:
        """Blend, eased at both ends; `share` 0..1."""
        eased = share * share * (3 - 2 * share)
        return Expression(*(
            (1 - eased) * getattr(self, f.name) + eased * getattr(other, f.name) for f in fields(self)
        ))  # fmt: skip


NEUTRAL = Expression(smile=-0.1)
HAPPY = Expression(smile=1.08, eyes=-0.06)
SURPRISED = Expression(smile=-0.05, drop=13.0, brows=4.5, eyes=0.45)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of the script; between two of them everything is blended."""

    at: float
    """Seconds."""
    x: float
    """Picture pixels from the place in the middle; beyond about 560 the person is out of the picture."""
    expression: Expression
    size: float = 1.0
    """Times SIZE."""


SCRIPT: tuple[Moment, ...] = (
    Moment(1.5, 580, NEUTRAL, 0.94),
    Moment(2.8, 0, NEUTRAL),
    Moment(5.2, 0, NEUTRAL),
    Moment(5.7, 0, HAPPY),
    Moment(8.6, 0, HAPPY),
    Moment(9.1, 0, SURPRISED),
    Moment(11.2, 0, SURPRISED),
    Moment(11.6, 0, NEUTRAL),
    Moment(12.8, -600, NEUTRAL, 0.96),
)
SPEECH_AT = 4.6
"""Seconds at which the speech file starts."""


def portrait() -> tuple[Image, Plane]:
    """Enlarged portrait, BGR, and how much of each pixel belongs to the person (0..1)."""
    from skimage import data

    picture = data.astronaut()[: CROP[1], : CROP[0], ::-1]
    size = (CROP[0] * ZOOM, CROP[1] * ZOOM)
    large = cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_CUBIC)
    mask = np.zeros(large.shape[:2], np.uint8)
    cv2.fillPoly(mask, [(np.array(OUTLINE, np.float32) * ZOOM).astype(np.int32)], 255, cv2.LINE_AA)
    # A pixel narrower than drawn, then softened: the studio's light background must not show as a rim.
    mask = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=2)
    return large, cv2.GaussianBlur(mask, (0, 0), 2.0).astype(np.float32) / 255


def bytes_of(values: Plane) -> Image:
    """Clip to 0..255 and cut to whole numbers."""
    picture: Image = np.clip(values, 0, 255).astype(np.uint8)
    return picture


def bump(x: Plane, y: Plane, centre: tuple[float, float], spread: tuple[float, float]) -> Plane:
    """Gaussian hill of height 1, `spread` its standard deviations."""
    hill: Plane = np.exp(-0.5 * (((x - centre[0]) / spread[0]) ** 2 + ((y - centre[1]) / spread[1]) ** 2))
    return hill


def express(large: Image, face: Expression) -> Image:
    """The enlarged portrait with another expression: where each pixel comes from, then one remap."""
    rows, columns = large.shape[:2]
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) / ZOOM
    centre, corner, half = MOUTH
    wide = half - 4.5 * (1 - face.smile) - 0.22 * face.drop
    near = bump(x, y, (centre, 146), (24, 13))
    source_x = x + (x - centre) * (half / wide - 1) * near

    # The two inner edges of the lips, as they are and as they shall be; above, between and below them the
    # picture is moved differently, which closes or opens the mouth without smearing teeth over lips.
    k = (source_x - centre) / half
    arch = np.clip(1 - k * k, 0, None)
    tilt = 0.03 * (x - centre)
    upper, lower = corner + tilt + UPPER * arch, corner + tilt + LOWER * arch
    level = corner + tilt + 6.0 * (1 - face.smile) + 0.10 * face.drop
    new_upper = level + (0.4 + (UPPER - 0.4) * face.smile - 0.25 * face.drop) * arch
    new_lower = np.maximum(level + (0.4 + (LOWER - 0.4) * face.smile + face.drop) * arch, new_upper)
    beside = np.exp(-0.5 * (np.clip(np.abs(k) - 1, 0, None) * half / 7) ** 2)
    above = (upper - new_upper) * np.exp(-0.5 * ((new_upper - y) / 9) ** 2)
    below = (lower - new_lower) * np.exp(-0.5 * ((y - new_lower) / (14 + 0.6 * face.drop)) ** 2)
    gap = np.maximum(new_lower - new_upper, 1e-3)
    between = upper - y + (y - new_upper) / gap * (lower - upper)
    shift = np.where(y < new_upper, above, np.where(y > new_lower, below, between))
    source_y = y + shift * beside

    for eye, brow in zip(EYES, BROWS, strict=True):
        source_y += face.brows * bump(x, y, (brow[0], brow[1] - face.brows), (18, 6))
        source_y -= (y - eye[1]) * (1 - 1 / (1 + face.eyes)) * bump(x, y, eye, (13, 5.5))
    moved = cv2.remap(
        large, (source_x * ZOOM).astype(np.float32), (source_y * ZOOM).astype(np.float32), cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return shade(moved, face, (x, y), (new_upper, new_lower, k))


def shade(
    moved: Image, face: Expression, grid: tuple[Plane, Plane], mouth: tuple[Plane, Plane, Plane]
) -> Image:
    """Smooth the folds that only a smile makes, darken an open mouth's inside and a closed one's line."""
    x, y = grid
    upper, lower, k = mouth
    picture = moved.astype(np.float32)
    smooth = cv2.GaussianBlur(picture, (0, 0), 7 * ZOOM)
    hills = np.sum([bump(x, y, place, (5, 6)) for place in FOLDS], axis=0)
    folds = (np.clip(hills, 0, 1) * np.clip(1 - face.smile, 0, 1)).astype(np.float32)[..., None]
    picture = picture * (1 - folds) + smooth * folds

    inside = np.clip((y - upper + 0.5) * 1.2, 0, 1) * np.clip((lower - y + 1.2) * 1.2, 0, 1) * (np.abs(k) < 1.02)
    dark = np.array((38, 28, 62), np.float32)
    hollow = (inside * np.clip(face.drop / 5, 0, 0.92)).astype(np.float32)[..., None]
    picture = picture * (1 - hollow) + dark * hollow
    closed = np.clip(1 - 1.5 * face.smile - face.drop / 4, 0, 1)
    line = np.exp(-0.5 * ((y - (upper + lower) / 2) / 0.8) ** 2) * np.clip(1.05 - np.abs(k), 0, 0.4) / 0.4
    line = (0.6 * closed * line).astype(np.float32)[..., None]
    picture = picture * (1 - line) + np.array((60, 50, 110), np.float32) * line
    return bytes_of(picture)


def room() -> Image:
    """An empty room: a wall in soft light, a window, a shelf, a skirting board."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    light = 0.82 + 0.22 * bump(x, y, (150.0, 170.0), (260.0, 220.0))
    picture[:] = np.array((176, 190, 196), np.float32)
    picture[430:] = (96, 120, 142)
    cv2.rectangle(picture, (0, 418), (WIDTH, 430), (205, 212, 216), -1)
    cv2.rectangle(picture, (48, 60), (188, 250), (225, 230, 232), -1)
    cv2.rectangle(picture, (58, 70), (178, 240), (232, 205, 168), -1)
    cv2.rectangle(picture, (58, 180), (178, 240), (120, 168, 128), -1)
    cv2.line(picture, (118, 70), (118, 240), (225, 230, 232), 6)
    cv2.rectangle(picture, (455, 190), (610, 200), (84, 112, 138), -1)
    for left, tall, colour in ((470, 58, (70, 70, 150)), (488, 50, (120, 100, 60)), (504, 62, (90, 130, 90)),
                               (540, 46, (60, 110, 160)), (556, 54, (110, 80, 110))):  # fmt: skip
        cv2.rectangle(picture, (left, 190 - tall), (left + 14, 190), colour, -1)
    return bytes_of(cv2.GaussianBlur(picture * light[..., None], (0, 0), 1.6))


def moment(at: float, script: Sequence[Moment] = SCRIPT) -> Moment | None:
    """Where the person is and what the face does at `at` seconds; None while the room is empty."""
    for before, after in pairwise(script):
        if before.at <= at < after.at:
            share = (at - before.at) / (after.at - before.at)
            eased = share * share * (3 - 2 * share)
            return Moment(
                at, before.x + (after.x - before.x) * eased,
                before.expression.towards(after.expression, share),
                before.size + (after.size - before.size) * share,
            )  # fmt: skip
    return None


def place(picture: Image, mask: Plane, now: Moment, background: Image) -> Image:
    """Put the person into the room, swaying a little, as living people do."""
    sway = 5.0 * np.sin(2.1 * now.at) + 0.02 * now.x * np.sin(9.0 * now.at)
    scale = SIZE * now.size / ZOOM
    turn = np.deg2rad(1.2 * np.sin(1.3 * now.at))
    middle = np.array((224.0, 140.0)) * ZOOM
    target = np.array((WIDTH / 2 + now.x + sway, 250.0 + 2.5 * np.sin(2.9 * now.at)))
    rotation = scale * np.array(((np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))))
    matrix = np.hstack((rotation, (target - rotation @ middle)[:, None]))
    person = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_AREA)
    alpha = cv2.warpAffine(mask, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)[..., None]
    return bytes_of(person * alpha + background * (1 - alpha))


def frames() -> Iterator[Image]:
    """All pictures of the clip, HEIGHT x WIDTH x 3, BGR."""
    large, mask = portrait()
    background = room()
    grain = np.random.default_rng(7)
    for index in range(int(SECONDS * FPS)):
        now = moment(index / FPS)
        picture = background if now is None else place(express(large, now.expression), mask, now, background)
        noise = cv2.resize(grain.normal(0, 1.0, (HEIGHT // 2, WIDTH // 2)).astype(np.float32), (WIDTH, HEIGHT))
        yield bytes_of(picture + noise[..., None])


def write_video(path: Path) -> None:
    """Encode with ffmpeg: H.264 baseline, which every OpenCV build decodes, without frame reordering."""
    command = [
        "ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{WIDTH}x{HEIGHT}",
        "-r", str(FPS), "-i", "-", "-c:v", "libx264", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-crf", "25",
        "-preset", "slow", "-g", "45", "-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact",
        "-map_metadata", "-1", "-movflags", "+faststart", str(path),
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        for picture in frames():
            encoder.stdin.write(picture.tobytes())
        encoder.stdin.close()
        if encoder.wait() != 0:
            raise SystemExit("ffmpeg could not encode the clip")


def write_sound(speech: Path, path: Path) -> None:
    """A quiet room with the speech in it, 16 kHz mono 16 bit, as long as the video."""
    with wave.open(str(speech)) as reader:
        if (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) != (RATE, 1, 2):
            raise SystemExit(f"{speech}: expected 16 kHz, mono, 16 bit")
        voice = np.frombuffer(reader.readframes(reader.getnframes()), np.int16).astype(np.float64)
    # Faded into the room's own noise, so that neither end of the recording clicks.
    ramp = np.clip(np.minimum(np.arange(len(voice)), np.arange(len(voice))[::-1]) / (0.05 * RATE), 0, 1)
    samples = np.random.default_rng(11).normal(0, 12.0, int(SECONDS * RATE))
    start = int(SPEECH_AT * RATE)
    samples[start : start + len(voice)] += (voice * ramp)[: len(samples) - start]
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes())


def main(arguments: Sequence[str] | None = None) -> None:
    """Write `demo.mp4` and `demo.wav`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--speech", type=Path, required=True, help="WAV file, 16 kHz mono 16 bit")
    parser.add_argument("--output", type=Path, default=Path("emoedge/assets"), help="folder to write into")
    chosen = parser.parse_args(arguments)
    chosen.output.mkdir(parents=True, exist_ok=True)
    write_sound(chosen.speech, chosen.output / "demo.wav")
    write_video(chosen.output / "demo.mp4")
    for name in ("demo.mp4", "demo.wav"):
        print(f"{chosen.output / name}: {(chosen.output / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
