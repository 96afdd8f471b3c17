"""CPU time of each stage of the pipeline, its own share only: what a stage calls that is a stage counts there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from emoedge.audio.front_end import SpeechFrontEnd
from emoedge.audio.voice_net import VoiceNet
from emoedge.fusion.mind import Mind
from emoedge.inference.model import Model
from emoedge.vision import eye
from emoedge.vision.crop import FaceFrontEnd
from emoedge.vision.gate import MotionGate
from emoedge.vision.scan import Scanner

if TYPE_CHECKING:
    from collections.abc import Callable

STAGES: tuple[tuple[str, Any, str], ...] = (
    ("gray", eye, "_gray"),
    ("gate", MotionGate, "look"),
    ("scan", Scanner, "note"),
    ("scan", Scanner, "scan"),
    ("confirm", eye, "confirm"),
    ("follow", eye, "follow"),
    ("quality", eye, "thumbnail"),
    ("quality", eye, "quality"),
    ("crop", FaceFrontEnd, "features"),
    ("classify", Model, "classify"),
    ("gate net", VoiceNet, "push"),
    ("mel frames", SpeechFrontEnd, "push"),
    ("mel frames", SpeechFrontEnd, "push_power"),
    ("speech features", SpeechFrontEnd, "features"),
    ("fuse", Mind, "see"),
    ("fuse", Mind, "hear"),
    ("fuse", Mind, "advance"),
)
"""Name of a stage, and the function that it is."""


class Stopwatch:
    """Puts a clock on every stage while it is entered as a context; times are seconds of the thread's CPU."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = dict.fromkeys((name for name, _, _ in STAGES), 0.0)
        self._inside: list[float] = []
        self._kept: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> Self:
        for name, owner, function in STAGES:
            original = owner.__dict__[function]
            self._kept.append((owner, function, original))
            setattr(owner, function, self._timed(name, original))
        return self

    def __exit__(self, *_: object) -> None:
        for owner, function, original in reversed(self._kept):
            setattr(owner, function, original)
        self._kept.clear()

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        inside, spent, clock = self._inside, self.spent, time.thread_time

        def timed(*arguments: Any, **options: Any) -> Any:
            inside.append(0.0)
            begun = clock()
            try:
                return function(*arguments, **options)
            finally:
                took = clock() - begun
                spent[name] += took - inside.pop()
                if inside:
                    inside[-1] += took

        return timed
