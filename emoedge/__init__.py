"""Emotion events from a camera and a microphone over MQTT, on a Raspberry Pi-class board."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emoedge.judging.judge import EmotionModel, load_model
    from emoedge.judging.judgement import Judgement

__version__ = "0.1.0"

__all__ = ["EmotionModel", "Judgement", "__version__", "load_model"]

_HOMES = {
    "EmotionModel": "emoedge.judging.judge",
    "Judgement": "emoedge.judging.judgement",
    "load_model": "emoedge.judging.judge",
}
"""Where the public names live: they are imported when they are first asked for."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - `import emoedge` itself stays cheap

    return getattr(import_module(_HOMES[name]), name)
