"""The keys of the configuration, read off its dataclasses: type, default, range, explanation."""

from __future__ import annotations

import difflib
import re
import types
import typing
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS: dict[type, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
"""Types that a key may have, and what they are called in a message."""

SECRETS = ("password", "token", "secret")
"""Last parts of names whose values must not be repeated in a message ..."""

TAKEN_FOR_SECRETS = ("password_env",)
"""... and of those where a value that does not fit may be the password itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting."""

    name: str
    """Dotted: section and field, `camera.fps`."""
    kind: type
    """str, int, float or bool: the type of the value, or of each element where `many`."""
    many: bool
    """The value is a list; a tuple in the tree."""
    default: Any
    """MISSING where the key must be written."""
    help: str
    unit: str
    minimum: float | None
    maximum: float | None
    choices: tuple[Any, ...]
    pattern: str
    form: str
    allow_none: bool
    path: bool

    @property
    def leaf(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is MISSING

    @property
    def secret(self) -> bool:
        """Whether its value must not be repeated in a message."""
        return self.leaf in (*SECRETS, *TAKEN_FOR_SECRETS)

    @property
    def span(self) -> str:
        """The range in words, without unit: `1 to 120`, `at least 0`, or empty."""
        if self.minimum is not None and self.maximum is not None:
            return f"{self.minimum:g} to {self.maximum:.10g}"
        if self.minimum is not None:
            return f"at least {self.minimum:g}"
        if self.maximum is not None:
            return f"at most {self.maximum:.10g}"
        return ""

    @property
    def expected(self) -> str:
        """What would be right, in words."""
        if self.form:
            words = self.form
        elif self.choices:
            words = "one of " + ", ".join(str(c) for c in self.choices)
        else:
            words = KINDS[self.kind]
            if self.span:
                words += f", {self.span}" if self.span.startswith("at") else f" from {self.span}"
            if self.unit and self.kind is not str:
                words += f" {self.unit}"
            if self.pattern:
                words += f" of the form {self.pattern}"
        if self.many:
            words = f"a list of: {words}"
        return words + (", or null" if self.allow_none else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A group of keys: one dataclass of the tree."""

    name: str
    """Dotted; empty for the whole configuration."""
    cls: type
    members: dict[str, Key | Section]

    @property
    def help(self) -> str:
        """First line of the class's docstring."""
        return (self.cls.__doc__ or "").strip().partition("\n")[0]

    def walk(self) -> Iterator[Key]:
        """All keys, also those of nested sections, in the order of the file."""
        for member in self.members.values():
            if isinstance(member, Key):
                yield member
            else:
                yield from member.walk()


def like_secret(name: str) -> bool:
    """Whether an unknown key was meant for a secret: mistyped, or as other programs name it."""
    leaf = name.lower().rpartition(".")[2]
    return bool(re.search("pass|pwd|secret|token", leaf) or difflib.get_close_matches(leaf, SECRETS, n=1, cutoff=0.6))


@cache
def section(cls: type, name: str = "") -> Section:
    """Section of a dataclass and of those nested in it; TypeError where a field's type cannot be read."""
    hints = typing.get_type_hints(cls)
    members: dict[str, Key | Section] = {}
    for field in fields(cls):
        dotted = f"{name}.{field.name}" if name else field.name
        hint = hints[field.name]
        if is_dataclass(hint):
            members[field.name] = section(typing.cast("type", hint), dotted)
            continue
        kind, many, optional = _unfold(hint, dotted)
        metadata = dict(field.metadata)
        if optional != metadata["allow_none"]:
            raise TypeError(f"{dotted}: allow_none and the type {hint} disagree")
        default = field.default
        if field.default_factory is not MISSING:
            default = field.default_factory()
        members[field.name] = Key(name=dotted, kind=kind, many=many, default=default, **metadata)
    return Section(name=name, cls=cls, members=members)


def _unfold(hint: Any, name: str) -> tuple[type, bool, bool]:
    """Scalar type, whether it is a list of them, whether None is allowed."""
    optional = False
    if typing.get_origin(hint) in {types.UnionType, typing.Union}:
        rest = [h for h in typing.get_args(hint) if h is not type(None)]
        if len(rest) != 1 or len(typing.get_args(hint)) != 2:
            raise TypeError(f"{name}: {hint} is not a type of a setting")
        hint, optional = rest[0], True
    many = False
    if typing.get_origin(hint) is tuple and typing.get_args(hint)[1:] == (Ellipsis,):
        hint, many = typing.get_args(hint)[0], True
    if hint not in KINDS:
        raise TypeError(f"{name}: {hint} is not a type of a setting")
    return hint, many, optional
