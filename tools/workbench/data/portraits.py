"""Picture files brought to 48 x 48 gray, portraits framed as the daemon frames a face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from emoedge.errors import MediaError
from emoedge.vision.crop import square
from emoedge.vision.haar import HaarDetector, framed

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIDE = 48
PORTRAIT = 96
"""Pixels of the shorter side from which a picture is looked through for a face; smaller ones are faces."""

SMALLEST = 0.2
"""Side of the smallest face that is taken, as a share of the picture's shorter side."""


class Framer:
    """Reads pictures and counts the portraits in which it found no face."""

    def __init__(self) -> None:
        self._detector = HaarDetector()
        self.portraits = 0
        """Pictures looked through for a face."""
        self.uncropped = 0
        """Those of them without one: kept whole."""

    def read(self, path: Path, *, drawn: bool = False) -> NDArray[np.uint8]:
        """Gray, 48 x 48. A `drawn` picture is never cropped. Raises MediaError for a file that is no picture."""
        try:
            content = np.fromfile(path, dtype=np.uint8)
        except OSError as error:
            raise MediaError(f"{path}: cannot be read ({error.strerror})") from error
        gray = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE) if len(content) else None
        if gray is None:
            raise MediaError(f"{path}: not a picture that OpenCV reads; fetch it again or delete it")
        if min(gray.shape) >= PORTRAIT and not drawn:
            gray = self._face(gray)
        # Bilinear, as the daemon shrinks the faces it finds.
        sized = cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) if gray.shape != (SIDE, SIDE) else gray
        return np.asarray(sized, dtype=np.uint8)

    def _face(self, gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
        self.portraits += 1
        found = self._detector.detect(gray, minimum=round(SMALLEST * min(gray.shape)))
        if not found:
            self.uncropped += 1
            return gray
        return square(gray, framed(max(found, key=lambda box: box.area)))
