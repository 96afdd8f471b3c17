"""Measure a model file through the code that the daemon runs: `tools/evaluate.py MODEL --data PATH --json`."""

from __future__ import annotations

import argparse
import json
import math
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import abstention, face_evaluation, plots
from workbench.command import check_sense, model_file, told
from workbench.metrics import Predictions, arousal, figures, table
from workbench.voice_sounds import BACKGROUNDS, RECORDED

from emoedge.inference.model import Model, load_model
from emoedge.inference.model_file import ModelFile
from emoedge.messages import Modality

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

Measured = tuple[Predictions, dict[str, object]]


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, measure, print; returns the exit code."""
    given = _parser().parse_args(arguments)
    missing = [str(path) for path in given.data if not path.exists()]
    if missing:
        print(f"{', '.join(missing)}: no such data", file=sys.stderr)
        return 2
    return told(lambda: _run(given))


def _run(given: argparse.Namespace) -> None:
    given.model = model_file(given.model)
    model = load_model(given.model)
    _check_options(model, given)
    _check_purpose(model, given)
    check_sense(given.data, model.info.modality, given.model.name)
    predictions, more = _measure(model, given)
    result = figures(predictions)
    what = f"{given.model.name} on {', '.join(path.name for path in given.data)}"
    what += f" ({given.dataset})" if given.dataset else ""
    print(f"{what}: accuracy {result.accuracy:.4f}, uar {result.uar:.4f}, macro-F1 {result.macro_f1:.4f}, "
          f"calibration error {result.ece:.4f}, n {result.n}")  # fmt: skip
    if result.unnamed or result.unknown:
        print(f"left out: {result.unnamed} rows without a canonical label, {result.unknown} that the model "
              f"has no label for")  # fmt: skip
    print(table(result))
    if given.risk_coverage or given.fit_abstention is not None:
        more |= _abstention(predictions, model, given, title=what)
    if given.confusion:
        with _drawing(given.confusion):
            plots.confusion(result, given.confusion, title=what)
    if given.json:
        print(json.dumps(result.as_dict() | more))


@contextmanager
def _drawing(path: Path) -> Iterator[None]:
    """Name the picture in what goes wrong."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be drawn: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure a model file as the daemon would run it.")
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file, or the name of a shipped model")
    parser.add_argument(
        "--data", type=Path, required=True, action="append", metavar="PATH",
        help="data set in a layout of docs/data.md; may be repeated: several are joined",
    )  # fmt: skip
    parser.add_argument(
        "--split", type=_split, default=1, metavar="N",
        help="part of a face set: 0 training, 1 reported (default), 2 kept apart, or all",
    )  # fmt: skip
    parser.add_argument("--dataset", default="", metavar="NAME", help="one data set of a speech folder")
    parser.add_argument("--speakers", default="", metavar="A,B,...", help="only these of a speech folder")
    parser.add_argument(
        "--noise-db", type=_decibels, metavar="DB",
        help="mix noise into clips of speech at this signal-to-noise ratio",
    )  # fmt: skip
    parser.add_argument(
        "--noise", choices=(RECORDED, *BACKGROUNDS), default=RECORDED,
        help="which: the folder's recordings, a car's rumble, or the hum of the mains (recorded)",
    )  # fmt: skip
    parser.add_argument(
        "--target", choices=face_evaluation.TARGETS, default="original", help="labels of a face pack"
    )
    parser.add_argument("--confusion", type=Path, metavar="PNG", help="draw the confusion matrix")
    parser.add_argument(
        "--risk-coverage", type=Path, metavar="PNG", help="draw accuracy over the share of rows that get a label"
    )
    parser.add_argument(
        "--wanted", type=float, default=0.92, metavar="ACCURACY", help="accuracy whose coverage is told (0.92)"
    )
    parser.add_argument(
        "--fit-abstention", type=float, metavar="ACCURACY",
        help="write into MODEL the least certainty above which these rows are named right this often; faces must be "
        "rows held out of training (`--split 0`), voices speakers that no figure is told of",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    return parser


def _measure(model: Model, given: argparse.Namespace) -> Measured:
    if model.info.modality == Modality.FACE:
        predictions, alone = face_evaluation.evaluate(
            model, given.data, split=given.split, target=given.target
        )
        more: dict[str, object] = {"target": given.target, "split": given.split}
        if given.split is not None and (predictions.truth[alone] >= 0).any():
            without = figures(_some(predictions, alone))
            print(f"without pixel twins in training: accuracy {without.accuracy:.4f}, "
                  f"macro-F1 {without.macro_f1:.4f}, n {without.n}")  # fmt: skip
            more["without_twins"] = {
                "accuracy": round(without.accuracy, 5), "macro_f1": round(without.macro_f1, 5), "n": without.n,
            }  # fmt: skip
        return predictions, more
    from workbench import speech_evaluation

    speakers = [name for name in given.speakers.split(",") if name] or None
    predictions = speech_evaluation.evaluate(
        model, given.data, given.dataset or None, speakers, given.noise_db, given.noise
    )
    more = {"dataset": given.dataset, "speakers": speakers, "noise_db": given.noise_db}
    if given.noise_db is not None:
        more["noise"] = given.noise
    excitement = arousal(predictions)
    if excitement is not None:
        of = "its own output" if excitement.own else "the labels' probabilities"
        print(f"arousal by {of}: balanced accuracy {excitement.balanced:.4f} (high {excitement.high:.4f}, "
              f"low {excitement.low:.4f}), area under the curve {excitement.area:.4f}, n {excitement.n}")  # fmt: skip
        more["arousal"] = excitement.as_dict()
    return predictions, more


def _check_options(model: Model, given: argparse.Namespace) -> None:
    """Raise ValueError for options that would be ignored: those of the other sense, and a noise of no loudness."""
    parser, sense = _parser(), model.info.modality
    names = ("dataset", "speakers", "noise_db", "noise") if sense == Modality.FACE else ("split", "target")
    ignored = [f"--{name.replace('_', '-')}" for name in names if getattr(given, name) != parser.get_default(name)]
    if ignored:
        raise ValueError(f"{', '.join(ignored)}: {given.model.name} is a {sense} model; leave them out")
    if given.noise != parser.get_default("noise") and given.noise_db is None:
        raise ValueError(f"--noise {given.noise}: say with --noise-db how loud it is")


def _check_purpose(model: Model, given: argparse.Namespace) -> None:
    """Raise ValueError where a threshold would be chosen on the rows that figures are told of, or for nonsense."""
    if not 0 < given.wanted <= 1:
        raise ValueError(f"--wanted {given.wanted:g}: expected an accuracy above 0, at most 1")
    if given.fit_abstention is None:
        return
    if not 0 < given.fit_abstention < 1:
        raise ValueError(f"--fit-abstention {given.fit_abstention:g}: expected an accuracy between 0 and 1")
    if model.info.modality == Modality.FACE and given.split != 0:
        raise ValueError("--fit-abstention chooses: give rows held out of training, with --split 0")


def _abstention(
    predictions: Predictions, model: Model, given: argparse.Namespace, *, title: str
) -> dict[str, object]:
    """Figures of the risk-coverage curve, drawn and fitted where that is asked for."""
    curve = abstention.of_predictions(predictions)
    threshold = model.info.abstain_below
    if given.fit_abstention is not None:
        if not curve.reaches(given.fit_abstention):
            raise ValueError(f"however sure it is, these rows are not named right in {given.fit_abstention:g} of the "
                             f"cases; {given.model} is left as it is; ask for less")  # fmt: skip
        threshold = round(curve.threshold(given.fit_abstention), 4)
        file = ModelFile.read(given.model)
        replace(file, info=replace(file.info, abstain_below=threshold)).write(given.model)
        print(f"{given.model}: names no label below {threshold:.4f} from now on")
    found = abstention.report(curve, threshold, given.wanted)
    print(f"sure by {threshold:.3f}: coverage {found['coverage']}, accuracy {found['accuracy']}; at accuracy "
          f"{given.wanted:g}: coverage {found['coverage_at_wanted']}; AURC {found['aurc']}")  # fmt: skip
    if given.risk_coverage:
        with _drawing(given.risk_coverage):
            abstention.draw(curve, threshold, given.risk_coverage, title=title)
    return {"risk_coverage": found}


def _split(text: str) -> int | None:
    if text != "all" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: expected 0, 1, 2 or all")
    return None if text == "all" else int(text)


def _decibels(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r}: expected decibels, such as 10; --noise says which noise it is")
    return value


def _some(predictions: Predictions, rows: NDArray[np.bool_]) -> Predictions:
    return replace(predictions, scores=predictions.scores[rows], truth=predictions.truth[rows])


if __name__ == "__main__":
    sys.exit(main())
