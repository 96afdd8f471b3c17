"""Section `models`."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsConfig:
    """Which model files run."""

    face: str = setting("face.tflite", help="Face model: a path, the name of a shipped one, or `none`.")
    speech: str = setting("speech.tflite", help="Speech model: a path, the name of a shipped one, or `none`.")
    threads: int = setting(1, minimum=1, maximum=16, help="Threads of each interpreter and of OpenCV.")
