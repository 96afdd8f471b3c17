"""`emoedge check`: reads the configuration, loads models and certificates as `run` would, and says what it found."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from emoedge.commands import config_option
from emoedge.errors import ConfigError, ModelError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from emoedge.config import Config
    from emoedge.config.outputs import MqttConfig


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        "check",
        help="check the configuration and the models, and stop",
        description="Read the configuration, load the models and files it names, and list everything that is wrong.",
    )
    config_option(parser, searched=True)
    parser.set_defaults(execute=execute)


def execute(args: argparse.Namespace) -> int:
    """Return 0 where `run` could start, else 78."""
    from emoedge.cli import EXIT_CONFIG
    from emoedge.config import find, load
    from emoedge.config.origin import placed
    from emoedge.sources.address import is_none

    path = find(args.config)
    config = load(path)
    lines: list[str] = []
    problems: list[str] = []
    for kind, name, source in (
        ("face", config.models.face, config.camera.source),
        ("speech", config.models.speech, config.microphone.source),
    ):
        try:
            said = "not loaded: nothing feeds it" if is_none(source) else _model(kind, name, config, path)
            lines.append(f"models.{kind:<7} {said}")
        except (ConfigError, ModelError) as error:
            problems.append(str(error))
    problems += _broker(config)
    if problems:
        print("\n".join(placed(problem, path) for problem in problems), file=sys.stderr)
        return EXIT_CONFIG
    for line in (*_summary(config, path), *lines):
        print(line)
    return 0


def _broker(config: Config) -> list[str]:
    """What is wrong with the files that the connection needs; the service's environment is not this one's."""
    from emoedge.ops.credentials import mqtt_password
    from emoedge.outputs.tls import tls_context

    if config.mqtt.host == "none":
        return []
    found: list[str] = []
    looks: list[Callable[[MqttConfig], object]] = [tls_context]
    if config.mqtt.password_file is not None:
        looks.append(mqtt_password)
    for look in looks:
        try:
            look(config.mqtt)
        except ConfigError as error:
            found += error.problems
    return found


def _summary(config: Config, path: Path) -> list[str]:
    """What will run, one line each."""
    from emoedge.sources.address import shown

    broker = "none" if config.mqtt.host == "none" else f"{config.mqtt.host}:{config.mqtt.port}"
    return [
        f"{path}: good",
        f"context        {config.deployment.context}",
        f"camera         {shown(config.camera.source)}",
        f"microphone     {config.microphone.source}",
        f"broker         {broker}",
        f"aggregates     {_aggregates(config)}",
    ]


def _aggregates(config: Config) -> str:
    """What is told of many people, and whether anything is told of single ones."""
    given = config.aggregates
    if not given.enabled:
        return "none"
    windows = ", ".join(str(minutes) for minutes in sorted(given.windows))
    beside = "and nothing else about people" if given.only else "beside events of single people"
    return f"of {windows} min over at least {given.k} people, {beside}"


def _model(kind: str, name: str, config: Config, path: Path) -> str:
    """Load one model and describe it; raises ModelError, or ConfigError where the configuration does not fit it."""
    from emoedge.inference.model import load_model
    from emoedge.inference.model_file import asked_for
    from emoedge.inference.shipped import resolve
    from emoedge.pipeline import check_speech

    with asked_for(f"models.{kind}"):
        file = resolve(name, path.parent)
        if file is None:
            return "none"
        model = load_model(file, kind, config.models.threads)
    if kind == "speech":
        check_speech(config, model)
    return _describe(model, file)


def _describe(model: Any, file: Path) -> str:
    info = model.info
    return (
        f"{info.name} {info.version} ({info.dtype}, {info.front_end.name}, {len(info.labels)} labels: "
        f"{' '.join(info.labels)}) on {model.runtime}, sha256 {model.sha256[:12]}, {file}"
    )
