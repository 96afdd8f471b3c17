"""Loads a config file: every error at once, each with file, line, key, value and what would be right."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from emoedge.config.document import parse, read_text
from emoedge.config.key import Key, Section, like_secret, section
from emoedge.config.rules import RULES
from emoedge.config.tree import Config
from emoedge.config.value import WrongValueError, check, read, show
from emoedge.errors import ConfigError
from emoedge.ops.credentials import clear_password_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PATHS = (Path("config.yaml"), Path("/etc/emoedge/config.yaml"))
"""Where `run` and `check` look without --config, in this order."""

MOST_PROBLEMS = 100
_CONTEXT = "deployment.context"


def find(path: str | Path | None = None) -> Path:
    """File to load: `path` itself, else the first of DEFAULT_PATHS that exists; ConfigError without one."""
    if path is not None:
        return Path(path)
    for candidate in DEFAULT_PATHS:
        # Path.exists() raises where this user may not look, as in root's folder after `sudo -u`.
        if os.path.exists(candidate):  # noqa: PTH110
            return candidate
    places = " and ".join(str(p) for p in DEFAULT_PATHS)
    raise ConfigError([f"no configuration: looked for {places}; name one with --config"])


def load(path: str | Path, *, overrides: Mapping[str, Any] | None = None, require_context: bool = True) -> Config:
    """Load the configuration in a YAML file.

    `overrides`: dotted key to value (`{"mqtt.port": 1884}`), from the command line; they win over the file.
    `require_context`: False lets `deployment.context` be missing; it is then `demo`.
    Raises ConfigError with every problem found.
    """
    path = Path(path)
    config = loads(read_text(path), path, overrides=overrides, require_context=require_context)
    problem = clear_password_problem(path, config)
    if problem is not None:
        raise ConfigError([problem])
    return config


def loads(
    text: str,
    path: str | Path = "config",
    *,
    overrides: Mapping[str, Any] | None = None,
    require_context: bool = True,
) -> Config:
    """As `load`, from a text; `path` is the name in messages."""
    reading = _Reading(path)
    reading.walk(section(Config), parse(text, path))
    reading.override(overrides or {})
    return reading.config(default_context=None if require_context else "demo")


def default_config(context: str = "demo", *, overrides: Mapping[str, Any] | None = None) -> Config:
    """All defaults, for `replay` and `demo`; `overrides` as in `load`."""
    reading = _Reading("defaults")
    reading.override({_CONTEXT: context, **(overrides or {})})
    return reading.config(default_context=None)


def place(path: str | Path, key: str) -> str | None:
    """File and line of a key in a config file, of its section where the file leaves it out; None for no key.

    None also where the configuration came through a pipe, which tells nothing twice.
    """
    reading = _Reading(path)
    if not Path(path).is_file():
        return None
    try:
        reading.walk(section(Config), parse(read_text(Path(path)), path))
    except ConfigError:  # it was there a moment ago
        return None
    return reading.place(key)


class _Reading:
    """One pass over a file: what was found, where, and what is wrong with it."""

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._known = {key.name: key for key in section(Config).walk()}
        self._values: dict[str, Any] = {}
        self._lines: dict[str, int] = {}
        self._wrong: set[str] = set()
        self._problems: list[tuple[int, str]] = []

    def _blame(self, line: int, key: str, value: str, advice: str) -> None:
        self._problems.append((line, f"{self._path}:{line}: {key}: {value}: {advice}"))

    def walk(self, group: Section, node: yaml.MappingNode) -> None:
        """Read a mapping of the file as `group`."""
        seen: dict[str, int] = {}
        for name_node, value_node in node.value:
            line = name_node.start_mark.line + 1
            if not isinstance(name_node, yaml.ScalarNode):
                self._blame(line, show(name_node), "not a key", "expected the name of a key")
                continue
            name = str(name_node.value)
            dotted = f"{group.name}.{name}" if group.name else name
            if name in seen:
                self._blame(line, show(dotted), "duplicate", f"remove one; the first is on line {seen[name]}")
                continue
            seen[name] = line
            member = group.members.get(name)
            if member is None:
                value = "(hidden)" if like_secret(name) else show(value_node)
                self._blame(line, show(dotted), value, self._advice(group, name, dotted))
                continue
            self._lines[member.name] = line
            if isinstance(member, Key):
                self._read(member, line, value_node)
            elif isinstance(value_node, yaml.MappingNode):
                self.walk(member, value_node)
            elif not (isinstance(value_node, yaml.ScalarNode) and value_node.tag == "tag:yaml.org,2002:null"):
                self._wrong.update(key.name for key in member.walk())
                self._blame(line, dotted, show(value_node), "expected a section: keys on the next lines, indented")

    def _read(self, key: Key, line: int, node: yaml.Node) -> None:
        try:
            self._values[key.name] = read(key, node)
        except WrongValueError as error:
            self._wrong.add(key.name)
            self._blame(line, key.name, "(hidden)" if key.secret else show(node), str(error))

    def _advice(self, group: Section, name: str, dotted: str) -> str:
        """What to do about an unknown key: the nearest known one, also in another section."""
        if dotted in self._known:  # only at the top: `camera.fps: 15` on one line
            head, _, leaf = dotted.rpartition(".")
            return f"unknown key; write `{leaf}:` indented under `{head}:`"
        near = difflib.get_close_matches(name, group.members, n=1, cutoff=0.6)
        near += [key for key in self._known if key.rpartition(".")[2] == name][:1]
        if near:
            return f"unknown key; did you mean {' or '.join(f'`{n}`' for n in near)}?"
        return f"unknown key; known here: {', '.join(group.members)}"

    def override(self, overrides: Mapping[str, Any]) -> None:
        """Let values from the command line win; they have no line."""
        for name, value in overrides.items():
            key = self._known.get(name)
            if key is None:
                self._problems.append((0, f"{show(name)}: {show(value)}: unknown key"))
                continue
            try:
                self._values[name] = check(key, value)
                self._wrong.discard(name)
            except WrongValueError as error:
                self._wrong.add(name)
                self._problems.append((0, f"{name}: {'(hidden)' if key.secret else show(value)}: {error}"))

    def config(self, *, default_context: str | None) -> Config:
        """Build the tree; ConfigError where anything is wrong."""
        for key in self._known.values():
            if not key.required or key.name in self._values or key.name in self._wrong:
                continue
            if key.name == _CONTEXT and default_context:
                self._values[key.name] = default_context
                continue
            self._wrong.add(key.name)
            self._blame(self._line(key.name), key.name, "missing", f"expected {key.expected}")
        config: Config = self._build(section(Config))
        for rule in RULES:
            if self._wrong.isdisjoint(rule.keys) and (advice := rule.broken(config)) is not None:
                blamed = self._known[rule.keys[0]]
                value = "(hidden)" if blamed.secret else show(self._values.get(blamed.name, blamed.default))
                self._blame(self._line(*rule.keys), blamed.name, value, f"expected {advice}")
        if self._problems:
            lines = [text for _, text in sorted(self._problems, key=lambda p: p[0])]
            if len(lines) > MOST_PROBLEMS:
                lines[MOST_PROBLEMS:] = [f"{self._path}: and {len(lines) - MOST_PROBLEMS} more problems"]
            raise ConfigError(lines)
        return config

    def place(self, key: str) -> str | None:
        """File and line of a key; None where there is no such key."""
        return f"{self._path}:{self._line(key)}" if key in self._known else None

    def _line(self, *names: str) -> int:
        """Line of the first of `names` that the file holds, else of its section, else 1."""
        for name in (*names, *(n.rpartition(".")[0] for n in names)):
            if name in self._lines:
                return self._lines[name]
        return 1

    def _build(self, group: Section) -> Any:
        values: dict[str, Any] = {}
        for name, member in group.members.items():
            if isinstance(member, Section):
                values[name] = self._build(member)
            elif member.name in self._values:
                values[name] = self._values[member.name]
            else:
                values[name] = None if member.required else member.default
        return group.cls(**values)
