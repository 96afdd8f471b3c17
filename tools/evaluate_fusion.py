"""Does listening help looking? Measures fused against single senses, and fits what each model's word is worth.

    evaluate_fusion.py pairs --faces fer2013.npz --voices speech --target ferplus --json
    evaluate_fusion.py reliability models/tflite/speech.tflite --data speech --write

`pairs` draws a face and a voice of the same emotion, independently, from the parts that no model was trained on,
and plays both through the shipped models and the daemon's own fusion: alone, together, and with either replaced by
noise. `reliability` fits the weight of a model's evidence on validation rows; `--write` stores it in the file.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from workbench import fusion_pairs, reliability_fit
from workbench.command import override, told
from workbench.face_evaluation import TARGETS
from workbench.sense_material import (
    DEGRADED,
    Sample,
    face_rows,
    known,
    listened_to,
    looked_at,
    to_listen_to,
    to_look_at,
    voice_clips,
)

from emoedge.config import default_config
from emoedge.emotions import CANONICAL
from emoedge.errors import ModelError
from emoedge.inference.model import load_model
from emoedge.inference.model_file import ModelFile
from emoedge.inference.shipped import resolve
from emoedge.messages import Modality
from emoedge.pipeline import Models, reliabilities
from emoedge.threads import bound_threads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emoedge.inference.model import Model


def main(arguments: list[str] | None = None) -> int:
    """Parse, measure, print; returns the exit code."""
    given = _parser().parse_args(arguments)
    bound_threads(1)
    return told(lambda: _run(given))


def _run(given: argparse.Namespace) -> None:
    result = given.run(given)
    if given.json:
        print(json.dumps(result))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True, metavar="pairs | reliability")
    pairs = verbs.add_parser("pairs", help="accuracy of either sense and of both")
    pairs.add_argument("--faces", type=Path, action="append", required=True, metavar="PATH", help="face data set")
    pairs.add_argument("--voices", type=Path, action="append", required=True, metavar="PATH", help="speech folder")
    pairs.add_argument("--face", default="face", metavar="MODEL", help="default: the shipped one")
    pairs.add_argument("--speech", default="speech", metavar="MODEL", help="default: the shipped one")
    pairs.add_argument("--split", type=int, default=1, metavar="N", help="part of the face set (default: 1)")
    pairs.add_argument("--draws", type=int, default=2000, metavar="N", help="pairs in each row (default: 2000)")
    pairs.add_argument("--seed", type=int, default=0)
    pairs.add_argument(
        "--as-faces", action="store_true", help="draw emotions as often as the faces show them, not evenly"
    )
    pairs.add_argument(
        "--tune-side", action="store_true",
        help="the rows that training held out and the validation speakers, not the parts that are reported on",
    )  # fmt: skip
    pairs.add_argument(
        "--set", action="append", default=[], type=override, metavar="KEY=VALUE", help="a key of the configuration"
    )
    pairs.set_defaults(run=measure)
    fit = verbs.add_parser("reliability", help="fit the weight of a model's evidence")
    fit.add_argument("model", metavar="MODEL")
    fit.add_argument("--data", type=Path, action="append", required=True, metavar="PATH", help="its kind of data")
    fit.add_argument("--write", action="store_true", help="store it in the model file")
    fit.set_defaults(run=reliability)
    for verb in (pairs, fit):
        verb.add_argument("--target", choices=TARGETS, default="ferplus", help="labels of a face pack (ferplus)")
        verb.add_argument("--dataset", default="", metavar="NAME", help="one data set of the speech folder")
        verb.add_argument(
            "--speakers", default="", metavar="A,B,...", help="only these, whichever part they belong to"
        )
        verb.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    return parser


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """The paired test, printed as a table and returned."""
    if given.draws < 1:
        raise ValueError(f"--draws {given.draws}: expected 1 or more")
    config = default_config(overrides=dict(given.set))
    models = Models(_model(given.face, Modality.FACE), _model(given.speech, Modality.SPEECH))
    assert models.face is not None
    assert models.speech is not None
    images, truth = face_rows(given.faces, split=None if given.tune_side else given.split, target=given.target)
    clips = voice_clips(
        given.voices, part="validation" if given.tune_side else "test", dataset=given.dataset,
        speakers=_names(given.speakers),
    )  # fmt: skip
    both = known(models.face) & known(models.speech)
    truth = np.where(np.isin(truth, sorted(both)), truth, -1)
    clips = tuple(clip for clip in clips if CANONICAL.index(clip.emotion) in both)
    pairs = fusion_pairs.draw(
        to_look_at(truth), to_listen_to(clips), given.draws, seed=given.seed, even=not given.as_faces
    )
    pairs, drawn = fusion_pairs.only_drawn(pairs)
    rows = np.flatnonzero(truth >= 0)[drawn]
    images, truth = images[rows], truth[rows]
    faces = {how: looked_at(models.face, images, truth, config, how=how, seed=given.seed) for how in ("", *DEGRADED)}
    voices = {how: listened_to(models.speech, given.voices, clips, config, how=how, seed=given.seed)
              for how in ("", *DEGRADED)}  # fmt: skip
    weights = reliabilities(config, models)
    result: dict[str, Any] = {
        "target": given.target, "draws": given.draws, "seed": given.seed,
        "drawn": "as the faces" if given.as_faces else "evenly",
        "weights": {modality.value: each.weight for modality, each in weights.items()},
        "speakers": sorted({voice.speaker for voice in voices[""]}), "faces": len(faces[""]),
    }  # fmt: skip
    print(f"{len(faces[''])} faces, {len(voices[''])} clips of {len(result['speakers'])} speakers, "
          f"{given.draws} pairs; weights {result['weights']}")  # fmt: skip
    for method in fusion_pairs.METHODS:
        judge = fusion_pairs.Judge(config, weights, method)
        result[method] = _rows(judge, pairs, faces, voices)
        print(_table(method, result[method]))
    return result


def _rows(
    judge: fusion_pairs.Judge, pairs: list[fusion_pairs.Pair], faces: Mapping[str, list[Sample]],
    voices: Mapping[str, list[Sample]],
) -> dict[str, Any]:  # fmt: skip
    rows: dict[str, Any] = {}
    alone: fusion_pairs.Alone = {}
    conditions = [("clean", "", "")] + [(f"face {how}", how, "") for how in DEGRADED]
    for name, face, voice in [*conditions, *((f"speech {how}", "", how) for how in DEGRADED)]:
        beliefs = fusion_pairs.judge_pairs(pairs, faces[face], voices[voice], judge, alone)
        rows[name] = fusion_pairs.figures(pairs, beliefs)
        if name == "clean":
            rows[name]["by_speaker"] = fusion_pairs.by_speaker(pairs, voices[voice], beliefs)
    return rows


def _table(method: str, rows: Mapping[str, Any]) -> str:
    lines = [f"{method:<15}   face  speech  fused   gain over the better one   log loss"]
    lines += [
        f"{name:<15}  {100 * row['face']:5.1f}   {100 * row['speech']:5.1f}  {100 * row['fused']:5.1f}   "
        f"{100 * row['gain']:+5.1f} +- {100 * row['gain_error']:.1f} ({row['best']})".ljust(65)
        + f"{row['log_loss']:.3f}"
        for name, row in rows.items()
    ]
    return "\n".join(lines)


def reliability(given: argparse.Namespace) -> dict[str, Any]:
    """Fit the weight on the validation part and, where asked, write it into the model file."""
    path = resolve(given.model)
    if path is None:
        raise ModelError("none: no model to fit a reliability of")
    model = load_model(path)
    config = default_config()
    if model.info.modality is Modality.FACE:
        images, truth = face_rows(given.data, split=None, target=given.target)
        samples = looked_at(model, images, truth, config)
    else:
        clips = voice_clips(given.data, part="validation", dataset=given.dataset, speakers=_names(given.speakers))
        samples = listened_to(model, given.data, clips, config)
    has = np.isin(np.arange(len(CANONICAL)), sorted(known(model)))
    result = {"model": str(path), **reliability_fit.report(samples, model.info.prior, has)}
    print(f"{path}: reliability {result['reliability']:.2f} from {result['observations']} observations of "
          f"{result['samples']} validation samples; log loss {result['log_loss']['fitted']}, "
          f"at weight 1 {result['log_loss']['1']}")  # fmt: skip
    if given.write:
        file = ModelFile.read(path)
        replace(file, info=replace(file.info, reliability=result["reliability"])).write(path)
        print(f"{path}: written")
    return result


def _model(name: str, modality: Modality) -> Model:
    path = resolve(name)
    if path is None:
        raise ModelError(f"{name}: both senses need a model")
    return load_model(path, modality)


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


if __name__ == "__main__":
    sys.exit(main())
