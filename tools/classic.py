#!/usr/bin/env python3
"""Trains, converts and measures all classic systems, and writes `docs/classic-systems.md`.

    tools/classic.py run --data DIR [--only D-speech ...] [--epochs-scale 0.5]   # hours; resumable
    tools/classic.py table                                                       # from the stored results

DIR holds `fer2013.npz` and the folder `speech`. Each model is trained twice: on its author's division and on
the honest one. What is stored in `docs/classic-systems/results.json` is all that the table is made of.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from workbench.classic_data import AUTHOR, HONEST, SPLITS
from workbench.classic_systems import MODELS
from workbench.classic_table import page

from emoedge.inference.spec import FrontEndSpec

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "classic-systems"
RESULTS = PICTURES / "results.json"
PAGE = ROOT / "docs" / "classic-systems.md"


def main(arguments: list[str] | None = None) -> int:
    """Run one of the verbs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True, metavar="run|table")
    run_parser = verbs.add_parser("run", help="train, convert, measure, store")
    run_parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    run_parser.add_argument("--output", type=Path, default=ROOT / "runs" / "classic", metavar="DIR")
    run_parser.add_argument("--only", nargs="+", metavar="NAME", help="e.g. D-speech, B-speech-gru")
    run_parser.add_argument("--epochs-scale", type=float, default=1.0, metavar="X", help="share of the epochs")
    run_parser.add_argument("--threads", type=int, default=2, metavar="N")
    run_parser.set_defaults(run=run)
    verbs.add_parser("table", help="write the page from the stored results").set_defaults(run=table)
    given = parser.parse_args(arguments)
    return int(given.run(given))


def name_of(key: tuple[str, str, str]) -> str:
    """`D-speech`, `B-speech-gru`."""
    return "-".join(filter(None, key))


def run(given: argparse.Namespace) -> int:
    """Everything that is not done yet; a run that was stopped goes on where it stood."""
    failed = []
    known = [name_of(key) for key in MODELS]
    strange = [name for name in given.only or () if name not in known]
    if strange:
        print(f"no system {', '.join(strange)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    keys = [key for key in MODELS if not given.only or name_of(key) in given.only]
    missing = [name for name in dict.fromkeys(_data(key) for key in keys) if not (given.data / name).exists()]
    if missing:
        print(f"{given.data} lacks {', '.join(missing)}", file=sys.stderr)
        return 2
    for key in keys:
        try:
            for split in SPLITS:
                _train(key, split, given)
            _store(key, given)
        except (subprocess.CalledProcessError, ValueError, OSError) as error:
            print(f"{name_of(key)}: {error}", file=sys.stderr)
            failed.append(name_of(key))
    if len(failed) < len(keys):
        table(given)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def table(_: argparse.Namespace) -> int:
    """Write the page from the stored results."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    PAGE.write_text(page(results), encoding="utf-8")
    return 0


def _folder(key: tuple[str, str, str], split: str, given: argparse.Namespace) -> Path:
    return Path(given.output) / f"{name_of(key)}-{split}"


def _data(key: tuple[str, str, str]) -> str:
    return "fer2013.npz" if key[1] == "face" else "speech"


def _train(key: tuple[str, str, str], split: str, given: argparse.Namespace) -> None:
    folder = _folder(key, split, given)
    if (folder / "figures.json").exists():
        return
    system, modality, variant = key
    data = given.data / _data(key)
    epochs = max(1, round(MODELS[key].epochs * given.epochs_scale))
    command = [
        sys.executable, str(ROOT / "tools" / "train.py"), "--system", system, "--modality", modality,
        "--data", str(data), "--output", str(folder), "--split", split, "--epochs", str(epochs),
        "--threads", str(given.threads), "--resume", *(["--variant", variant] if variant else []),
    ]  # fmt: skip
    print(f"== {name_of(key)}, {split} division, {epochs} epochs", flush=True)
    subprocess.run(command, check=True)


def _store(key: tuple[str, str, str], given: argparse.Namespace) -> None:
    honest = _folder(key, HONEST, given)
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    row = {split: json.loads((_folder(key, split, given) / "figures.json").read_text()) for split in SPLITS}
    PICTURES.mkdir(parents=True, exist_ok=True)
    results[name_of(key)] = {**row, "converted": _convert(key, honest, row[HONEST]["front_end"])}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for split in SPLITS:
        for picture in ("confusion", "curve"):
            source = _folder(key, split, given) / f"{picture}.png"
            if picture == "confusion" or split == AUTHOR:
                shutil.copyfile(source, PICTURES / f"{name_of(key)}-{split}-{picture}.png")


def _convert(key: tuple[str, str, str], folder: Path, front_end: str) -> dict[str, Any]:
    """Convert to full int8 and measure it on the honest test rows; what the converter says where it refuses."""
    from workbench import metrics
    from workbench.conversion import ConversionError, Request, convert

    model = MODELS[key]
    target = folder / "int8.tflite"
    try:
        outcome = convert(
            Request(
                model=folder / "model.keras", output=target, front_end=FrontEndSpec.parse(front_end),
                labels=model.labels, label_map=model.label_map, calibrate=folder / "calibration.npz",
                output_kind=model.output, name=f"classic {name_of(key)}",
            )
        )  # fmt: skip
    except ConversionError as error:
        return {"refused": str(error)}
    scores, truth = _int8_scores(target, folder / "test.npz")
    known = np.isin(np.arange(scores.shape[1]), [_index(name) for name in model.label_map])
    figures = metrics.figures(metrics.Predictions(scores, known, truth))
    report = outcome.report
    return {
        "accuracy": round(figures.accuracy, 4), "uar": round(figures.uar, 4), "parity": report["parity"],
        "size": report["size"], "latency_ms": report["latency_ms"]["1"][0], "runtime": report["runtime"],
    }  # fmt: skip


def _index(name: str) -> int:
    from emoedge.emotions import INDEX

    return INDEX[name]


def _int8_scores(path: Path, test: Path) -> tuple[Any, Any]:
    """Canonical scores of the stored test rows through the daemon's own model, and their truth."""
    from emoedge.inference.model import load_model
    from emoedge.vision.crop import FaceFrontEnd

    model = load_model(path)
    with np.load(test, allow_pickle=False) as archive:
        if "images" in archive.files:
            front_end = FaceFrontEnd(model.info.front_end)
            images, truth = archive["images"], archive["labels"].astype(np.int64)
            rows = (front_end.prepare(image) for image in images)
        else:
            rows, truth = iter(archive["inputs"]), archive["truth"]
        return np.stack([model.classify_batch(row[np.newaxis])[0].values for row in rows]), truth


if __name__ == "__main__":
    sys.exit(main())
