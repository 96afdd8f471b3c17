"""Where a password comes from, and whether a config file keeps it from other users."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from emoedge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emoedge.config.outputs import MqttConfig
    from emoedge.config.tree import Config

CREDENTIAL = "mqtt-password"
"""Name for systemd's LoadCredential=; it appears as a file in $CREDENTIALS_DIRECTORY."""

STORED = Path("/etc/credstore/emoedge.mqtt-password")
"""Where the unit's LoadCredential= finds the password."""

LONGEST = 4096
"""Bytes of a password file that are looked at."""

_ELSEWHERE = f"its owner must be who runs emoedge; the service, whose user comes and goes, reads {STORED}"


def mqtt_password(config: MqttConfig, environment: Mapping[str, str] = os.environ) -> str | None:
    """The broker's password: `password`, else `password_file`, `password_env`, systemd's credential.

    Raises ConfigError where the place that the config names cannot be read or is empty.
    """
    if config.password is not None:
        return config.password
    if config.password_file is not None:
        return first_line(Path(config.password_file), "mqtt.password_file")
    if config.password_env is not None:
        value = environment.get(config.password_env, "")
        if not value:
            raise ConfigError([f"mqtt.password_env: {config.password_env}: expected a variable that is set"])
        return value
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if folder and (Path(folder) / CREDENTIAL).exists():
        return first_line(Path(folder) / CREDENTIAL, f"credential {CREDENTIAL}")
    return None


def clear_password_problem(path: Path, config: Config) -> str | None:
    """Why a config file with a password in the clear is refused: everybody on the machine may read it."""
    if config.mqtt.password is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    if not status.st_mode & stat.S_IROTH:
        return None
    return (
        f"{path}: mqtt.password: (hidden): every user may read this file (mode {stat.S_IMODE(status.st_mode):04o}): "
        f"{_cure(path, status.st_uid)}"
    )


def _cure(path: Path, owner: int) -> str:
    """How to close a file of the user id `owner` to others; root's is read by the service, which is one of them."""
    by_hand = f"`chmod 600 {path}`, or use mqtt.password_file"
    if owner:
        return by_hand
    return (
        f"move the password to {STORED}, from where the service gets it, as it could not read a file that is closed "
        f"to others; where root runs emoedge by hand, {by_hand}"
    )


def first_line(path: Path, key: str) -> str:
    """The password in a file; ConfigError, with `key` in front, where it cannot be read or holds none."""
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST)
    except PermissionError as error:
        raise ConfigError([f"{key}: {path}: cannot be read: {error.strerror}; {_ELSEWHERE}"]) from None
    except OSError as error:
        raise ConfigError([f"{key}: {path}: cannot be read: {error.strerror or error}"]) from None
    try:
        line = data.splitlines()[0].decode("utf-8-sig") if data else ""
    except UnicodeDecodeError:
        raise ConfigError([f"{key}: {path}: expected UTF-8 text"]) from None
    if not line:
        raise ConfigError([f"{key}: {path}: expected the password on the first line"])
    return line
