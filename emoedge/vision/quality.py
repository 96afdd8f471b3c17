"""How good a face crop is, and whether it is good enough to be classified."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from emoedge.emotions import Reason
from emoedge.messages import FaceQuality
from emoedge.vision.crop import square
from emoedge.vision.likeness import likeness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emoedge.config.vision import VisionConfig
    from emoedge.messages import Box

SIDE = 48
"""Pixels: all faces are measured at one size, or sharpness would depend on it."""

CALM = 0.35
"""Sides a second: a face that moves faster is smeared and its box is late, so that a look at it counts less."""


def thumbnail(gray: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The face at `box`, SIDE x SIDE, gray."""
    face = square(gray, box)
    shrinks = face.shape[0] > SIDE
    small: NDArray[np.uint8] = cv2.resize(
        face, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return small


def quality(
    face: NDArray[np.uint8], size: float, config: VisionConfig, *, known: bool = False, speed: float = 0.0
) -> FaceQuality:
    """Quality of a `thumbnail` whose face is `size` pixels wide in the picture and moves at `speed` sides a second.

    Sharpness is the variance of the Laplacian (Pech-Pacheco et al., doi:10.1109/ICPR.2000.903548) over the
    variance of the crop, so that contrast does not pass for focus. Of 28,561 faces none reached 6.5, white noise
    has 20. `overall` is the product of four ramps: three 0 at the config's minimum and 1 at thrice that
    (brightness: twice), one 1 up to half the greatest sharpness and 0 there; above CALM sides a second it falls as
    one over the speed. It is 0 with a `reason`. What passes all of these must look like a face, see
    `vision.likeness`; `known`: it did a moment ago.
    """
    mean, spread = cv2.meanStdDev(face)
    brightness, contrast = float(mean[0, 0]), float(spread[0, 0])
    edges = cv2.meanStdDev(cv2.Laplacian(face, cv2.CV_16S))[1][0, 0]
    sharpness = float(edges / max(contrast, 1.0)) ** 2
    reason = None
    if size < config.minimum_size:
        reason = Reason.FACE_TOO_SMALL
    elif brightness < config.minimum_brightness:
        reason = Reason.LOW_LIGHT
    elif int(np.count_nonzero(face >= 254)) > face.size // 2:
        reason = Reason.CLIPPED
    elif sharpness < config.minimum_sharpness:
        reason = Reason.BLUR
    elif sharpness > config.maximum_sharpness:
        reason = Reason.LOW_SNR
    elif not known and config.minimum_likeness > 0 and likeness(face) < config.minimum_likeness:
        reason = Reason.NO_FACE
    overall = 0.0
    if reason is None:
        overall = (
            _ramp(size, config.minimum_size, 3)
            * _ramp(brightness, config.minimum_brightness, 2)
            * _ramp(sharpness, config.minimum_sharpness, 3)
            * _fall(sharpness, config.maximum_sharpness)
            * min(1.0, CALM / max(speed, CALM))
        )
    return FaceQuality(size, sharpness, brightness, overall, reason)


def _ramp(value: float, minimum: float, factor: float) -> float:
    """0 below `minimum`, 1 above `factor` times it; a value just good enough still counts a little."""
    if minimum <= 0:
        return 1.0
    return min(1.0, 0.1 + 0.9 * (value - minimum) / ((factor - 1) * minimum))


def _fall(value: float, maximum: float) -> float:
    """1 up to half of `maximum`, then falling to 0 there; a value just good enough still counts a little."""
    return min(1.0, max(0.1, 2.0 - 2.0 * value / maximum))
