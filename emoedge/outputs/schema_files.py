"""The JSON Schemas of the payloads, as they ship in the package."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("aggregate", "control", "emotion", "event", "health", "info", "log", "raw", "request", "response")
"""Of `schemas/<name>.json` and of the topics `schema/<name>`; `status` and `sensor/*/status` are plain text."""


@cache
def schema(name: str) -> Mapping[str, Any]:
    """JSON Schema (2020-12) of one payload; KeyError for a name that is not in NAMES."""
    if name not in NAMES:
        raise KeyError(name)
    text = files("emoedge.outputs").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
