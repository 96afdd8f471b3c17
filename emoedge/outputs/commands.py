"""Reads what strangers send: control values and requests, size-limited and checked, never evaluated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

LARGEST = 4096
"""Bytes of a payload that is looked at."""

LONGEST_TRANSACTION = 64
"""Characters."""

LOG_LEVELS = ("debug", "info", "warning", "error")

COMMANDS = ("health_check", "reload", "restart", "options", "snapshot_config")
"""Of `request/<command>`."""

SWITCHES = ("paused", "raw")
"""Controls that are on or off."""

CONTROLS: dict[str, tuple[bool | str, ...]] = {"paused": (False, True), "log_level": LOG_LEVELS, "raw": (False, True)}
"""Values of each control."""

WORDS: dict[str, bool] = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
"""What a switch understands beside JSON, in any case: other programs send `ON` and `off`."""


class RefusedError(ValueError):
    """A payload that is not obeyed; the text says why and does not repeat it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    command: str
    transaction: str | int | None
    """Comes back in the answer, so that the asker knows it."""
    value: Any = None


def read_control(key: str, body: bytes) -> bool | str:
    """Value that a payload asks for: JSON, a bare word, or an object with the member `value`."""
    text = _text(body).strip()
    try:
        value = _json(text)
    except RefusedError:
        value = text  # a bare word; it still has to be a known one
    if isinstance(value, dict):
        value = value.get("value")
    return check_control(key, value)


def check_control(key: str, value: Any) -> bool | str:
    """The value in its own type; RefusedError where it is not one of CONTROLS[key]."""
    if key in SWITCHES and not isinstance(value, bool):
        value = WORDS.get(str(value).lower()) if isinstance(value, (str, int)) else None
    if key in SWITCHES and isinstance(value, bool):
        return value
    if key == "log_level" and isinstance(value, str) and value.lower() in LOG_LEVELS:
        return value.lower()
    raise RefusedError(f"expected one of {', '.join(json.dumps(allowed) for allowed in CONTROLS[key])}")


def read_request(command: str, body: bytes) -> Request:
    """A request: nothing, or an object with the optional members `transaction` and `value`."""
    text = _text(body).strip()
    if not text:
        return Request(command, None)
    value = _json(text)
    if not isinstance(value, dict):
        raise RefusedError('expected an object such as {"transaction": "1"}')
    transaction = value.get("transaction")
    if isinstance(transaction, bool) or not isinstance(transaction, (str, int, type(None))):
        raise RefusedError("transaction: expected text or a whole number")
    if len(str(transaction)) > LONGEST_TRANSACTION:
        raise RefusedError(f"transaction: expected at most {LONGEST_TRANSACTION} characters")
    return Request(command, transaction, value.get("value"))


def _text(body: bytes) -> str:
    if len(body) > LARGEST:
        raise RefusedError(f"larger than {LARGEST} bytes")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise RefusedError("not UTF-8") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RefusedError("not JSON") from None


def _no_constant(name: str) -> None:
    raise ValueError(name)
