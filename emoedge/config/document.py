"""A YAML file as a tree of nodes that know their lines; refuses what no configuration needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from emoedge.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 256 * 1024
"""Bytes; the reference with every key is below 20 KB."""
DEEPEST = 8
"""Nested collections."""
MOST_NODES = 5_000


def read_text(path: Path) -> str:
    """Text of a config file; ConfigError where there is none."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file; copy config.yaml there or name another with --config"]) from None
    except IsADirectoryError:
        raise ConfigError([f"{path}: is a directory; name the file in it"]) from None
    except PermissionError as error:
        remedy = f"the service needs it readable for everybody (`chmod 644 {path}`), without a password in it"
        raise ConfigError([f"{path}: cannot be read: {error.strerror}; {remedy}"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror or error}"]) from None
    except ValueError as error:  # a NUL in the path
        raise ConfigError([f"{str(path)!a}: not a path: {error}"]) from None
    if len(data) > LARGEST:
        raise ConfigError([f"{path}: larger than {LARGEST // 1024} KB; this is not a configuration"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError([f"{path}:{line}: not UTF-8 text; a configuration is a YAML file"]) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ConfigError([f"{path}:{line}: binary data; a configuration is a YAML file"])
    return text


def parse(text: str, path: Path | str) -> yaml.MappingNode:
    """Top mapping of a config text; ConfigError where it is not YAML, empty, or not a mapping."""
    try:
        _survey(text, path)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        what = error.problem or error.context or "cannot be parsed"
        raise ConfigError([f"{path}:{line}: not YAML: {what}; see `key: value` in the reference"]) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise ConfigError([f"{path}:{line}: character {error.character:#x} may not stand in YAML"]) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # PyYAML lets those of an odd escape through
        raise ConfigError([f"{path}: not YAML: {' '.join(str(error).split())}"]) from None
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"):
        raise ConfigError([f"{path}:1: empty; at least `deployment:` with `context:` must be named"])
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError([f"{path}:1: expected sections such as `camera:` with keys under them"])
    return node


def _survey(text: str, path: Path | str) -> None:
    """Walk the parser's events, which need no recursion, so that no text can exhaust stack or memory."""
    depth = nodes = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError([f"{path}:{line}: *...: aliases are not supported; quote a value that begins with *"])
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise ConfigError([f"{path}:{line}: a second document (`---`); keep one"])
        if isinstance(event, yaml.NodeEvent):
            nodes += 1
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST or nodes > MOST_NODES:
            raise ConfigError([f"{path}:{line}: nested too deep or too long; this is not a configuration"])
