"""Train the net of the speech front end: small convolutions that learn to tell frames apart as a large network does.

The large network, the encoder of a speech recogniser, has heard far more voices than our corpora have; what it makes of
a moment of speech is what the small net learns to make of our frames of it, and above all what tells emotions apart
there (`workbench.recipes.speech_aims`). The net's last layer, averaged over a window's frames with a voice and those
about them, is what the front end gives to the speech model beside its functionals. Half of the speech is of other
speakers and languages than the corpora (`workbench.recipes.other_speech`). `--variant without-CORPUS` leaves a corpus
out.
"""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from emoedge.audio.embedding import BESIDE, near
from emoedge.audio.functionals import LEAST
from emoedge.audio.parameters import parse
from emoedge.audio.summary import FunctionalsTransform
from emoedge.inference.model_file import FRONT_END
from workbench import speech_package, training
from workbench.data.speech import read_folder
from workbench.recipes.embedding_material import VALUES, other_passes, passes
from workbench.recipes.other_speech import OtherSpeech
from workbench.recipes.speech_aims import aims
from workbench.recipes.speech_front_end import AROUND, BASE, HOP
from workbench.recipes.speech_split import split
from workbench.recipes.speech_waves import WaveCache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import tensorflow as tf
    from numpy.typing import NDArray

    from workbench.data.speech import Clip
    from workbench.recipes import TrainOptions
    from workbench.recipes.embedding_material import Pass

WIDTH, LAYERS, TAPS = 128, 4, 5
"""Of the net: 270,000 weights."""
EPOCHS, STEPS, BATCH = 24, 250, 32
PASSES, OTHER_PASSES = 3, 2
"""Over the corpora, and those among which other speech is shared out."""
OTHER = 0.5
"""Share of windows that other speech gives, which nobody labelled."""
AIM = 1.0
"""What the error in the directions that tell emotions apart counts beside that in all values."""
PEAK, WARM = 3e-3, 0.3
"""Highest learning rate, and the share of the run that it takes to reach it; then it falls to nothing."""
DECAY = 1e-3
"""Weights shrink by this times the learning rate in each step."""
FURTHEST = 8.0
"""Deviations from the mean at which a teacher's value is cut."""
SAMPLE = 2000
"""Clips by which inputs and lessons are standardised."""
EVERY = 12
"""Epochs between two measurements on the speakers held out."""
LIMIT = 127
"""Largest whole number of a quantized weight."""


def train(options: TrainOptions) -> None:
    """Write `front_end.npz`, the weights for the front end, `report.json` and the curve.

    Lessons are kept in `speech-material` beside the output folder, the teacher in `speech-package`. Raises ValueError
    where the teacher cannot be had.
    """
    training.start(seed=options.seed, threads=options.threads)
    held = training.checkpoint_or_fresh(options.output, resume=options.resume)
    folder, directory = read_folder(options.data), options.output.parent / "speech-material"
    cache = WaveCache.load(folder, directory)
    package = options.output.parent / speech_package.FOLDER
    heard, others = (
        make(folder, directory, package, seed=options.seed, count=count, threads=options.threads)
        for make, count in ((passes, PASSES), (other_passes, OTHER_PASSES))
    )
    groups = OtherSpeech.load(package).packages
    parts = split(cache.clips, options.variant)
    lessons = Lessons(heard, cache.clips, parts, seed=options.seed, others=others, groups=groups)
    run = _Run(options, lessons, held)
    while run.epoch < run.epochs:
        run.one_epoch()
    run.finish()


