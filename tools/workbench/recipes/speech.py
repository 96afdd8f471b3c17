"""Train the shipped speech model; `--variant without-CORPUS` leaves a corpus out, to be measured on it.

`--start` names a run of `--modality speech-embedding` with the same variant, whose net the front end gets; without it
the model learns from functionals alone.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from emoedge.inference.model_file import FRONT_END
from emoedge.inference.spec import FrontEndSpec
from workbench import training
from workbench.data.speech import read_folder
from workbench.recipes import speech_affect
from workbench.recipes.speech_front_end import base, features, fitted
from workbench.recipes.speech_material import Windows, augmented, plain
from workbench.recipes.speech_network import build, merged, voters
from workbench.recipes.speech_sessions import CALM, LABELS, NEUTRAL, SessionSampler
from workbench.recipes.speech_split import split
from workbench.recipes.speech_trial import trial
from workbench.recipes.speech_waves import WaveCache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import tensorflow as tf
    from numpy.typing import NDArray

    from workbench.recipes import TrainOptions

EPOCHS = 20
STEPS = 200
"""Batches an epoch."""
BATCH = 128
BLOCKS = 50
"""Blocks of augmented windows: 96,000 of them."""
PEAK = 3e-3
WARM = 2
"""Highest learning rate, and the epochs that it takes to reach it; then it falls to nothing."""
DECAY = 0.02
"""Weights shrink by this times the learning rate in each step."""
SMOOTHING = 0.1
ABSENT = 2.0
"""Taken from the logits of labels that a corpus does not have: that it never says `disgust` is its own affair."""
MEMORY = 0.998
"""Decay of the running mean of the weights, which is what is kept."""
PLAIN = 0.5
"""Share of a batch that was not augmented."""
MISJUDGED = 0.25, 0.4
"""Spread of the factor, in nepers, and of the offsets by which a window's features are moved in training: the session
is an estimate, and in a corpus never heard it is off in another way."""
EVERY = 5
"""Epochs between two measurements on the speakers held out."""
STARTS = True
"""`--start` is read."""


def train(options: TrainOptions) -> None:
    """Write `speech.keras`, what `tools/convert.py` must be told of it, `report.json` and the curve.

    The former are `front_end.txt`, `labels.txt`, `dimensions.txt` and, with `--start`, `front_end.npz`. Windows are
    kept in `speech-material` beside the output folder: runs that leave a corpus out share them where they share a net.
    """
    training.start(seed=options.seed, threads=options.threads)
    held = training.checkpoint_or_fresh(options.output, resume=options.resume)
    folder, directory = read_folder(options.data), options.output.parent / "speech-material"
    cache = WaveCache.load(folder, directory)
    parts = split(cache.clips, options.variant)
    everybody = split(cache.clips, "")["train"]
    spec = base(embedding_of(options.start, options.variant))
    windows = augmented(
        folder, directory, everybody, spec=spec, seed=options.seed, blocks=BLOCKS, threads=options.threads
    )
    run = _Run(options, cache, parts, (windows, plain(cache, directory, spec)), held, spec)
    while run.epoch < run.epochs:
        run.one_epoch()
    run.finish()


def embedding_of(run: Path | None, variant: str) -> bytes:
    """Weights of the net that a run of `speech-embedding` has learned; none where no run is named.

    Raises ValueError where it is no such run, is not done, or has learned from another choice of corpora.
    """
    if run is None:
        return b""
    weights, report = run / FRONT_END, run / "report.json"
    if not weights.exists() or not report.exists():
        raise ValueError(f"{run} holds no {FRONT_END} of a run of speech-embedding that is done")
    learned = json.loads(report.read_text(encoding="utf-8")).get("variant")
    if learned != variant:
        raise ValueError(f"the net in {run} learned with variant {learned!r}, this run is to learn with {variant!r}")
    return weights.read_bytes()


class _Run:
    """The state of one training run."""

    def __init__(
        self,
        options: TrainOptions,
        cache: WaveCache,
        parts: Mapping[str, Sequence[int]],
        windows: tuple[Windows, Windows],
        held: tuple[dict[str, list[NDArray[Any]]], dict[str, Any]] | None,
        spec: FrontEndSpec,
    ) -> None:
        """`windows` are augmented and plain ones of the front end `spec`, whose constants are to be fitted."""
        import tensorflow as tf

        self.options = options
        self.epochs = options.epochs or EPOCHS
        self.epoch = 0
        self.history: list[dict[str, float]] = []
        self.latest: dict[str, float] = {}
        corpora = sorted({clip.dataset for clip in cache.clips})
        self.material = {name: windows[1].only(np.isin(windows[1].owner, rows))
                         for name, rows in parts.items() if name != "train"}  # fmt: skip
        learned, played = _learned(cache, parts["train"], windows, corpora)
        if held is None:
            self.spec = fitted(learned, spec)
        else:
            self.spec = replace(FrontEndSpec.parse(str(held[1]["front_end"])), weights=spec.weights)
        self.features = features(learned, self.spec)
        self.labels, self.owner = learned.labels, learned.owner
        self.known = np.zeros((len(corpora), len(LABELS)), dtype=np.float32)
        self.known[self.owner, self.labels] = 1.0
        weights = SessionSampler(cache, parts["train"], window=1, clips=1).weights
        self.drawn = _drawn(learned, played, {corpora.index(name): weight for name, weight in weights.items()})
        size = self.features.shape[1]
        self.voters = build(size, len(LABELS) + len(speech_affect.ENDS), count=voters(size, len(spec.weights)))
        self.optimizer = tf.keras.optimizers.AdamW(PEAK, weight_decay=DECAY)
        self.optimizer.build(self.voters.trainable_variables)
        self.step = _step(self.voters, self.optimizer)
        self.average = [w.copy() for w in self.voters.get_weights()]
        if held is not None:
            self._restore(*held)

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
        # Seeded by the epoch: a resumed run draws what an uninterrupted one would have drawn.
        rng = np.random.default_rng((self.options.seed, 0, self.epoch))
        progress = training.Progress(epoch=self.epoch + 1, epochs=self.epochs, steps=STEPS)
        loss = 0.0
        for i in range(STEPS):
            self.optimizer.learning_rate.assign(self._rate(self.epoch + i / STEPS))
            rows = np.searchsorted(self.drawn, rng.random(BATCH))
            batch = misjudged(self.features[rows], rng)
            loss += float(self.step(batch, self.labels[rows], self.known[self.owner[rows]]))
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
        if self.spec.weights:
            (folder / FRONT_END).write_bytes(self.spec.weights)
        (folder / "dimensions.txt").write_text(f"{speech_affect.written()}\n", encoding="utf-8")
        (folder / "labels.txt").write_text(",".join(LABELS) + "\n", encoding="utf-8")
        report = {part: self._trial(windows) for part, windows in self.material.items()}
        (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        named = [row for row in self.history if "uar_test" in row or "uar_validation" in row]
        training.write_history(folder, named or self.history)

    def _rate(self, at: float) -> float:
        if at < WARM:
            return PEAK * (at + 0.02) / WARM
        return PEAK * 0.5 * (1 + float(np.cos(np.pi * (at - WARM) / max(self.epochs - WARM, 1)))) + 1e-6

    def _follow(self) -> None:
        # A short memory at first: the start of the run must not linger in the mean.
        memory = min(MEMORY, 1 - 1 / (2 + self.optimizer.iterations.numpy() / 4))
        for mean, weights in zip(self.average, self.voters.get_weights(), strict=True):
            np.add(mean, (1 - memory) * (weights - mean), out=mean)

    def _told(self, windows: Windows) -> NDArray[np.floating[Any]]:
        told = self.voters.predict(features(windows, self.spec), batch_size=1024, verbose=0)
        return np.asarray(np.mean(told, axis=0))

    def _trial(self, windows: Windows) -> dict[str, float]:
        return trial(self._told(windows)[:, : len(LABELS)], windows.owner, windows.labels)

    def _shift(self) -> NDArray[np.float64]:
        """For each output; arousal's middle is found on the speakers held out, as the temperature is."""
        shift = np.zeros(len(LABELS) + len(speech_affect.ENDS))
        if windows := self.material.get("validation"):
            _, first, owner = np.unique(windows.owner, return_index=True, return_inverse=True)
            clips = np.bincount(owner, self._told(windows)[:, -1]) / np.bincount(owner)
            shift[-1] = speech_affect.even(clips, windows.labels[first])
        return shift

    def _measured(self) -> dict[str, float]:
        own = self.voters.get_weights()
        self.voters.set_weights(self.average)
        figures = {f"uar_{part}": self._trial(windows)["uar"] for part, windows in self.material.items()}
        self.voters.set_weights(own)
        return figures


