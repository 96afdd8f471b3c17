"""Trains the face or speech model of one of five classic systems, as its description says."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.emotions import CANONICAL, INDEX
from emoedge.vision.crop import FaceFrontEnd
from workbench import metrics, plots, training
from workbench.classic_data import HONEST, SPLITS, Part, divide
from workbench.classic_nets import NETWORKS
from workbench.classic_systems import MODELS
from workbench.data import balance

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from workbench.classic_data import Division
    from workbench.classic_systems import ClassicModel
    from workbench.recipes import TrainOptions

CALIBRATION = 1200
"""Rows of the learned part that are kept beside the network for its conversion."""

FILES = {
    "network": "model.keras", "calibration": "calibration.npz", "test": "test.npz", "front_end": "front_end.txt",
    "figures": "figures.json",
}  # fmt: skip
WEIGHTS = "best.weights.h5"
STATE = "state"
BALANCE = balance.METHODS


def train(options: TrainOptions) -> None:
    """Train, resume, and write FILES, `curve.png` and `confusion.png` into the run's folder."""
    key = (options.system, options.modality, options.variant)
    if key not in MODELS:
        variants = [v or "(none)" for s, m, v in MODELS if (s, m) == key[:2]]
        raise ValueError(f"no variant {options.variant!r} of this model; there are: {', '.join(variants)}")
    split = options.split or HONEST
    if split not in SPLITS:
        raise ValueError(f"no division {split!r}; there are: {', '.join(SPLITS)}")
    folder = options.output
    if (folder / STATE).exists() and not options.resume:
        raise FileExistsError(f"{folder / STATE} is there: add --resume to go on, or name another --output")
    folder.mkdir(parents=True, exist_ok=True)
    training.start(seed=options.seed, threads=options.threads)
    model = MODELS[key]
    division = divide(model, options.modality, options.data, split, options.seed)
    method = options.balance if options.balance != balance.NONE else model.balance
    division = _balanced(division, method, options.seed)
    network = NETWORKS[key](len(model.labels), *_sizes(key, division))
    epochs = options.epochs or model.epochs
    weights = None
    if method == balance.WEIGHTS:
        weights = dict(enumerate(balance.class_weights(division.learn.labels, len(model.labels))))
    run = _fit(network, model, division, epochs, folder, weights)
    about = {**_about(options, split), "epochs": run, "parameters": network.count_params()}
    _write(network, model, division, folder, about)


def _sizes(key: tuple[str, str, str], division: Division) -> tuple[int, ...]:
    """Input size where the network takes one: frames, features, coefficients."""
    return tuple(division.learn.inputs.shape[1:]) if key[1] == "speech" else ()


def _about(options: TrainOptions, split: str) -> dict[str, object]:
    return {
        "system": options.system, "modality": options.modality, "variant": options.variant, "split": split,
        "seed": options.seed,
    }  # fmt: skip


def _balanced(division: Division, method: str, seed: int) -> Division:
    learn = division.learn
    rows = balance.rows(learn.labels, method, seed=seed)
    return replace(division, learn=Part(learn.inputs[rows], learn.labels[rows], learn.truth[rows]))


def _fit(
    network: Any, model: ClassicModel, division: Division, epochs: int, folder: Path, weights: dict[int, float] | None
) -> int:
    """Train, keep the best weights, and return how many epochs it took."""
    import tensorflow as tf

    callbacks = tf.keras.callbacks
    network.compile(optimizer=tf.keras.optimizers.Adam(1e-3), loss=model.loss, metrics=["accuracy"])
    # The classes of another speaker (TESS's fourteen) have no label of their own: nothing to validate on.
    labelled = division.choose.labels >= 0
    validation = _dataset(model, division.choose, labelled) if labelled.any() else None
    log = folder / "log.csv"
    measure = "val_accuracy" if validation is not None else "accuracy"
    best = max((row[measure] for row in _history(log)), default=None)
    stopping = [callbacks.EarlyStopping(measure, mode="max", patience=model.patience)] if model.patience else []
    if not model.corpora:
        training.bfloat16(wanted=True)
    network.fit(
        _dataset(model, division.learn, None, shuffle=True),
        validation_data=validation, epochs=epochs, class_weight=weights, verbose=1 if sys.stderr.isatty() else 2,
        callbacks=[
            callbacks.BackupAndRestore(str(folder / STATE), delete_checkpoint=False),
            callbacks.CSVLogger(str(log), append=True),
            callbacks.ModelCheckpoint(
                str(folder / WEIGHTS), save_best_only=True, save_weights_only=True,
                monitor=measure, mode="max", initial_value_threshold=best,
            ),
            *stopping,
        ],
    )  # fmt: skip
    training.bfloat16(wanted=False)
    if (folder / WEIGHTS).exists():
        network.load_weights(str(folder / WEIGHTS))
    rows = [
        {("loss_validation" if name == "val_loss" else name): value + (name == "epoch") for name, value in row.items()}
        for row in _history(log)
    ]
    training.write_history(folder, rows)
    return len(rows)


