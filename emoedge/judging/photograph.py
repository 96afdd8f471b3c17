"""Faces of a single photograph: found, measured and classified, each by itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from emoedge.emotions import Reason
from emoedge.errors import MediaError
from emoedge.judging.judgement import JudgedFace, Judgement, Opinion
from emoedge.messages import Box, Modality
from emoedge.sources.picture import SMALLEST, to_bgr
from emoedge.sources.quiet import quiet_video
from emoedge.vision.crop import FaceFrontEnd
from emoedge.vision.follow import confirm
from emoedge.vision.haar import HaarDetector, framed
from emoedge.vision.quality import quality, thumbnail

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from emoedge.config import Config
    from emoedge.inference.model import Model

SIDE = 1280
"""Pixels: larger pictures are searched at this longer side; faces are cut out of the original."""

PORTRAIT = 200
"""Pixels of the longer side up to which a picture without a find may well be a cut-out face."""


def read_picture(path: str) -> NDArray[np.uint8]:
    """Decoded picture, height x width x 3, BGR, upright as its EXIF data say; raises MediaError."""
    quiet_video()
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise MediaError(f"{path}: {why}; give the path of a picture") from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error as error:
        raise MediaError(f"{path}: more pixels than can be decoded; make it smaller") from error
    if image is None:
        raise MediaError(f"{path}: not a picture that can be decoded; is it complete? JPEG and PNG always work")
    return checked(np.asarray(image), path)


def checked(image: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """BGR of 8 bits from gray, BGR or BGRA; raises MediaError where it is no picture."""
    fit = to_bgr(image) if isinstance(image, np.ndarray) else None
    if fit is None:
        had = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise MediaError(
            f"{name}: expected gray, BGR or BGRA of at least {SMALLEST} x {SMALLEST} pixels "
            f"(uint8, uint16, or float 0..1), got {had}"
        )
    return fit


class Photographer:
    """Judges single pictures with one face model."""

    def __init__(self, config: Config, model: Model) -> None:
        self._config = config
        self._model = model
        own = config.fusion.face_abstain
        self._abstain_below = model.info.abstain_below if own is None else own
        self._front_end = FaceFrontEnd(model.info.front_end)
        self._detector = HaarDetector()

    def judge(self, image: NDArray[np.uint8], *, crop: bool = False) -> Judgement:
        """Every face in `image` (height x width x 3, BGR), or with `crop` the whole picture as one face."""
        gray: NDArray[np.uint8] = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        height, width = gray.shape
        boxes = [Box(0.0, 0.0, float(width), float(height))] if crop else self._find(gray)
        faces = tuple(
            JudgedFace(box if crop else framed(box), self._opinion(image, gray, box, crop=crop)) for box in boxes
        )
        opinion = faces[0].opinion if faces else Opinion.of(None, 0.0, Reason.NO_FACE, 0.0)
        return Judgement(Modality.FACE, opinion, faces=faces)

    def _find(self, gray: NDArray[np.uint8]) -> list[Box]:
        """Boxes in pixels of `gray`, the largest first."""
        factor = min(1.0, SIDE / max(gray.shape))
        small = gray if factor == 1.0 else cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        smallest = max(self._detector.native, round(self._config.vision.smallest * min(small.shape)))
        kept: list[Box] = []
        for found in self._detector.detect(np.asarray(small, dtype=np.uint8), minimum=smallest):
            rough = Box(*(value / factor for value in (found.x, found.y, found.width, found.height)))
            box = confirm(gray, rough, self._detector)
            if box is not None and not any(box.overlap(other) > 0.3 for other in kept):
                kept.append(box)
        return sorted(kept, key=lambda box: -box.area)

    def _opinion(
        self, image: NDArray[np.uint8], gray: NDArray[np.uint8], box: Box, *, crop: bool
    ) -> Opinion:
        size = min(box.width, box.height)
        face = cv2.resize(gray, (48, 48), interpolation=cv2.INTER_AREA) if crop else thumbnail(gray, framed(box))
        grade = quality(np.asarray(face, dtype=np.uint8), size, self._config.vision)
        if grade.reason is not None:
            return Opinion.of(None, 0.0, grade.reason, 0.0)
        source = gray if self._front_end.channels == 1 else image
        # A cut-out face is framed already: no margin is added around it.
        features = self._front_end.prepare(source) if crop else self._front_end.features(source, framed(box))
        scores = self._model.classify(features)
        reason = Reason.LOW_MARGIN if scores is None else None
        return Opinion.of(scores, grade.overall, reason, self._config.fusion.margin, self._abstain_below)


def may_be_a_face(path: str) -> bool:
    """Whether a picture is so small that it is likely a cut-out face."""
    image = cv2.imread(str(Path(path)), cv2.IMREAD_GRAYSCALE)
    return image is not None and max(image.shape) <= PORTRAIT
