"""From what stands in the file to the value of a key, or to what would be right."""

from __future__ import annotations

import math
import os.path
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import yaml

from emoedge.sources.address import like_url, shown

if TYPE_CHECKING:
    from emoedge.config.key import Key

_INTEGER = re.compile(r"[-+]?\d{1,30}")
_NUMBER = re.compile(r"[-+]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][-+]?\d{1,4})?")
_TRUE = ("true", "yes", "on")
_FALSE = ("false", "no", "off")
_STANDARD = tuple(f"tag:yaml.org,2002:{t}" for t in ("null", "bool", "int", "float", "str", "timestamp", "value"))
SHOWN = 60
"""Characters of a wrong value that a message repeats."""


class WrongValueError(ValueError):
    """A value does not fit its key; `str()` says what would be right."""


def read(key: Key, node: yaml.Node) -> Any:
    """Value of a YAML node for `key`; raises WrongValueError."""
    if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
        return check(key, None)
    if key.many:
        if not isinstance(node, yaml.SequenceNode):
            raise WrongValueError(f"expected {key.expected}")
        return check(key, tuple(_scalar(key, element) for element in node.value))
    return check(key, _scalar(key, node))


def _scalar(key: Key, node: yaml.Node) -> Any:
    """Python value of a scalar as `key` wants it, range not yet checked.

    YAML 1.1 reads 0123 as octal, 18:83 as base 60 and `no` as false: numbers are read here as people write them.
    """
    if not isinstance(node, yaml.ScalarNode):
        raise WrongValueError(f"expected {key.expected}")
    if node.tag not in _STANDARD:
        raise WrongValueError("expected a value without a YAML tag")
    text: str = node.value
    quoted = node.style is not None
    if key.kind is str:
        if not quoted and node.tag == "tag:yaml.org,2002:bool":
            raise WrongValueError(f"expected {key.expected}; YAML reads {text} as true or false: put it in quotes")
        # A text over several lines, behind | or >, is one that was too long for one.
        return text.strip("\n").replace("\n", " ") if node.style in {"|", ">"} else text
    if quoted:
        raise WrongValueError(f"expected {key.expected}, without quotes")
    if key.kind is bool and text.lower() in (*_TRUE, *_FALSE):
        return text.lower() in _TRUE
    if key.kind is int and _INTEGER.fullmatch(text):
        return int(text)
    if key.kind is float and _NUMBER.fullmatch(text):
        return float(text)
    raise WrongValueError(f"expected {key.expected}")


def check(key: Key, value: Any) -> Any:
    """Return `value` as the tree holds it, or raise WrongValueError where type, range or form are wrong."""
    if value is None:
        if key.allow_none:
            return None
        hint = "" if key.required else f"; without the line it is {show(key.default)}"
        raise WrongValueError(f"expected {key.expected}{hint}")
    if key.many:
        if not isinstance(value, (tuple, list)):
            raise WrongValueError(f"expected {key.expected}")
        return tuple(_check_one(key, element) for element in value)
    return _check_one(key, value)


def _check_one(key: Key, value: Any) -> Any:
    if key.kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    fits = isinstance(value, key.kind) and (key.kind is bool or not isinstance(value, bool))
    if fits and isinstance(value, float):
        fits = math.isfinite(value)
    if fits and key.choices:
        fits = value in key.choices
    if fits and key.minimum is not None:
        fits = value >= key.minimum
    if fits and key.maximum is not None:
        fits = value <= key.maximum
    if fits and key.pattern:
        fits = re.fullmatch(key.pattern, value) is not None
    if fits and isinstance(value, str) and not all(map(_is_text, value)):
        raise WrongValueError(f"expected {key.expected}, without line breaks and control characters")
    if not fits:
        raise WrongValueError(f"expected {key.expected}")
    return _at_home(value) if key.path else value


def _at_home(path: str) -> str:
    """A path with the home folder in place of `~` or `~user`, as a shell has it; else as it is."""
    # Path's own raises where there is no such user; a camera's or a microphone's file may begin with ~.
    return os.path.expanduser(path)  # noqa: PTH111


def _is_text(character: str) -> bool:
    """Whether it can be printed; spaces of every width (Unicode's Zs) can."""
    return character.isprintable() or unicodedata.category(character) == "Zs"


def show(value: Any) -> str:
    """A value as YAML writes it, on one line, cut to a readable length, without what may be a login."""
    if isinstance(value, yaml.ScalarNode):
        text = _without_login(value.value)
        text = text if value.style is None else repr(text)
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    elif isinstance(value, yaml.MappingNode):
        text = "a section"
    elif isinstance(value, yaml.SequenceNode):
        text = "a list"
    elif value is None:
        text = "null"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float):
        text = f"{value:.10g}"
    elif isinstance(value, tuple):
        text = "[" + ", ".join(show(v) for v in value) + "]"
    else:
        text = _without_login(str(value))
        text = text if text and text.isprintable() else repr(text)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _without_login(text: str) -> str:
    """Any text: what stands before an @ may be a password wherever a host is expected, with or without its user."""
    _, at, host = text.rpartition("@")
    return shown(text) if like_url(text) or not at else f"***@{host}"
