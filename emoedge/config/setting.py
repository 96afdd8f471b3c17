"""How a config field declares itself: default, unit, range, choices and a line of explanation."""

from __future__ import annotations

from dataclasses import MISSING, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def setting(
    default: Any = MISSING,
    *,
    help: str,  # noqa: A002 - the field's word for it
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[str | int] = (),
    pattern: str = "",
    form: str = "",
    allow_none: bool = False,
    path: bool = False,
) -> Any:
    """A dataclass field whose metadata drive validation, `config.yaml` and the reference page.

    `default` MISSING makes the key required. `unit` is written as it reads after a number ("s", "Hz", "px").
    `minimum` and `maximum` are inclusive. `choices` are values of the field's own type.
    `pattern` is a full-match regular expression for strings, `form` says the same in words.
    `allow_none`: the key may be null in YAML (its type is then `X | None`).
    `path`: the text is, or may be, a path: `~` before it is a home folder.
    """
    metadata = {
        "help": help, "unit": unit, "minimum": minimum, "maximum": maximum,
        "choices": tuple(choices), "pattern": pattern, "form": form, "allow_none": allow_none,
        "path": path,
    }  # fmt: skip
    if default is MISSING:
        return field(metadata=metadata)
    if isinstance(default, (dict, list)) or (hasattr(default, "__dataclass_fields__")):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata)
