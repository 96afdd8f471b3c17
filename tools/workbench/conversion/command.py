"""The command line of `tools/convert.py`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emoedge.emotions import CANONICAL
from emoedge.errors import EmoedgeError
from emoedge.inference.spec import FACE_FRONT_ENDS, FRONT_ENDS_WITH_WEIGHTS, SPEECH_FRONT_ENDS, FrontEndSpec
from emoedge.messages import Modality
from workbench.conversion import card
from workbench.conversion.pipeline import convert
from workbench.conversion.request import (
    DTYPES,
    GATES,
    OUTPUTS,
    ConversionError,
    Request,
    map_labels,
    parse_dimensions,
    parse_labels,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

DONE, FAILED, USAGE, GATE = 0, 1, 2, 3

EPILOG = f"""
--front-end is what the model was trained on. For faces {", ".join(FACE_FRONT_ENDS)}; for speech
{", ".join(SPEECH_FRONT_ENDS[:4])}, {", ".join(SPEECH_FRONT_ENDS[4:])}.
Parameters, defaults and their meaning: docs/front-ends.md

--calibrate takes
  faces.npz      `images` uint8 N x 48 x 48, `labels` (0 angry 1 disgust 2 fear 3 happy 4 sad 5 surprise
                 6 neutral), `split` (0: used)
  a data set     of faces (fer2013.csv, pictures in folders named by emotion, CK+, JAFFE ...) or of speech (labels.csv
                 beside the sounds, or RAVDESS's, TESS's ... own file names), in a layout of docs/data.md
  inputs.npz     `inputs` as the model takes them, rows first; `labels` (names, or places in --labels) and
                 `split` where there are any

