"""What the device says of itself on the topic `info`: versions, models, configuration, board, privacy."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from emoedge import __version__
from emoedge.sources.address import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emoedge.config import Config
    from emoedge.inference.spec import ModelInfo

PRIVACY = (
    "Pictures and sound are analysed on this device and dropped at once; neither is stored or sent. "
    "What leaves it are labels, scores and times."
)

PRIVACY_OF_AGGREGATES = (
    "Pictures and sound are analysed on this device and dropped at once; neither is stored or sent. "
    "What leaves it about people are figures over at least {k} of them."
)
"""Where nothing else is published."""

BOARD = Path("/proc/device-tree/model")

PACKAGES = ("numpy", "opencv-python-headless", "paho-mqtt", "tflite-runtime", "ai-edge-litert")

SECRETS = ("password", "username")
"""Config keys that never enter the hash or a snapshot; nor does the login in a URL."""


class AboutModel(Protocol):
    """What `info` needs of a loaded model."""

    @property
    def info(self) -> ModelInfo:
        """What its file says of itself."""
        ...

    @property
    def sha256(self) -> str:
        """Of the whole file, hexadecimal."""
        ...


def about(config: Config, device: str, models: Mapping[str, AboutModel | None]) -> dict[str, object]:
    """Members of the payload `info`; `models` has the keys `face` and `speech`."""
    return {
        "device": device,
        "versions": {"emoedge": __version__, "python": platform.python_version(), **package_versions()},
        "models": {name: _model(models.get(name)) for name in ("face", "speech")},
        "config_hash": config_hash(config),
        "board": board(),
        "context": config.deployment.context,
        "privacy": PRIVACY_OF_AGGREGATES.format(k=config.aggregates.k) if config.aggregates.only else PRIVACY,
    }


def package_versions() -> dict[str, str | None]:
    """Installed versions of what the figures depend on; None where it is not installed."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def board() -> str:
    """Name of the board, e.g. `Raspberry Pi 4 Model B Rev 1.4`; else processor architecture and system."""
    try:
        text = BOARD.read_bytes().rstrip(b"\0\n").decode("utf-8", errors="replace")
    except OSError:
        text = ""
    return text or f"{platform.machine()} {platform.system()}"


def config_snapshot(config: Config) -> dict[str, object]:
    """The configuration in force, section by section, without logins."""
    sections: dict[str, object] = {}
    for name, section in asdict(config).items():
        sections[name] = {key: _without_login(key, value) for key, value in section.items()}
    return sections


def config_hash(config: Config) -> str:
    """Sixteen hexadecimal digits that change with any setting but a login, and what of a URL may be one."""
    text = json.dumps(config_snapshot(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_login(key: str, value: object) -> object:
    if key in SECRETS:
        return "***" if value else value
    return shown(value) if isinstance(value, str) else value


def _model(model: AboutModel | None) -> dict[str, object] | None:
    if model is None:
        return None
    info = model.info
    return {
        "name": info.name,
        "version": info.version,
        "sha256": model.sha256,
        "labels": list(info.labels),
        "emotions": sorted(set(info.label_map)),
        "dtype": info.dtype,
        "accuracy": dict(info.accuracy),
        "parity": dict(info.parity),
    }
