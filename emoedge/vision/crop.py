"""From a face in a picture to the input of a face model: the same steps in training and in the daemon."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np

from emoedge.errors import ModelError
from emoedge.inference.spec import FACE_FRONT_ENDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from emoedge.inference.spec import FrontEndSpec
    from emoedge.messages import Box

DEFAULTS: Mapping[str, object] = {
    "size": 48, "input": None, "crop": None, "margin": 0.0,
    "scale": 1 / 255, "offset": 0.0, "mean": 0.0, "std": 1.0,
}  # fmt: skip
"""Parameters of `face_gray` and `face_rgb`, and what each is where the model's file does not name it."""

LARGEST = 2048
"""Pixels: no face model takes more, and a typing error must not ask for gigabytes."""


class FaceFrontEnd:
    """What a face model wants to see, made from any picture.

    Parameters of the spec:

    - `size` (px, default 48): side of the model's square input.
    - `input` (px, default `size`): side to which the face is resized first, bilinear.
    - `crop` (px, default none): side of the centre that is cut out of it then. `size` must equal `crop`
      where that is given, else `input`.
    - `margin` (default 0): share of the face box's longer side that is added on each of the four sides
      before the square is cut; negative cuts closer. 0 frames a face the way FER2013's are framed, see
      `haar.framed`.
    - `scale`, `offset` (default 1/255 and 0): x * scale + offset on gray levels 0..255.
    - `mean`, `std` (default 0 and 1; a number, or one a channel): (x - mean) / std after that.

    `face_gray` has one channel, `face_rgb` three in the order red, green, blue. Pictures come as OpenCV has
    them: gray, BGR or BGRA, uint8.

    Raises ModelError where the spec names another front end, an unknown parameter, or a value that does
    not fit.
    """

    def __init__(self, spec: FrontEndSpec) -> None:
        if spec.name not in FACE_FRONT_ENDS:
            known = ", ".join(FACE_FRONT_ENDS)
            raise ModelError(f"front end {spec.name!r} is not one of a face model: {known}")
        unknown = sorted(set(spec.parameters) - set(DEFAULTS))
        if unknown:
            known = ", ".join(DEFAULTS)
            raise ModelError(f"{spec.name}: unknown parameter {', '.join(unknown)}; known are {known}")
        self.name = spec.name
        self.channels = 1 if spec.name == "face_gray" else 3
        given = {**DEFAULTS, **spec.parameters}
        self._size = self._side("size", given["size"])
        self._input = self._size if given["input"] is None else self._side("input", given["input"])
        self._crop = None if given["crop"] in (None, "none") else self._side("crop", given["crop"])
        self._check_sides()
        self._margin = self._number("margin", given["margin"])
        if not -0.5 < self._margin <= 4:
            raise ModelError(f"{self.name}: margin is {self._margin:g}, expected above -0.5, at most 4")
        scale, offset = self._number("scale", given["scale"]), self._number("offset", given["offset"])
        mean, std = self._per_channel("mean", given["mean"]), self._per_channel("std", given["std"])
        if not std.all():
            raise ModelError(f"{self.name}: std holds a zero, expected numbers other than 0")
        self.parameters: Mapping[str, object] = {
            "size": self._size, "input": self._input, "crop": self._crop, "margin": self._margin,
            "scale": scale, "offset": offset, "mean": _plain(mean), "std": _plain(std),
        }  # fmt: skip
        """Every parameter with its value, as the model's file should hold them."""
        levels = np.arange(256, dtype=np.float64)[:, None] * scale + offset
        # A pixel is a byte: the whole normalisation is one look-up.
        self._table = np.ascontiguousarray(((levels - mean) / std).astype(np.float32)[None])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of what `prepare` and `features` return."""
        return self._size, self._size, self.channels

    @property
    def span(self) -> tuple[float, float]:
        """Least and greatest value that `prepare` and `features` can return, over all channels."""
        return float(self._table.min()), float(self._table.max())

    def prepare(self, face: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Model input, float32 of `shape`, from a face already cut out: uint8, H x W, H x W x 1, 3 or 4.

        The face should be square: it is resized without keeping its aspect. Raises ValueError for another
        dtype or shape, or an empty picture.
        """
        pixels = self._channels_of(face)
        if pixels.shape[0] != self._input or pixels.shape[1] != self._input:
            pixels = cv2.resize(pixels, (self._input, self._input), interpolation=cv2.INTER_LINEAR)
        if self._crop is not None:
            start = (self._input - self._crop) // 2
            pixels = pixels[start : start + self._crop, start : start + self._crop]
        levels: NDArray[np.float32] = cv2.LUT(pixels, self._table)
        return levels.reshape(self.shape)

    def features(self, image: NDArray[np.uint8], box: Box) -> NDArray[np.float32]:
        """Model input, float32 of `shape`, of the face at `box` (pixels) in `image`.

        What the square with its margin covers beyond the picture repeats the picture's border. Raises
        ValueError as `prepare` does.
        """
        return self.prepare(square(image, box, self._margin))

    def _channels_of(self, face: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if face.dtype != np.uint8 or face.ndim not in (2, 3) or 0 in face.shape:
            raise ValueError(f"expected uint8 of H x W (x 1, 3 or 4), got {face.dtype} of {face.shape}")
        count = 1 if face.ndim == 2 else face.shape[2]
        if count not in (1, 3, 4):
            raise ValueError(f"expected 1, 3 or 4 channels, got {count}")
        if count == 1:
            gray = face if face.ndim == 2 else face[:, :, 0]
            if self.channels == 1:
                return gray
            code, face = cv2.COLOR_GRAY2RGB, gray
        elif self.channels == 1:
            code = cv2.COLOR_BGR2GRAY if count == 3 else cv2.COLOR_BGRA2GRAY
        else:
            code = cv2.COLOR_BGR2RGB if count == 3 else cv2.COLOR_BGRA2RGB
        converted: NDArray[np.uint8] = cv2.cvtColor(face, code)
        return converted

    def _check_sides(self) -> None:
        if self._crop is None:
            if self._size != self._input:
                raise ModelError(
                    f"{self.name}: input={self._input} and size={self._size} disagree; "
                    f"add crop={self._size} or leave one of them out"
                )
        elif self._crop != self._size:
            raise ModelError(f"{self.name}: crop={self._crop} needs size={self._crop}, not {self._size}")
        elif self._crop > self._input:
            raise ModelError(f"{self.name}: crop={self._crop} exceeds input={self._input}, which it cuts")

    def _side(self, key: str, value: object) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
            raise ModelError(f"{self.name}: {key} is {value!r}, expected whole pixels, 1..{LARGEST}")
        return value

    def _number(self, key: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= sys.float_info.max:
            raise ModelError(f"{self.name}: {key} is {value!r:.40}, expected a finite number")
        return float(value)

    def _per_channel(self, key: str, value: object) -> NDArray[np.float64]:
        values = list(value) if isinstance(value, (list, tuple)) else [value] * self.channels
        if len(values) != self.channels:
            raise ModelError(
                f"{self.name}: {key} has {len(values)} values, expected one number or one a channel: "
                f"{self.channels}"
            )
        return np.array([self._number(key, each) for each in values])


def square(image: NDArray[np.uint8], box: Box, margin: float = 0.0) -> NDArray[np.uint8]:
    """Square around `box`, its side the box's longer one times 1 + 2 * margin, rounded to whole pixels.

    `image`: H x W or H x W x C. Where the square lies within the picture the result is a view of it; what
    lies beyond repeats the border.
    """
    height, width = image.shape[:2]
    # A square more than thrice the picture shows nothing but border.
    side = max(1, min(round(max(box.width, box.height) * (1 + 2 * margin)), 3 * max(height, width)))
    cx, cy = box.centre
    x = round(min(max(cx - side / 2, -side), width))
    y = round(min(max(cy - side / 2, -side), height))
    left, top = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
    right, bottom = max(min(x + side, width), left + 1), max(min(y + side, height), top + 1)
    inside = image[top:bottom, left:right]
    before_x, before_y = max(-x, 0), max(-y, 0)
    if inside.shape[0] == side and inside.shape[1] == side:
        return inside
    padded: NDArray[np.uint8] = cv2.copyMakeBorder(
        inside,
        before_y, max(side - before_y - inside.shape[0], 0),
        before_x, max(side - before_x - inside.shape[1], 0),
        cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return padded[:side, :side]


def _plain(values: NDArray[np.float64]) -> float | list[float]:
    """One number where all channels share it, else a list, as JSON takes them."""
    return float(values[0]) if (values == values[0]).all() else [float(v) for v in values]
