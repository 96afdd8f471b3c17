"""Writes config.yaml and the reference pages from the code; with --check, fails where they are stale.

The configuration comes from its dataclasses, the commands from argparse, the payloads from their JSON Schemas, the
front ends from their parameters.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import front_end_page

from emoedge import cli
from emoedge.config.key import Key, Section, section
from emoedge.config.tree import Config
from emoedge.config.value import show
from emoedge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = ROOT / "emoedge" / "outputs" / "schemas"
CONTEXT = "home"
"""What the written config.yaml says under deployment.context, the one key that has no default."""
WIDTH = 100
MADE = "Written by tools/reference.py; change the code, not this file."


def main(argv: list[str] | None = None) -> int:
    """Write or check all pages; 1 where one is stale."""
    parser = argparse.ArgumentParser(description="Write config.yaml and the reference pages from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page is stale")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder to write to (default: the checkout)")
    args = parser.parse_args(argv)
    stale = []
    for name, make in PAGES.items():
        path: Path = args.root / name
        text = make()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not args.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print(("stale, run `make reference`: " if args.check else "written: ") + ", ".join(stale))
    return 1 if stale and args.check else 0


def config_yaml() -> str:
    """The configuration with every key at its default, and a line of explanation above each."""
    root = section(Config)
    lines = [
        "# Every key of emoedge with its default; delete what you do not change. Only deployment.context has none:",
        f"# `{CONTEXT}` is an example there, write where your device is used.",
        f"# {MADE}",
        "# Check it with `emoedge check --config config.yaml`.",
    ]
    for name, member in root.members.items():
        lines += ["", *_yaml(name, member, 0)]
    text = "\n".join(lines) + "\n"
    _must_load(text)
    return text


def _must_load(text: str) -> None:
    from emoedge.config.loader import loads

    try:
        loads(text, "config.yaml")
    except ConfigError as error:
        raise SystemExit(f"the defaults do not pass their own checks:\n{error}") from error


def _yaml(name: str, member: Key | Section, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(member, Section):
        yield f"{indent}# {member.help}"
        yield f"{indent}{name}:"
        for child, below in member.members.items():
            yield from _yaml(child, below, depth + 1)
        return
    value = CONTEXT if member.name == "deployment.context" else member.default
    lines = textwrap.wrap(member.help, WIDTH - len(indent) - 2, break_on_hyphens=False, break_long_words=False)
    if len(lines) == 1 and len(lines[0]) + len(_range(member)) < WIDTH - len(indent) - 2:
        lines = [f"{lines[0]} {_range(member)}"]
    else:
        lines.append(_range(member))
    yield from (f"{indent}# {line}" for line in lines)
    yield f"{indent}{name}: {_literal(value)}"


def _range(key: Key) -> str:
    """What may stand there, in brackets: `[1 to 120 Hz; default 15]`."""
    if key.choices:
        parts = [" | ".join(str(c) for c in key.choices)]
    elif key.span:
        parts = [f"{key.span} {key.unit}".strip()]
    else:
        parts = [key.form or {str: "text", bool: "true | false"}.get(key.kind, f"number {key.unit}".strip())]
    if key.choices and key.unit:
        parts[0] += f" {key.unit}"
    if key.many:
        parts[0] = f"list of {parts[0]}"
    if key.allow_none:
        parts[0] += ", or null"
    parts.append("required" if key.required else f"default {_literal(key.default)}")
    return f"[{'; '.join(parts)}]"


def _literal(value: Any) -> str:
    """A value as YAML; text is quoted where YAML would read something else, or where it is easily misread."""
    if isinstance(value, tuple):
        return "[" + ", ".join(_literal(v) for v in value) + "]"
    if not isinstance(value, str):
        return show(value)
    plain = value.replace("/", "").replace("-", "").replace("_", "").replace(".", "").isalnum()
    return value if plain and not value[0].isdigit() else json.dumps(value, ensure_ascii=False)


def config_page() -> str:
    """docs/config.md."""
    lines = [
        "# Configuration", "", f"<!-- {MADE} -->", "",
        "`run`, `check` and `doctor` read `--config F`, else `./config.yaml`, else `/etc/emoedge/config.yaml`;",
        "`replay`, `view`, `classify` and `watch` use the defaults unless `--config` is given. Unknown keys are",
        "refused. All mistakes are listed at once as `file:line: key: value: what would be right`, and the exit code",
        "is 78. The file [config.yaml](../config.yaml) holds every key at its default.", "",
        "In a path `~` stands for the home folder of who runs emoedge, `~user` for that of another. Where it is",
        "relative it starts in the working directory, which is `/var/lib/emoedge` for the service; that of a model",
        "may also start in the folder of the configuration.",
    ]  # fmt: skip
    for member in section(Config).members.values():
        lines += _config_section(member, 2)
    return "\n".join(lines) + "\n"


def _config_section(member: Key | Section, level: int) -> list[str]:
    if isinstance(member, Key):
        return []
    keys = [key for key in member.members.values() if isinstance(key, Key)]
    lines = ["", f"{'#' * level} `{member.name}`", "", member.help]
    lines += ["", "| key | default | may be | meaning |", "|---|---|---|---|"]
    for key in keys:
        default = "*required*" if key.required else f"`{_literal(key.default)}`"
        lines.append(f"| `{key.leaf}` | {default} | {_cell(key.expected)} | {_cell(key.help)} |")
    for below in member.members.values():
        lines += _config_section(below, level + 1)
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def cli_page() -> str:
    """docs/cli.md. Made from the parsers, not from their help text, whose layout differs between Pythons."""
    top = cli.parser()
    lines = ["# Commands", "", f"<!-- {MADE} -->", "", str(top.description)]
    lines += ["", "```", *str(top.epilog).strip().splitlines(), "```"]
    for action in top._actions:  # noqa: SLF001 - argparse offers no public way to its arguments
        if not isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            continue
        for name, parser in action.choices.items():
            lines += _command(name, parser)
    return "\n".join(lines) + "\n"


def _command(name: str, parser: argparse.ArgumentParser) -> list[str]:
    shown = [a for a in parser._actions if a.help is not argparse.SUPPRESS and a.dest != "help"]  # noqa: SLF001
    usage = " ".join([f"emoedge {name}", *(_usage(a) for a in sorted(shown, key=lambda a: not a.option_strings))])
    lines = ["", f"## `{usage}`", "", str(parser.description or "")]
    if shown:
        lines += ["", "| argument | meaning |", "|---|---|"]
    for action in shown:
        names = ", ".join(f"`{n}{_metavar(action, ' ')}`" for n in action.option_strings) or f"`{_metavar(action)}`"
        help_text = (action.help or "") % {"default": action.default, "prog": "emoedge"}
        lines.append(f"| {names} | {_cell(help_text)} |")
    return lines


def _metavar(action: argparse.Action, before: str = "") -> str:
    if action.nargs == 0:
        return ""
    if action.metavar is None and action.choices is not None:
        return before + "{" + ",".join(str(c) for c in action.choices) + "}"
    name = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    return before + (name if isinstance(name, str) else " ".join(name))


def _usage(action: argparse.Action) -> str:
    text = f"{action.option_strings[-1]}{_metavar(action, ' ')}" if action.option_strings else _metavar(action)
    if action.nargs in {"+", "*"}:
        text += "..."
    needed = action.required if action.option_strings else action.nargs not in {"?", "*"}
    return text if needed else f"[{text}]"


def payload_page() -> str:
    """docs/payloads.md."""
    lines = [
        "# Payloads", "", f"<!-- {MADE} -->", "",
        "All payloads are JSON objects; receivers ignore members that they do not know, and `v` grows only when",
        "a member changes its meaning. The schemas stand in `emoedge/outputs/schemas/` and are published on",
        "`schema/<name>`. `status` and `sensor/*/status` are plain words.",
    ]  # fmt: skip
    for path in sorted(SCHEMAS.glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        lines += ["", f"## `{path.stem}`", "", f"{schema.get('title', '')}.", *_members(schema)]
    return "\n".join(lines) + "\n"


def _members(schema: Mapping[str, Any]) -> Iterable[str]:
    yield from ("", "| member | always | value | meaning |", "|---|---|---|---|")
    needed = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        always = "yes" if name in needed else ""
        yield f"| `{name}` | {always} | {_cell(_value(inner))} | {_cell(inner.get('description', ''))} |"


def _value(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{'null' if v is None else v}`" for v in schema["enum"])
    unions = schema.get("anyOf") or schema.get("oneOf")
    if unions:
        return " or ".join(_value(s) for s in unions)
    kinds = schema.get("type", "any value")
    text = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    return text + _inside(schema) + _limits(schema)


def _inside(schema: Mapping[str, Any]) -> str:
    """What an array or object holds."""
    if "items" in schema:
        return f" of: {_value(schema['items'])}"
    if schema.get("properties"):
        return " with " + ", ".join(f"`{n}` ({_value(s)})" for n, s in schema["properties"].items())
    if isinstance(schema.get("additionalProperties"), dict):
        names = schema.get("propertyNames")
        return f" of {_value(schema['additionalProperties'])}" + (f"; names: {_value(names)}" if names else "")
    return ""


def _limits(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f", {low:g} to {high:g}"
    return f", at least {low:g}" if low is not None else ""


PAGES: Mapping[str, Callable[[], str]] = {
    "config.yaml": config_yaml,
    "docs/config.md": config_page,
    "docs/cli.md": cli_page,
    "docs/payloads.md": payload_page,
    "docs/front-ends.md": lambda: front_end_page.page(MADE),
}

if __name__ == "__main__":
    sys.exit(main())
