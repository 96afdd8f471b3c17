"""Train the shipped speech model; `--variant without-CORPUS` leaves a corpus out, to be measured on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from emoedge.audio.front_end import build as build_front_end
from emoedge.inference.spec import FrontEndSpec
from workbench import training
from workbench.data.speech import parts as parts_of
from workbench.data.speech import read_folder
from workbench.recipes import speech_affect
from workbench.recipes.speech_front_end import FRAMES, HOP, fitted
from workbench.recipes.speech_network import VOTERS, build, merged
from workbench.recipes.speech_pool import BLOCKS, WindowPool
from workbench.recipes.speech_power import PowerCache
from workbench.recipes.speech_sessions import LABELS, SessionSampler
from workbench.recipes.speech_trial import trial, trial_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import tensorflow as tf
    from numpy.typing import NDArray

    from workbench.recipes import TrainOptions

EPOCHS = 116
STEPS = 64
"""Batches an epoch: 8,192 windows, about the size of the training part."""
BATCH = 128
CLIPS = 24
"""Clips of a session."""
START = 12
"""Blocks of windows made before the first epoch; each epoch makes one more."""
PEAK = 2e-3
WARM = 3
"""Highest learning rate, and the epochs that it takes to reach it."""
FIRST = 80
AGAIN = 1e-3
"""Epochs at most after which the rate has fallen to nothing, and the rate from which it falls once more."""
DECAY = 1e-3
"""Weights shrink by this times the learning rate in each step."""
SMOOTHING = 0.1
ABSENT = 2.0
"""Taken from the logits of labels that a corpus does not have: that it never says `disgust` is its own affair."""
MEMORY = 0.998
"""Decay of the running mean of the weights, which is what is kept."""
FITTING = 200
"""Sessions from which the front end's constants are found."""
EVERY = 10
"""Epochs between two measurements on the speakers held out."""


def train(options: TrainOptions) -> None:
    """Write `speech.keras`, what `tools/convert.py` must be told of it, `report.json` and the curve.

    The former are `front_end.txt`, `labels.txt` and `dimensions.txt`.
    """
    training.start(seed=options.seed, threads=options.threads)
    cv2.setNumThreads(options.threads)
    held = training.checkpoint_or_fresh(options.output, resume=options.resume)
    cache = PowerCache.load(read_folder(options.data), FRAMES, options.output.parent / "speech-power")
    parts = split(cache, options.variant)
    run = _Run(options, cache, parts, held)
    while run.epoch < run.epochs:
        run.one_epoch()
    run.finish()


def split(cache: PowerCache, variant: str) -> dict[str, list[int]]:
    """Rows of the cache: `train`, `validation`, `test`, and `unseen` where the variant leaves a corpus out.

    Raises ValueError for a variant that is not `without-` and a corpus of the cache.
    """
    out = variant.removeprefix("without-")
    corpora = {clip.dataset for clip in cache.clips}
    if variant and (out == variant or out not in corpora):
        known = ", ".join(f"without-{name}" for name in sorted(corpora))
        raise ValueError(f"no variant {variant!r}; there are {known}")
    parts: dict[str, list[int]] = {"train": [], "validation": [], "test": [], "unseen": []}
    for row, (clip, part) in enumerate(zip(cache.clips, parts_of(cache.clips), strict=True)):
        parts["unseen" if variant and clip.dataset == out else part].append(row)
    if not parts["train"]:
        raise ValueError("no clip is left to train on")
    return {name: rows for name, rows in parts.items() if rows}