Give rows that the model did not learn from. Part of them (three tenths of a small set, a twentieth of a large one, a
speech folder's validation speakers or a fifth of its speakers) is kept from the quantizer; on it the gates are measured
and the temperature is fitted, which makes a model far too sure where it knows the rows. A warning tells when too few
rows are left, when the temperature lies below 1 or at an end of what is tried, when the model is right no more
often than by chance, and when a face model scales once more what --front-end has scaled.

exit codes: 0 done; 1 refused or failed, one line tells why; 2 usage; 3 a parity gate was not passed (the file is
written and says so)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse and run; returns the exit code."""
    given = _parser().parse_args(arguments)
    try:
        return int(given.run(given))
    except (EmoedgeError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="convert.py", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="convert | inspect | verify | bench")
    _convert_arguments(verbs.add_parser(
        "convert", help="make a self-describing .tflite of a Keras model", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ))  # fmt: skip
    inspect = verbs.add_parser("inspect", help="what a model file says of itself")
    inspect.add_argument("file", type=Path)
    inspect.add_argument("--json", action="store_true", help="as one JSON object")
    inspect.set_defaults(run=card.inspect)
    verify = verbs.add_parser("verify", help="structure and golden vectors, on each installed runtime")
    verify.add_argument("files", type=Path, nargs="+")
    verify.set_defaults(run=card.verify)
    bench = verbs.add_parser("bench", help="latency at 1, 2 and 4 threads, on each installed runtime")
    bench.add_argument("file", type=Path)
    bench.add_argument("--json", action="store_true", help="as one JSON object")
    bench.set_defaults(run=card.bench)
    return parser


def _convert_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, help=".keras, .h5, .hdf5, or the folder of a SavedModel")
    parser.add_argument("--modality", choices=[m.value for m in Modality], required=True)
    parser.add_argument("--labels", required=True, metavar="a,b,...", help="the model's classes, in its order")
    parser.add_argument("--label-map", default="", metavar="a=angry,...", help="canonical emotions of labels")
    parser.add_argument("--dimensions", default="", metavar="NAME=LOW:HIGH,...",
                        help="valence and arousal, where the outputs after the labels tell them")  # fmt: skip
    parser.add_argument("--front-end", required=True, metavar="NAME:key=value,...", help="makes its input, see below")
    parser.add_argument("--front-end-weights", type=Path, metavar="NPZ", help="of the net that it has, if it has one")
    parser.add_argument("--calibrate", type=Path, metavar="PATH", help="representative data, see below")
    parser.add_argument("--dataset", metavar="NAME", help="use only this data set of a speech folder")
    parser.add_argument("--dtype", choices=DTYPES, default="int8")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--report", type=Path, metavar="PREFIX", help="of .json and .md (OUTPUT's stem + .report)")
    parser.add_argument("--allow", action="append", choices=GATES, default=[], help="accept this parity gate's failure")
    parser.add_argument("--allow-lambda", action="store_true", help="run the code that Lambda layers hold")
    parser.add_argument("--samples", type=int, default=300, metavar="N", help="rows the quantizer sees (300)")
    parser.add_argument("--held-out", type=int, default=1500, metavar="N", help="rows measured on, at most (1500)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output-kind", choices=OUTPUTS, help="what it says (default: told from its values)")
    parser.add_argument("--temperature", type=float, metavar="T", help="default: fitted, see below")
    parser.add_argument("--prior", default="", metavar="P", help="7 numbers, or `data`: the classes' frequencies")
    parser.add_argument("--reliability", type=float, default=1.0, metavar="R", help="weight of its evidence, 0 to 1")
    for key, words in (("name", "default: the output's stem"), ("version", "default: 1")):
        parser.add_argument(f"--{key}", default="" if key == "name" else "1", help=words)
    parser.add_argument("--licence", default="", help="terms of the weights")
    parser.add_argument("--trained-on", default="", help="data sets")
    parser.set_defaults(run=_convert)


def _convert(given: argparse.Namespace) -> int:
    try:
        request = _request(given)
    except (ConversionError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    outcome = convert(request)
    parity, info = outcome.info.parity, outcome.info
    print(f"{outcome.path}: {info.dtype}, {outcome.path.stat().st_size} bytes, temperature {info.temperature:.3f}")
    print(f"agreement {parity['agreement']} on {parity['rows']} rows; {json.dumps(dict(info.accuracy))}")
    print(f"report: {outcome.reports[0]}, {outcome.reports[1]}")
    for text in outcome.warnings:
        print(f"warning: {text}", file=sys.stderr)
    if outcome.passed:
        return DONE
    print(f"parity gate not passed: {parity['reason']}; --allow {'|'.join(GATES)} accepts one by name", file=sys.stderr)
    return GATE


def _request(given: argparse.Namespace) -> Request:
    labels = parse_labels(given.labels)
    front_end = FrontEndSpec.parse(given.front_end)
    if front_end.modality != given.modality:
        raise ConversionError(f"front end {front_end.name} does not serve a {given.modality} model")
    if given.front_end_weights:
        front_end = replace(front_end, weights=_weights(given.front_end_weights, front_end))
    return Request(
        model=given.model, output=given.output, front_end=front_end, labels=labels,
        label_map=map_labels(labels, _pairs(given.label_map)), dtype=given.dtype, calibrate=given.calibrate,
        dataset=given.dataset, samples=given.samples, held_out=given.held_out, seed=given.seed,
        temperature=given.temperature, prior=_prior(given.prior), reliability=given.reliability,
        dimensions=parse_dimensions(given.dimensions), output_kind=given.output_kind, name=given.name,
        version=given.version, licence=given.licence,
        trained_on=given.trained_on, allow=frozenset(given.allow), allow_lambda=given.allow_lambda,
        report=given.report,
    )  # fmt: skip


def _weights(path: Path, front_end: FrontEndSpec) -> bytes:
    if front_end.name not in FRONT_ENDS_WITH_WEIGHTS:
        raise ConversionError(f"front end {front_end.name} takes no weights; leave --front-end-weights out")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConversionError(f"{path}: cannot be read: {error.strerror}") from error


def _pairs(text: str) -> dict[str, str]:
    pairs = {}
    for part in filter(None, text.split(",")):
        own, equals, emotion = (word.strip() for word in part.partition("="))
        if not equals or emotion not in CANONICAL:
            raise ConversionError(f"--label-map {part!r}: expected label=emotion, with one of {', '.join(CANONICAL)}")
        pairs[own] = emotion
    return pairs


def _prior(text: str) -> tuple[float, ...] | str:
    if text in ("", "data"):
        return text or ()
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != len(CANONICAL):
        raise ConversionError(f"--prior {text!r}: expected {len(CANONICAL)} numbers joined by commas, or `data`")
    return values
