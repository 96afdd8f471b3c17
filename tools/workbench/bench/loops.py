"""Contenders on the same frames: emoedge's whole pipeline, the loop everybody writes first, and full scans."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import cv2

from emoedge.config import default_config
from emoedge.inference.model import load_model
from emoedge.inference.shipped import resolve
from emoedge.messages import Box, Frame
from emoedge.pipeline import build_pipeline, load_models
from emoedge.threads import bound_threads
from emoedge.vision.crop import FaceFrontEnd

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from emoedge.inference.model import Model

SMALLEST = 48
"""Pixels: side of the smallest face looked for in a picture 480 high; emoedge's default is the same tenth."""

LEAST_SAME_PLACE = 0.25
"""Intersection over union from which the plain loops count a face as the one of the frame before."""


@dataclass(frozen=True, slots=True)
class Found:
    """A face that a contender told of."""

    box: Box
    who: int
    """Its name for the person; a loop that knows none counts places."""


class Loop(Protocol):
    """Looks at one frame after another."""

    def look(self, image: NDArray[np.uint8], at: float) -> list[Found]:
        """Faces that were found and judged in the picture taken at `at` seconds."""
        ...


class Whole:
    """emoedge as it ships, every frame analysed."""

    def __init__(self) -> None:
        config = default_config("demo")
        config = replace(config, vision=replace(config.vision, rate=0))
        bound_threads(config.models.threads)
        self.pipeline = build_pipeline(config, load_models(config, microphone=False), microphone=False)
        self._index = 0

    def look(self, image: NDArray[np.uint8], at: float) -> list[Found]:
        """One frame through senses and mind."""
        self.pipeline.frame(Frame(image, at, self._index))
        self._index += 1
        seen = self.pipeline.seen
        return [] if seen is None else [Found(face.box, face.track) for face in seen.faces]


class Plain:
    """A Haar cascade over the whole picture at scale 1.1 on every frame, then the model on every face."""

    def __init__(self, cascade: str, *, neighbours: int, judged: bool = True) -> None:
        folder: str = vars(cv2)["data"].haarcascades
        self._cascade = cv2.CascadeClassifier(folder + cascade)
        self._neighbours = neighbours
        path = resolve("face.tflite")
        assert path is not None
        self._model: Model = load_model(path)
        self._front_end = FaceFrontEnd(self._model.info.front_end)
        self._judged = judged
        self._before: list[Found] = []
        self._names = 0

    def look(self, image: NDArray[np.uint8], at: float) -> list[Found]:  # noqa: ARG002 - a plain loop knows no time
        """Scan, then classify."""
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        boxes: Any = self._cascade.detectMultiScale(
            gray, scaleFactor=1.1, minNeighbors=self._neighbours, minSize=(SMALLEST, SMALLEST)
        )
        now = []
        for x, y, width, height in boxes:
            box = Box(float(x), float(y), float(width), float(height))
            if self._judged:
                self._model.classify(self._front_end.features(gray, box))
            now.append(Found(box, self._name(box)))
        self._before = now
        return now

    def _name(self, box: Box) -> int:
        near = max(self._before, key=lambda found: found.box.overlap(box), default=None)
        if near is not None and near.box.overlap(box) > LEAST_SAME_PLACE:
            return near.who
        self._names += 1
        return self._names


def make(name: str) -> Loop:
    """`emoedge`; `naive` with OpenCV's default cascade; `scan` with the cascade that emoedge uses."""
    if name == "emoedge":
        return Whole()
    if name == "naive":
        return Plain("haarcascade_frontalface_default.xml", neighbours=5)
    if name == "scan":
        return Plain("haarcascade_frontalface_alt2.xml", neighbours=3, judged=False)
    raise KeyError(f"{name}: expected emoedge, naive or scan")
