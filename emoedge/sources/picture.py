"""Pictures as the rest of the house wants them: BGR of 8 bits, turned, mirrored, cut to the region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emoedge.config.camera import CameraConfig

    TimedPicture = tuple[NDArray[Any], float]
    """A picture as it came, and its time in seconds."""

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}

NOTHING: NDArray[np.uint8] = np.zeros((0, 0, 3), dtype=np.uint8)
"""Stands for a picture that could not be decoded."""

SMALLEST = 16
"""Pixels of the shorter side; nothing can be seen in less."""

DARK, LIT = 40, 0.01
"""Gray levels, and the share of brighter ones from which a picture is not dark: a lamp, but not a few hot pixels."""


def to_bgr(image: NDArray[Any] | None) -> NDArray[np.uint8] | None:
    """Height x width x 3 of 8 bits from gray, alpha or 16-bit pictures; None where there is no picture in it.

    16 bits keep their upper 8; floating point is taken as 0..1.
    """
    if image is None or image.ndim not in {2, 3} or min(image.shape[:2]) < SMALLEST:
        return None
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    elif image.dtype in {np.dtype(np.float32), np.dtype(np.float64)}:
        image = np.rint(np.clip(np.nan_to_num(image), 0, 1) * 255).astype(np.uint8)
    elif image.dtype != np.uint8:
        return None
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels == 1:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    if channels == 4:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGRA2BGR), dtype=np.uint8)
    return image if channels == 3 else None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What `camera.rotate`, `camera.mirror`, `camera.exclude` and `camera.region` ask for, in this order."""

    rotate: int = 0
    """Degrees clockwise: 0, 90, 180 or 270."""
    mirror: bool = False
    region: tuple[int, int, int, int] | None = None
    """x, y, width, height in pixels of the turned picture."""
    exclude: tuple[NDArray[np.int32], ...] = ()
    """Polygons, each points x 2, in pixels of the turned picture."""

    @classmethod
    def of(cls, config: CameraConfig) -> Adjustment:
        """As the configuration says."""
        region = None
        if config.region is not None:
            x, y, width, height = (int(n) for n in config.region.split(","))
            region = (x, y, width, height)
        exclude = tuple(
            outline(np.array([[int(n) for n in point.split(",")] for point in polygon.split(" ")], dtype=np.int32))
            for polygon in config.exclude
        )
        return cls(config.rotate, config.mirror, region, exclude)

    def misfit(self, image: NDArray[np.uint8]) -> str | None:
        """Why nothing of a picture as it came may be seen; None where it fits."""
        height, width = image.shape[:2] if self.rotate in {0, 180} else image.shape[1::-1]
        for polygon in self.exclude:
            if (polygon.min(axis=0) >= (width, height)).any():
                # The face that it is to hide is elsewhere in such a picture.
                points = " ".join(f"{x},{y}" for x, y in polygon)
                return f"the zone {points} of camera.exclude lies beside its pictures of {width} x {height}"
        if self.region is not None:
            x, y, wide, high = self.region
            if min(min(x + wide, width) - x, min(y + high, height) - y) < SMALLEST:
                return f"camera.region {x},{y},{wide},{high} leaves nothing of its pictures of {width} x {height}"
        return None

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """Adjusted picture, contiguous; None where it is a misfit."""
        if self.misfit(image) is not None:
            return None
        if self.rotate:
            image = np.asarray(cv2.rotate(image, _TURNS[self.rotate]), dtype=np.uint8)
        if self.mirror:
            image = np.asarray(cv2.flip(image, 1), dtype=np.uint8)
        if self.exclude:
            # A copy: the picture as it came still tells a frozen camera from a living one.
            image = image.copy()
            for polygon in self.exclude:  # together, what two of them cover would be left as it is
                cv2.fillPoly(image, [polygon], (0, 0, 0))
        if self.region is not None:
            x, y, width, height = self.region
            image = np.ascontiguousarray(image[y : y + height, x : x + width])
        return image


def outline(polygon: NDArray[np.int32]) -> NDArray[np.int32]:
    """Polygon, points x 2, itself; its convex hull where its sides cross, as they leave holes in it."""
    ends = np.roll(polygon, -1, axis=0)
    sides = list(zip(polygon.tolist(), ends.tolist(), strict=True))
    crossed = any(_cross(*one, *other) for at, one in enumerate(sides) for other in sides[:at])
    return np.asarray(cv2.convexHull(polygon), dtype=np.int32).reshape(-1, 2) if crossed else polygon


def _cross(a: list[int], b: list[int], c: list[int], d: list[int]) -> bool:
    """Whether the line from a to b and that from c to d cross between their ends."""
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _turn(a: list[int], b: list[int], c: list[int]) -> int:
    """Above 0 where the way from a over b to c turns to one side, below 0 to the other, 0 straight on."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def same(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two pictures are equal to the bit; a sample of pixels settles it for a living camera."""
    if one.shape != other.shape or not np.array_equal(one[::16, ::16], other[::16, ::16]):
        return False
    return np.array_equal(one, other)


def dark(image: NDArray[np.uint8]) -> bool:
    """Whether a picture (height x width x 3) shows no more than a covered lens does."""
    return float((image[::4, ::4] >= DARK).mean()) < LIT