def misjudged(batch: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Features (n, functionals) as a wrong idea of what this microphone usually hears makes them."""
    scale = np.exp(rng.normal(0, MISJUDGED[0], size=(len(batch), 1)))
    return np.asarray(batch * scale + rng.normal(0, MISJUDGED[1], size=batch.shape), dtype=np.float32)


def _learned(
    cache: WaveCache, rows: Sequence[int], windows: tuple[Windows, Windows], corpora: Sequence[str]
) -> tuple[Windows, NDArray[np.bool_]]:
    """Augmented windows of the corpora of the clips `rows`, and these clips as they are; owners are the corpora.

    Beside them, which are the latter (n,).
    """
    made, played = windows
    heard = {corpora.index(cache.clips[row].dataset) for row in rows}
    own = played.only(np.isin(played.owner, rows))
    clips = [cache.clips[row] for row in own.owner]
    own = replace(
        own,
        labels=np.array([LABELS.index(clip.fine) for clip in clips]),
        owner=np.array([corpora.index(clip.dataset) for clip in clips]),
    )
    made = made.only(np.isin(made.owner, list(heard)))
    return Windows.joined([made, own]), np.arange(len(made.labels) + len(own.labels)) >= len(made.labels)


def _drawn(windows: Windows, played: NDArray[np.bool_], weights: Mapping[int, float]) -> NDArray[np.float64]:
    """Cumulative shares of windows: corpora by their weights, classes evenly within each, calm and neutral as one."""
    share = np.zeros(len(windows.labels))
    for corpus, weight in weights.items():
        present = np.unique(windows.labels[windows.owner == corpus])
        place = np.array([1 / len({NEUTRAL, CALM} & set(present)) if c in (NEUTRAL, CALM) else 1.0 for c in present])
        for label, part in zip(present, place / place.sum(), strict=True):
            for kind, half in ((played, PLAIN), (~played, 1 - PLAIN)):
                rows = (windows.owner == corpus) & (windows.labels == label) & kind
                share[rows] = weight * part * half / max(rows.sum(), 1)
    total = np.cumsum(share)
    return np.asarray(total / total[-1])


def _step(
    voters: tf.keras.Model, optimizer: tf.keras.optimizers.Optimizer
) -> Callable[..., tf.Tensor]:
    import tensorflow as tf

    entropy = tf.keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING)

    def step(given: tf.Tensor, labels: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = 0.0
            for told in voters(given, training=True):
                logits = told[:, : len(LABELS)] - ABSENT * (1 - known)
                loss += entropy(tf.one_hot(labels, len(LABELS)), logits) / len(voters.outputs)
                loss += speech_affect.loss(told[:, len(LABELS) :], labels) / len(voters.outputs)
        optimizer.apply_gradients(
            zip(tape.gradient(loss, voters.trainable_variables), voters.trainable_variables, strict=True)
        )
        return loss

    return cast("Callable[..., tf.Tensor]", tf.function(step, reduce_retracing=True))
