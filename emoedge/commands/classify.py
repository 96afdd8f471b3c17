"""`emoedge classify`: one JSON line for each photograph or recorded phrase."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from emoedge.commands import config_option
from emoedge.errors import ConfigError, MediaError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from emoedge.config import Config
    from emoedge.judging.judge import EmotionModel
    from emoedge.judging.judgement import Judgement
    from emoedge.messages import Modality


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        "classify",
        help="judge photographs and recorded phrases, one JSON line each",
        description="Judge single pictures (every face in them, the largest first) and sound files (one's own "
        "recorded phrases) with the models that `run` would use, and print one JSON line for each file. A file "
        "that cannot be read gets one line on stderr, the others are judged, and the exit code is 65.",
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="a picture or a sound file")
    parser.add_argument(
        "--model", metavar="M", action="append", default=[],
        help="model for the sense that its file names: a path or a shipped name; may be given twice, once for "
        "each sense (default: those of the configuration)",
    )  # fmt: skip
    parser.add_argument(
        "--crop", action="store_true", help="each picture is a face already cut out: judge the whole of it"
    )
    config_option(parser, searched=False)
    parser.set_defaults(execute=execute)


def execute(args: argparse.Namespace) -> int:
    """Print a line for each file; raises ModelError or ConfigError before any line is printed."""
    from pathlib import Path

    from emoedge.cli import EXIT_MEDIA
    from emoedge.config import default_config, load
    from emoedge.config.origin import pointing
    from emoedge.threads import bound_threads

    config = default_config() if args.config is None else load(args.config, require_context=False)
    base = None if args.config is None else Path(args.config).parent
    bound_threads(config.models.threads)
    kinds = {file: _kind(file) for file in dict.fromkeys(args.files)}
    with pointing(args.config):
        models = _models(config, base, args.model, {kind for kind in kinds.values() if kind is not None})
    code = 0
    for file in args.files:
        kind = kinds[file]
        said = None if kind is None else _judge(models[kind], file, crop=args.crop)
        if said is None or kind is None:
            code = EXIT_MEDIA
            continue
        info = models[kind].info
        line = {"file": file, "model": f"{info.name} {info.version}", **said.as_dict()}
        print(_written(line), flush=True)
        if not args.crop and said.reason == "no_face":
            _hint(file)
    return code


def _kind(file: str) -> Modality | None:
    """Which sense a file is for; None, and a line said, where it cannot be read."""
    from emoedge.judging.judge import modality_of

    try:
        return modality_of(file)
    except MediaError as error:
        print(error, file=sys.stderr)
        return None


def _models(
    config: Config, base: Path | None, named: list[str], wanted: set[Modality]
) -> dict[Modality, EmotionModel]:
    """A model for each sense that is wanted; one that was named is loaded in any case."""
    from emoedge.inference.model_file import asked_for
    from emoedge.judging.judge import load_model
    from emoedge.messages import Modality

    models: dict[Modality, EmotionModel] = {}
    for name in named:
        model = load_model(name, config=config, base=base, threads=config.models.threads)
        if model.modality in models:
            raise ConfigError([f"--model {name}: a second {model.modality} model; name one for each sense"])
        models[model.modality] = model
    for kind, name in ((Modality.FACE, config.models.face), (Modality.SPEECH, config.models.speech)):
        if kind not in wanted or kind in models:
            continue
        if name.strip().lower() == "none":
            raise ConfigError([f"models.{kind}: none: nothing judges these files; name one with --model"])
        with asked_for(f"models.{kind}"):
            models[kind] = load_model(name, kind, config=config, base=base, threads=config.models.threads)
    return models


def _judge(model: EmotionModel, file: str, *, crop: bool) -> Judgement | None:
    """What the model says; None, and a line said, where the file cannot be read."""
    try:
        return model.classify_file(file, crop=crop)
    except MediaError as error:
        print(error, file=sys.stderr)
        return None


def _written(line: dict[str, object]) -> str:
    """The line as JSON, in UTF-8 whatever a file's name is made of: its odd bytes are escaped."""
    text = json.dumps(line, ensure_ascii=False, allow_nan=False)
    return "".join(rf"\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text)


def _hint(file: str) -> None:
    from emoedge.judging.photograph import may_be_a_face

    if may_be_a_face(file):
        print(f"{file}: no face found in it; if it is itself a cut-out face, judge it with --crop", file=sys.stderr)
