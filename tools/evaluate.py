"""Measure a model file through the code that the daemon runs: `tools/evaluate.py MODEL --data PATH --json`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import face_evaluation, plots
from workbench.metrics import Figures, Predictions, arousal, figures, table

from emoedge.errors import MediaError, ModelError
from emoedge.inference.model import Model, load_model
from emoedge.messages import Modality

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Measured = tuple[Figures, dict[str, object]]


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, measure, print; returns the exit code."""
    given = _parser().parse_args(arguments)
    missing = [str(path) for path in given.data if not path.exists()]
    if missing:
        print(f"{', '.join(missing)}: no such data", file=sys.stderr)
        return 2
    try:
        model = load_model(given.model)
        result, more = _measure(model, given)
    except ModelError as error:
        print(str(error), file=sys.stderr)
        return 78
    except MediaError as error:
        print(str(error), file=sys.stderr)
        return 65
    except (ValueError, OSError) as error:
        print(f"cannot evaluate: {error}", file=sys.stderr)
        return 2
    what = f"{given.model.name} on {', '.join(path.name for path in given.data)}"
    what += f" ({given.dataset})" if given.dataset else ""
    print(f"{what}: accuracy {result.accuracy:.4f}, uar {result.uar:.4f}, macro-F1 {result.macro_f1:.4f}, "
          f"calibration error {result.ece:.4f}, n {result.n}")  # fmt: skip
    if result.unnamed or result.unknown:
        print(f"left out: {result.unnamed} rows without a canonical label, {result.unknown} that the model "
              f"has no label for")  # fmt: skip
    print(table(result))
    if given.confusion:
        try:
            plots.confusion(result, given.confusion, title=what)
        except (OSError, ValueError) as error:
            print(f"{given.confusion}: cannot be drawn: {error}", file=sys.stderr)
            return 2
    if given.json:
        print(json.dumps(result.as_dict() | more))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure a model file as the daemon would run it.")
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file made by tools/convert.py")
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
        "--noise-db", type=float, metavar="DB", help="mix in the folder's noises at this signal-to-noise ratio"
    )
    parser.add_argument(
        "--target", choices=face_evaluation.TARGETS, default="original", help="labels of a face pack"
    )
    parser.add_argument("--confusion", type=Path, metavar="PNG", help="draw the confusion matrix")
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
        return figures(predictions), more
    from workbench import speech_evaluation

    speakers = [name for name in given.speakers.split(",") if name] or None
    predictions = speech_evaluation.evaluate(
        model, given.data, given.dataset or None, speakers, given.noise_db
    )
    more = {"dataset": given.dataset, "speakers": speakers, "noise_db": given.noise_db}
    excitement = arousal(predictions)
    if excitement is not None:
        of = "its own output" if excitement.own else "the labels' probabilities"
        print(f"arousal by {of}: balanced accuracy {excitement.balanced:.4f} (high {excitement.high:.4f}, "
              f"low {excitement.low:.4f}), area under the curve {excitement.area:.4f}, n {excitement.n}")  # fmt: skip
        more["arousal"] = excitement.as_dict()
    return figures(predictions), more


def _split(text: str) -> int | None:
    return None if text == "all" else int(text)


def _some(predictions: Predictions, rows: NDArray[np.bool_]) -> Predictions:
    return replace(predictions, scores=predictions.scores[rows], truth=predictions.truth[rows])


if __name__ == "__main__":
    sys.exit(main())