def _history(log: Path) -> list[dict[str, float]]:
    """The epochs that Keras wrote down, those of an earlier part of the run too."""
    if not log.exists():
        return []
    with log.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def _dataset(model: ClassicModel, part: Part, mask: NDArray[np.bool_] | None, *, shuffle: bool = False) -> Any:
    import tensorflow as tf

    inputs, labels = (part.inputs, part.labels) if mask is None else (part.inputs[mask], part.labels[mask])
    data = tf.data.Dataset.from_tensor_slices((inputs, labels))
    if shuffle:
        data = data.shuffle(len(labels), seed=0)
    data = data.batch(model.batch)
    classes = len(model.labels)
    front_end = FaceFrontEnd(model.front_end) if not model.corpora else None

    def enlarged(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert front_end is not None
        return np.stack([front_end.prepare(image) for image in pixels])

    def ready(batch: Any, label: Any) -> tuple[Any, Any]:
        if front_end is not None and inputs.dtype == np.uint8:
            batch = tf.numpy_function(enlarged, [batch], tf.float32)
            batch.set_shape((None, *front_end.shape))
        elif model.corpora and batch.shape.rank == 2:
            batch = batch[..., tf.newaxis]
        return batch, tf.one_hot(label, classes)

    return data.map(ready).prefetch(2)


def _write(network: Any, model: ClassicModel, division: Division, folder: Path, about: dict[str, object]) -> None:
    outputs = network.predict(_dataset(model, division.report, None), verbose=0)
    figures = metrics.figures(predictions(model, outputs, division.report.truth))
    learned = network.predict(_dataset(model, division.learn, None), verbose=0)
    about["training_accuracy"] = round(float((learned.argmax(1) == division.learn.labels).mean()), 4)
    about["figures"] = figures.as_dict()
    about["front_end"] = str(division.front_end)
    own = division.report.labels >= 0
    if own.any():
        about["own_labels_accuracy"] = round(float((outputs.argmax(1) == division.report.labels)[own].mean()), 4)
    part = FILES["network"] + ".part.keras"
    network.save(folder / part)
    (folder / part).replace(folder / FILES["network"])
    rows = np.random.default_rng(0).permutation(len(division.learn))[:CALIBRATION]
    _save(folder / FILES["calibration"], model, division.learn, rows)
    _save(folder / FILES["test"], model, division.report, np.arange(len(division.report)))
    (folder / FILES["front_end"]).write_text(f"{division.front_end}\n", encoding="utf-8")
    plots.confusion(figures, folder / "confusion.png", title=f"{about['system']} {about['modality']}, {about['split']}")
    (folder / FILES["figures"]).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    print(f"accuracy {figures.accuracy:.4f} uar {figures.uar:.4f} on {figures.n} rows", flush=True)


def predictions(model: ClassicModel, outputs: NDArray[Any], truth: NDArray[np.int64]) -> metrics.Predictions:
    """Canonical predictions from the network's own outputs, N x labels."""
    scores = np.zeros((len(outputs), len(CANONICAL)))
    total = np.maximum(outputs.sum(axis=1, keepdims=True), 1e-9)
    known = np.zeros(len(CANONICAL), dtype=bool)
    for column, name in enumerate(model.label_map):
        scores[:, INDEX[name]] += (outputs / total)[:, column]
        known[INDEX[name]] = True
    return metrics.Predictions(scores, known, truth)


def _save(path: Path, model: ClassicModel, part: Part, rows: NDArray[np.int64]) -> None:
    inputs = part.inputs[rows]
    labels = np.array(model.labels)[part.labels[rows]]
    if inputs.dtype == np.uint8:  # pixels: prepared by whoever reads them, or the file would be gigabytes
        np.savez_compressed(path, images=inputs, labels=part.truth[rows].astype(np.uint8),
                            split=np.zeros(len(rows), dtype=np.uint8))  # fmt: skip
        return
    np.savez_compressed(path, inputs=inputs, labels=labels, truth=part.truth[rows])