class _Run:
    """The state of one training run."""

    def __init__(
        self,
        options: TrainOptions,
        cache: PowerCache,
        parts: Mapping[str, Sequence[int]],
        held: tuple[dict[str, list[NDArray[Any]]], dict[str, Any]] | None,
    ) -> None:
        import tensorflow as tf

        self.options = options
        self.epochs = options.epochs or EPOCHS
        self.cache = cache
        self.parts = parts
        self.epoch = 0
        self.history: list[dict[str, float]] = []
        self.latest: dict[str, float] = {}
        rng = np.random.default_rng(options.seed)
        self.sampler = SessionSampler(cache, parts["train"], window=149, hop=HOP, clips=CLIPS, rng=rng)
        self.spec = fitted(self.sampler, FITTING) if held is None else FrontEndSpec.parse(str(held[1]["front_end"]))
        self.front_end = build_front_end(self.spec)
        shape = cast("tuple[int, int]", self.front_end.shape)
        self.voters = build(shape, len(LABELS) + len(speech_affect.ENDS))
        self.optimizer = tf.keras.optimizers.AdamW(PEAK, weight_decay=DECAY)
        self.optimizer.build(self.voters.trainable_variables)
        self.step = _step(self.voters, self.optimizer)
        self.average = [w.copy() for w in self.voters.get_weights()]
        self.material = {
            part: trial_windows(cache, rows, self.front_end) for part, rows in parts.items() if part != "train"
        }
        if held is not None:
            self._restore(*held)
        self.pool = WindowPool(self.sampler, self.front_end, labels=len(LABELS), seed=options.seed)
        for block in range(max(0, self.epoch + START - BLOCKS), self.epoch + START):
            self.pool.add(block)

    def _restore(self, arrays: dict[str, list[NDArray[Any]]], state: dict[str, Any]) -> None:
        self.voters.set_weights(arrays["weights"])
        self.average = arrays["average"]
        for variable, value in zip(self.optimizer.variables, arrays["optimizer"], strict=True):
            variable.assign(value)
        self.epoch = int(state["epoch"])
        self.history = list(state["history"])
        self.latest = dict(state["latest"])

    def one_epoch(self) -> None:
        """Train on STEPS batches, average, measure now and then, save."""
        self.pool.add(START + self.epoch)
        # Seeded by the epoch: a resumed run draws what an uninterrupted one would have drawn.
        rng = np.random.default_rng((self.options.seed, 0, self.epoch))
        progress = training.Progress(epoch=self.epoch + 1, epochs=self.epochs, steps=STEPS)
        loss = 0.0
        for i, batch in enumerate(self.pool.batches(STEPS, BATCH, rng)):
            self.optimizer.learning_rate.assign(self._rate(self.epoch + i / STEPS))
            loss += float(self.step(*batch))
            self._follow()
            progress.update(i + 1, loss=loss / (i + 1))
        self.epoch += 1
        if self.epoch % EVERY == 0 or self.epoch == self.epochs:
            self.latest = self._measured()
        row = {"epoch": float(self.epoch), "loss": loss / STEPS, **self.latest}
        progress.done(**{name: value for name, value in row.items() if name != "epoch"})
        self.history.append(row)
        training.save_checkpoint(
            self.options.output,
            {
                "weights": self.voters.get_weights(),
                "average": self.average,
                "optimizer": [variable.numpy() for variable in self.optimizer.variables],
            },
            {"epoch": self.epoch, "history": self.history, "latest": self.latest, "front_end": str(self.spec)},
        )

    def finish(self) -> None:
        """Write the averaged network, and what goes with it."""
        folder = self.options.output
        self.voters.set_weights(self.average)
        merged(self.voters, self._shift()).save(folder / "speech.keras")
        (folder / "front_end.txt").write_text(f"{self.spec}\n", encoding="utf-8")
        (folder / "dimensions.txt").write_text(f"{speech_affect.written()}\n", encoding="utf-8")
        (folder / "labels.txt").write_text(",".join(LABELS) + "\n", encoding="utf-8")
        report = {part: trial(self._logits, material) for part, material in self.material.items()}
        (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        named = [row for row in self.history if "uar_test" in row or "uar_validation" in row]
        training.write_history(folder, named or self.history)

    def _rate(self, at: float) -> float:
        first = min(self.epochs, FIRST)
        if at < WARM:
            return PEAK * (at + 0.02) / WARM
        peak, start, end = (PEAK, WARM, first) if at < first else (AGAIN, first, self.epochs)
        return peak * 0.5 * (1 + float(np.cos(np.pi * (at - start) / max(end - start, 1)))) + 1e-6

    def _follow(self) -> None:
        # A short memory at first: the start of the run must not linger in the mean.
        memory = min(MEMORY, 1 - 1 / (2 + self.optimizer.iterations.numpy() / 4))
        for mean, weights in zip(self.average, self.voters.get_weights(), strict=True):
            np.add(mean, (1 - memory) * (weights - mean), out=mean)

    def _told(self, features: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
        return np.asarray(np.mean(self.voters.predict(features, batch_size=256, verbose=0), axis=0))

    def _logits(self, features: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
        return self._told(features)[:, : len(LABELS)]

    def _shift(self) -> NDArray[np.float64]:
        """For each output; arousal's middle is found on the speakers held out, as the temperature is."""
        shift = np.zeros(len(LABELS) + len(speech_affect.ENDS))
        if "validation" in self.material:
            features, owner, emotions = self.material["validation"]
            clips = np.bincount(owner, self._told(features)[:, -1]) / np.bincount(owner)
            shift[-1] = speech_affect.even(clips, emotions)
        return shift

    def _measured(self) -> dict[str, float]:
        own = self.voters.get_weights()
        self.voters.set_weights(self.average)
        figures = {f"uar_{part}": trial(self._logits, m)["uar"] for part, m in self.material.items()}
        self.voters.set_weights(own)
        return figures


def _step(
    voters: tf.keras.Model, optimizer: tf.keras.optimizers.Optimizer
) -> Callable[..., tf.Tensor]:
    import tensorflow as tf

    entropy = tf.keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING)

    def step(features: tf.Tensor, labels: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = 0.0
            for told in voters(features, training=True):
                logits = told[:, : len(LABELS)] - ABSENT * (1 - tf.cast(known, tf.float32))
                loss += entropy(tf.one_hot(labels, len(LABELS)), logits) / VOTERS
                loss += speech_affect.loss(told[:, len(LABELS) :], labels) / VOTERS
        optimizer.apply_gradients(
            zip(tape.gradient(loss, voters.trainable_variables), voters.trainable_variables, strict=True)
        )
        return loss

    return cast("Callable[..., tf.Tensor]", tf.function(step, reduce_retracing=True))
