"""Section `speech`."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechConfig:
    """How voices are found and judged."""

    hop: float = setting(0.5, minimum=0.1, maximum=10, unit="s", help="Time between two classified windows while somebody speaks.")