class Lessons:
    """Windows of speech, and what the teacher makes of each of their frames."""

    def __init__(
        self,
        heard: Sequence[Pass],
        clips: Sequence[Clip],
        parts: Mapping[str, Sequence[int]],
        *,
        seed: int,
        others: Sequence[Pass] = (),
        groups: NDArray[np.int64] | None = None,
    ) -> None:
        """Windows are drawn from the clips of part `train`; all constants are found on them.

        OTHER of the windows are drawn from other speech where `others` holds passes over it; `groups` (recordings,)
        tells which recordings belong together, and a group counts by the root of its length.
        """
        self._heard, self._clips = heard, clips
        self._others = [(each, _chances(each, groups)) for each in others if groups is not None]
        self.parts = parts
        parameters = parse(replace(BASE, parameters={**BASE.parameters, "embedding_around": AROUND}))
        self._frames = FunctionalsTransform(BASE.name, parameters).frames
        self.length, self.inputs = parameters.frame_count, parameters.mels + BESIDE
        self._rows = np.asarray(parts["train"])
        rng = np.random.default_rng((seed, 1))
        some = rng.choice(self._rows, min(SAMPLE, len(self._rows)), replace=False)
        taught = np.concatenate([heard[0].taught[heard[0].lessons[i] : heard[0].lessons[i + 1] : 7] for i in some])
        self._middle, self._spread = _standards(taught.astype(np.float32))
        self.mean, self.std = _standards(np.concatenate([self._window(heard[0], i, rng, noisy=True)[0] for i in some]))
        means = np.stack([self._mean(row) for row in self._rows])
        own = [clips[row] for row in self._rows]
        self.differ, self.aims = _differ(means, own), aims(means, own)

    def batch(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
        """BATCH windows: frames (B, n, inputs), lessons (B, n, VALUES), which frames of either count (B, n)."""
        drawn = [self._drawn(rng) for _ in range(BATCH)]
        frames, lessons, heard, taught = (np.stack(each) for each in zip(*drawn, strict=True))
        return (frames - self.mean) / self.std, lessons, heard, taught

    def _drawn(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
        noisy = bool(rng.random() < 0.5)
        if self._others and rng.random() < OTHER:
            heard, chances = self._others[rng.integers(len(self._others))]
            row = int(np.searchsorted(chances, rng.random(), side="right"))
        else:
            heard, row = self._heard[rng.integers(len(self._heard))], int(rng.choice(self._rows))
        return self._window(heard, row, rng, noisy=noisy)

    def explained(
        self, part: str, told: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    ) -> tuple[float, float]:
        """Share of what the teacher's means differ by, within the speakers of a part, that the net tells.

        Of all values, and in the directions that tell emotions apart. `told` makes (n, VALUES) of a window's frames
        (n, inputs). It is 0 where nobody is heard to speak.
        """
        rng = np.random.default_rng(2)
        speakers: dict[tuple[str, str], list[tuple[NDArray[np.float32], NDArray[np.float32]]]] = {}
        for row in self.parts[part]:
            frames, lessons, heard, taught = self._window(self._heard[0], row, rng, noisy=False)
            if heard.sum() >= LEAST and taught.sum() >= LEAST:
                clip = self._clips[row]
                pair = told((frames - self.mean) / self.std)[heard > 0].mean(axis=0), lessons[taught > 0].mean(axis=0)
                speakers.setdefault((clip.dataset, clip.speaker), []).append(pair)
        missed, whole = np.zeros(2), np.full(2, 1e-12)
        for pairs in speakers.values():
            guess, truth = (np.array(each) - np.mean(each, axis=0) for each in zip(*pairs, strict=True))
            missed += [np.square(guess - truth).sum(), np.square((guess - truth) @ self.aims).sum()]
            whole += [np.square(truth).sum(), np.square(truth @ self.aims).sum()]
        values, emotions = 1 - missed / whole if speakers else np.zeros(2)
        return float(values), float(emotions)

    def _window(
        self, heard: Pass, row: int, rng: np.random.Generator, *, noisy: bool
    ) -> tuple[NDArray[np.float32], ...]:
        """Frames not standardised, lessons, and which of either count, of somewhere in a clip; silence around it."""
        begin, end = heard.frames[row], heard.frames[row + 1]
        spare = int(end - begin) - self.length
        if spare > 0:
            begin += rng.integers(spare + 1)
            end = begin + self.length
        at = int(rng.integers(1 - spare)) if spare < 0 else 0
        own = slice(at, at + int(end - begin))
        values = np.zeros((self.length, heard.plain.shape[1]), dtype=np.float32)
        values[own] = (heard.heard if noisy else heard.plain)[begin:end]
        frames, counted = self._frames(values)
        lessons = np.zeros((self.length, VALUES), dtype=np.float32)
        told, taught = np.zeros(self.length, dtype=np.float32), np.zeros(self.length, dtype=np.float32)
        told[counted] = 1.0
        lessons[own], counting = self._lesson(heard, row, int(begin - heard.frames[row]), int(end - begin))
        taught[at + counting] = 1.0
        return frames, lessons, told, taught

    def _lesson(self, heard: Pass, row: int, start: int, count: int) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """What the teacher makes of `count` frames from `start` on of a clip, standardised; which of them count."""
        lesson = (heard.lesson(row, start, count) - self._middle) / self._spread
        begin = heard.frames[row] + start
        voiced = np.flatnonzero(heard.plain[begin : begin + count, -1] > 0)
        return np.clip(lesson, -FURTHEST, FURTHEST), near(voiced, count, round(AROUND / HOP))

    def _mean(self, row: int) -> NDArray[np.float32]:
        """Of the frames of a clip, as it is, that count; of all of them where nobody is heard."""
        first = self._heard[0]
        lesson, counting = self._lesson(first, row, 0, int(first.frames[row + 1] - first.frames[row]))
        return np.asarray((lesson[counting] if len(counting) else lesson).mean(axis=0))


class _Run:
    """The state of one training run."""

    def __init__(
        self,
        options: TrainOptions,
        lessons: Lessons,
        held: tuple[dict[str, list[NDArray[Any]]], dict[str, Any]] | None,
    ) -> None:
        import tensorflow as tf

        self.options, self.lessons = options, lessons
        self.epochs = options.epochs or EPOCHS
        self.epoch = 0
        self.history: list[dict[str, float]] = []
        self.latest: dict[str, float] = {}
        self.net = build(lessons.length, lessons.inputs)
        self.optimizer = tf.keras.optimizers.AdamW(PEAK, weight_decay=DECAY, beta_2=0.999)
        self.optimizer.build(self.net.trainable_variables)
        self.step = _step(self.net, self.optimizer, lessons.differ, lessons.aims)
        if held is not None:
            arrays, state = held
            self.net.set_weights(arrays["weights"])
            for variable, value in zip(self.optimizer.variables, arrays["optimizer"], strict=True):
                variable.assign(value)
            self.epoch, self.history = int(state["epoch"]), list(state["history"])
            self.latest = dict(state["latest"])

    def one_epoch(self) -> None:
        """Train on STEPS batches, measure now and then, save."""
        # Seeded by the epoch: a resumed run draws what an uninterrupted one would have drawn.
        rng = np.random.default_rng((self.options.seed, 2, self.epoch))
        progress = training.Progress(epoch=self.epoch + 1, epochs=self.epochs, steps=STEPS)
        sums = np.zeros(3)
        for i in range(STEPS):
            self.optimizer.learning_rate.assign(self._rate((self.epoch + i / STEPS) / self.epochs))
            sums += np.asarray(self.step(*self.lessons.batch(rng)))
            progress.update(i + 1, loss=float(sums[0] / (i + 1)))
        self.epoch += 1
        if self.epoch % EVERY == 0 or self.epoch == self.epochs:
            self.latest = self._measured()
        losses = dict(zip(("loss", "loss_means", "loss_emotions"), map(float, sums / STEPS), strict=True))
        row = {"epoch": float(self.epoch), **losses, **self.latest}
        progress.done(**{name: value for name, value in row.items() if name != "epoch"})
        self.history.append(row)
        training.save_checkpoint(
            self.options.output,
            {"weights": self.net.get_weights(), "optimizer": [v.numpy() for v in self.optimizer.variables]},
            {"epoch": self.epoch, "history": self.history, "latest": self.latest},
        )

    def finish(self) -> None:
        """Write the net without its last layer, and what it was measured at."""
        folder = self.options.output
        (folder / FRONT_END).write_bytes(packed(self.net, self.lessons.mean, self.lessons.std))
        report = {"variant": self.options.variant, **self.latest}
        (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        training.write_history(folder, [row for row in self.history if len(row) == len(self.history[-1])])

    def _measured(self) -> dict[str, float]:
        told: dict[str, float] = {}
        for part in self.lessons.parts:
            if part != "train":
                told[f"explained_{part}"], told[f"emotions_{part}"] = self.lessons.explained(part, self._told)
        return told

    def _rate(self, at: float) -> float:
        if at < WARM:
            return PEAK * (0.04 + 0.96 * 0.5 * (1 - float(np.cos(np.pi * at / WARM))))
        return PEAK * 0.5 * (1 + float(np.cos(np.pi * (at - WARM) / (1 - WARM)))) + 1e-7

    def _told(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self.net(frames[None].astype(np.float32), training=False)[0])


def build(length: int, inputs: int) -> tf.keras.Model:
    """Input (length, inputs), output (length, VALUES): what the teacher would make of each frame."""
    import tensorflow as tf

    layers = tf.keras.layers
    given = x = layers.Input((length, inputs), name="frames")
    for i in range(LAYERS):
        x = layers.Conv1D(WIDTH, TAPS, padding="same", use_bias=False, name=f"convolution_{i}")(x)
        x = layers.BatchNormalization(momentum=0.95, name=f"norm_{i}")(x)
        x = layers.ReLU(name=f"relu_{i}")(x)
    return tf.keras.Model(given, layers.Dense(VALUES, name="lesson")(x), name="embedding")


def packed(net: tf.keras.Model, mean: NDArray[np.floating[Any]], std: NDArray[np.floating[Any]]) -> bytes:
    """The net up to its last layer, normalisations folded in and kernels in whole numbers: what the front end reads."""
    arrays = {"mean": mean.astype(np.float32), "std": std.astype(np.float32)}
    for i in range(LAYERS):
        norm = net.get_layer(f"norm_{i}")
        gain, offset, usual, variance = norm.get_weights()
        gain = gain / np.sqrt(variance + norm.epsilon)
        kernel = net.get_layer(f"convolution_{i}").get_weights()[0] * gain
        scale = np.maximum(np.abs(kernel).max(axis=(0, 1)), 1e-8) / LIMIT
        arrays[f"kernel{i}"] = np.round(kernel / scale).astype(np.int8)
        arrays[f"scale{i}"], arrays[f"bias{i}"] = (a.astype(np.float32) for a in (scale, offset - usual * gain))
    whole = io.BytesIO()
    np.savez(whole, **arrays)
    return whole.getvalue()


def _chances(heard: Pass, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """(recordings,): below which a number drawn from 0 to 1 means a recording or one before it."""
    lengths = np.diff(heard.frames).astype(np.float64)
    roots = np.sqrt(np.bincount(groups, lengths))
    chances = np.cumsum(lengths / np.maximum(roots, 1)[groups])
    return np.asarray(chances / chances[-1])


def _differ(means: NDArray[np.float32], clips: Sequence[Clip]) -> NDArray[np.float32]:
    """How far the means of clips (n, VALUES) spread within a speaker, (VALUES,)."""
    speakers: dict[tuple[str, str], list[NDArray[np.float32]]] = {}
    for mean, clip in zip(means, clips, strict=True):
        speakers.setdefault((clip.dataset, clip.speaker), []).append(mean)
    spreads = [np.std(own, axis=0) for own in speakers.values() if len(own) > LEAST]
    if not spreads:
        raise ValueError("no speaker has enough clips to learn from")
    return np.asarray(np.mean(spreads, axis=0), dtype=np.float32)


def _standards(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return values.mean(axis=0), np.maximum(values.std(axis=0), 1e-3)


def _step(
    net: tf.keras.Model,
    optimizer: tf.keras.optimizers.Optimizer,
    differ: NDArray[np.float32],
    directions: NDArray[np.float32],
) -> Callable[..., tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
    import tensorflow as tf

    def mean(values: tf.Tensor, active: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(values * active[..., None], 1) / (tf.reduce_sum(active, 1)[:, None] + 1e-3)

    def usual(errors: tf.Tensor, enough: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(errors * enough) / (tf.reduce_sum(enough) + 1e-3)

    def step(
        frames: tf.Tensor, lessons: tf.Tensor, heard: tf.Tensor, taught: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        told_enough = tf.cast(tf.reduce_sum(heard, 1) >= LEAST, tf.float32)
        with tf.GradientTape() as tape:
            told = net(frames, training=True)
            apart = tf.reduce_mean(tf.square(told - lessons), 2)
            each = tf.reduce_sum(apart * taught) / (tf.reduce_sum(taught) + 1e-3)
            missed = mean(told, heard) - mean(lessons, taught)
            means = tf.reduce_mean(tf.square(missed / differ), 1)
            aim = tf.reduce_mean(tf.square(tf.matmul(missed, directions)), 1)
            whole, aimed = usual(means, told_enough), usual(aim, told_enough)
            loss = each + whole + AIM * aimed
        optimizer.apply_gradients(
            zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables, strict=True)
        )
        return each, whole, aimed

    return cast("Callable[..., tuple[tf.Tensor, tf.Tensor, tf.Tensor]]", tf.function(step, reduce_retracing=True))
