"""Trains the face model: one trunk, a head for FER2013's original labels and one for FERPlus votes."""

from __future__ import annotations

import hashlib
import queue
import threading
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from emoedge.emotions import CANONICAL
from emoedge.inference.spec import FrontEndSpec
from emoedge.vision.crop import FaceFrontEnd
from workbench import training
from workbench.class_balance import balancing_shift
from workbench.data import balance, faces
from workbench.face_equivariance import even
from workbench.face_learners import learner, opinions
from workbench.face_learning import Goal, blended, smooth, stages
from workbench.face_lessons import Lessons
from workbench.face_looks import looks
from workbench.face_views import FIELD, cut_mix, mix_up, views
from workbench.recipes.face_plans import PLANS, fall

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from workbench.face_learning import Batch, Learner, Weights
    from workbench.recipes import TrainOptions
    from workbench.recipes.face_plans import Cycle, Plan


SIDES = faces.SIDE, FIELD
"""Of the squares around the middle of a face that its file looks at: all of the picture, and its centre."""
BATCH = 128
ASKED = 256
"""Views that teachers are asked about at once."""
HELD_OUT = 0.05
BALANCE = balance.METHODS
TEACHERS = STARTS = True
FILES = {"original": "face-fer2013", "votes": "face-ferplus"}
"""Per head: `.keras` the network, `-held-out.npz` the rows and labels to calibrate its conversion with."""
SURE = 1e-9
"""Least probability whose logarithm is taken."""
WRITTEN = "written.npz"
"""Weights of the network as its files have them, in Keras's order; a run that ended leaves them."""
OPINIONS = "opinions.npz"
"""What a teacher that is no network of this kind writes: `rows` of the pack, and its probabilities of either head."""
RARE = 0.02
PLAIN_END = 0.08
"""Share of a cycle, at its end, without mixed pictures, so that confidence settles on whole faces."""


def train(options: TrainOptions) -> None:
    """Train, resume, and write FILES."""
    training.start(seed=options.seed, threads=options.threads)
    if options.variant and options.variant not in PLANS:
        raise ValueError(f"no variant {options.variant!r}; there are: {', '.join(PLANS)}")
    plan = PLANS[options.variant or next(iter(PLANS))]
    if options.epochs is not None:
        last = plan.cycles[-1]
        plan = replace(plan, cycles=(replace(last, epochs=options.epochs),))
    Run(faces.load(options.data), plan, options).train()


class Run:
    """One training: the data divided, the network, its slow average, and where it stands."""

    def __init__(self, pack: faces.FacePack, plan: Plan, options: TrainOptions) -> None:
        from workbench import face_net

        self._net = face_net
        self.pack, self.plan, self.options = pack, plan, options
        rows = faces.training_rows(pack)
        self.rows, self.held = faces.hold_out(pack, rows, share=HELD_OUT, seed=0)
        self.rows = self.rows[balance.rows(pack.labels[self.rows], options.balance, seed=options.seed)]
        seldom = _seldom(pack.labels[self.rows])
        if pack.votes is not None:
            seldom |= _seldom(faces.majority(pack.votes[self.rows]))
        self.rows = np.concatenate([self.rows, np.repeat(self.rows[seldom], plan.rare - 1)])
        if len(self.rows) < BATCH or not len(self.held):
            raise ValueError(f"only {len(self.rows)} rows to train on; a batch takes {BATCH}")
        self.steps = len(self.rows) // BATCH
        self.epochs = sum(cycle.epochs for cycle in plan.cycles)
        self.begin: Weights = []
        self.learner = self.learn()
        self.looks, self.seen = pack.images, np.zeros(len(pack), dtype=np.bool_)
        if plan.looks:
            self._look()
        self.original = np.eye(len(CANONICAL), dtype=np.float32)[pack.labels]
        if pack.votes is None:
            self.votes = np.zeros((len(pack), len(faces.VOTE_CLASSES)), dtype=np.float32)
            self.weights = np.zeros(len(pack), dtype=np.float32)
        else:
            self.votes, self.weights = faces.vote_targets(pack.votes)
        if options.balance == balance.WEIGHTS:
            # By the original label on both heads: a weight that is part of the target survives mixing pictures.
            of_class = balance.class_weights(pack.labels[self.rows], len(CANONICAL)).astype(np.float32)
            self.original *= of_class[pack.labels, None]
            self.weights *= of_class[pack.labels]
        if (told := _strangers(options)) and not plan.asks:
            self._hear([folder / OPINIONS for folder in told])
        if plan.lessons:
            self.lessons = self._lessons()

    def learn(self) -> Learner:
        """The network to train, from where it begins."""
        plan, options = self.plan, self.options
        self.begin = self._net.build(plan.stages, dropout=plan.dropout).get_weights()
        if plan.kept and options.start is None:
            raise ValueError("this variant goes on from a trained network; name its run with --start")
        if options.start is not None:
            self.begin = trained(options.start)
            if stages(self.begin) != plan.stages:
                raise ValueError(f"{options.start} has stages {stages(self.begin)}, this variant {plan.stages}")
        if plan.equivariant:
            self.begin = even(self.begin)
        strangers = _strangers(options)
        if 0 < len(strangers) < len(options.teachers) and not plan.asks:
            raise ValueError("teachers that wrote their opinions and networks to be asked do not go together")
        teachers = tuple(trained(folder) for folder in options.teachers if folder not in strangers)
        asked = tuple(strangers) if plan.asks else ()
        goal = Goal(plan.dropout, teachers, plan.taught if teachers or asked else 0.0, strangers=asked,
                    mirror=plan.glance is not None or plan.lessons > 0, equivariant=plan.equivariant)  # fmt: skip
        if plan.lessons:
            if not goal.share:
                raise ValueError("this variant learns what others say; name their runs with --teacher")
            self.asked = goal
            goal = Goal(plan.dropout, smoothing=0.0)
        return learner(self.begin, goal, seed=options.seed, threads=options.threads)

    def _hear(self, told: Sequence[Path]) -> None:
        """Blend what teachers wrote of each picture into its targets; the weight of each row stays."""
        rows, share = np.unique(self.rows), self.plan.taught
        heard = [_opinions(path, rows) for path in told]
        for head, target in enumerate((self.original, self.votes)):
            opinion = np.mean([both[head] for both in heard], axis=0)
            target[rows] = blended(target[rows], opinion, share)

    def _look(self) -> None:
        """Film all faces that are learned from; the films are kept beside the output folder."""
        rows = np.unique(self.rows)
        directory = self.options.output.parent / "face-looks"
        pictures, seen = looks(self.pack.images[rows], directory, seed=0, threads=self.options.threads)
        self.looks = self.pack.images.copy()
        self.looks[rows], self.seen[rows] = pictures, seen

    def _lessons(self) -> Lessons:
        """Views of all rows with the teachers' opinions; they are kept in the output folder."""
        plan, options = self.plan, self.options
        said = hashlib.sha256(f"{options.seed} {plan.field} {plan.looks} {self.asked.mirror}".encode())
        for array in (self.rows, self.pack.images, self.looks, self.seen, *chain(*self.asked.teachers)):
            said.update(np.ascontiguousarray(array).tobytes())
        for folder in self.asked.strangers:
            said.update((folder / training.CHECKPOINT).read_bytes())
        lessons = Lessons(options.output / "lessons", plan.lessons, said.hexdigest())
        lessons.make(self._shown_to_teachers, opinions(self.asked, seed=options.seed, threads=options.threads))
        return lessons

    def _shown_to_teachers(self, number: int) -> Iterator[NDArray[np.float32]]:
        generator = np.random.default_rng([self.options.seed, number, self.plan.lessons])
        for first in range(0, len(self.rows), ASKED):
            yield self._views(self.rows[first : first + ASKED], self.plan.field, generator)

    def train(self) -> None:
        """All epochs from the checkpoint on; each ends with a checkpoint, each cycle with model files."""
        folder = self.options.output
        saved = training.checkpoint_or_fresh(folder, resume=self.options.resume)
        history: list[dict[str, float]] = []
        begun = 0
        if saved is not None:
            arrays, state = saved
            self.learner.restore(arrays)
            history = cast("list[dict[str, float]]", state["history"])
            begun = len(history)
        for epoch in range(begun, self.epochs):
            cycle, within = self._place(epoch)
            history.append({"epoch": epoch + 1.0, **self._epoch(epoch, cycle, within), **self.measure()})
            training.save_checkpoint(folder, self.learner.arrays(), {"history": history})
            training.write_history(folder, history)
            if within == cycle.epochs - 1:
                self.write(folder.joinpath(f"epoch-{epoch + 1}"))
        self.write(folder)

    def _place(self, epoch: int) -> tuple[Cycle, int]:
        for cycle in self.plan.cycles:
            if epoch < cycle.epochs:
                return cycle, epoch
            epoch -= cycle.epochs
        raise IndexError(epoch)

    def _epoch(self, epoch: int, cycle: Cycle, within: int) -> dict[str, float]:
        small = within < round(cycle.small * cycle.epochs)
        size = self.plan.small_side if small else self.plan.glance or self.plan.field
        plain = within >= cycle.epochs * (1 - PLAIN_END)
        generator = np.random.default_rng([self.options.seed, epoch])
        progress = training.Progress(epoch=epoch + 1, epochs=self.epochs, steps=self.steps)
        total, rate = 0.0, 0.0
        cut = 0.0 if plain else cycle.cut
        batches = self._mixed(self._told(epoch, generator) if self.plan.lessons else self._plain(size, generator),
                              cut, generator)  # fmt: skip
        for step, batch in enumerate(_ahead(batches)):
            rate = self.plan.peak * fall(within + step / self.steps, cycle.epochs)
            total += self.learner.step(batch, rate)
            progress.update(step + 1, loss=total / (step + 1))
        figures = {"rate": rate, "loss": total / self.steps}
        progress.done(**figures)
        return figures

    def _plain(self, size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """New views of all pictures, and their labels."""
        order = generator.permutation(self.rows)
        for step in range(self.steps):
            rows = order[step * BATCH : (step + 1) * BATCH]
            yield self._views(rows, size, generator), self.original[rows], self._votes(rows)

    def _told(self, epoch: int, generator: np.random.Generator) -> Iterator[Batch]:
        """The views of one lesson, half of them in a mirror, and what the teachers said of them beside the labels."""
        lesson, share = self.lessons.lesson(epoch), self.plan.taught
        order = generator.permutation(len(self.rows))
        for step in range(self.steps):
            at = order[step * BATCH : (step + 1) * BATCH]
            rows = self.rows[at]
            mirrored = generator.random(BATCH) < 0.5
            shown = np.where(mirrored[:, None, None], lesson.views[at][:, :, ::-1], lesson.views[at])
            original = blended(smooth(self.original[rows]), lesson.original[at], share)
            votes = blended(self._votes(rows), lesson.votes[at], share)
            yield shown[..., None].astype(np.float32) / 255, original, votes

    def _mixed(self, batches: Iterator[Batch], cut: float, generator: np.random.Generator) -> Iterator[Batch]:
        for batch in batches:
            pictures, *labels = batch
            targets = tuple(labels)
            chance = generator.random()
            if chance < cut:
                pictures, targets = cut_mix(pictures, targets, generator=generator)
            elif chance < cut * 4 / 3:
                pictures, targets = mix_up(pictures, targets, generator=generator)
            yield (pictures, *targets)

    def _views(self, rows: NDArray[np.int64], size: int, generator: np.random.Generator) -> NDArray[np.float32]:
        shown = self.pack.images[rows]
        moved = None
        if self.plan.looks:
            moved = self.seen[rows] & (generator.random(len(rows)) < self.plan.looks)
            shown = np.where(moved[:, None, None], self.looks[rows], shown)
        return views(shown, size=size, generator=generator, field=self.plan.field, moved=moved)

    def _votes(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.votes[rows] * self.weights[rows, None]

    def measure(self) -> dict[str, float]:
        """Accuracy of the averaged network on the rows held out, both heads."""
        logits = self.predict(self.held)
        truth = self.pack.labels[self.held]
        figures = {"held_original": float((logits[0].argmax(1) == truth).mean())}
        if self.pack.votes is not None:
            crowd = faces.majority(self.pack.votes[self.held])
            voted = logits[1][:, : len(CANONICAL)].argmax(1)
            figures["held_votes"] = float((voted == crowd)[crowd >= 0].mean())
        print("   ", " ".join(f"{k} {v:.4f}" for k, v in figures.items()), flush=True)
        return figures

    def predict(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits of both heads on what views show where there is no chance."""
        pictures = self._shown(rows, self.plan.field)
        parts = [self.learner.logits(pictures[i : i + 256]) for i in range(0, len(rows), 256)]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _shown(self, rows: NDArray[np.int64], field: int) -> NDArray[np.float32]:
        """The middle `field` pixels of pictures, at the side that the network sees, as its front end gives them."""
        cut = (faces.SIDE - field) // 2
        pictures = self.pack.images[rows, cut : cut + field, cut : cut + field]
        eye = FaceFrontEnd(FrontEndSpec("face_gray", {"size": self.plan.glance or field}))
        return np.stack([eye.prepare(picture) for picture in pictures])

    def write(self, folder: Path) -> None:
        """Write FILES of the averaged network, its classes balanced on the rows held out."""
        folder.mkdir(parents=True, exist_ok=True)
        truths = {"original": self.pack.labels[self.held]}
        if self.pack.votes is not None:
            truths["votes"] = faces.majority(self.pack.votes[self.held])
        kept = self.plan.kept
        weights = [kept * old + (1 - kept) * new for old, new in zip(self.begin, self.learner.averaged(), strict=True)]
        if self.plan.equivariant:
            weights = even(weights)
        average = self._net.build(self.plan.stages, dropout=0.0)
        average.set_weights(weights)
        training.write_arrays(folder / WRITTEN, {f"{index:04d}": array for index, array in enumerate(weights)})
        sides = SIDES if self.plan.glance is None else (self.plan.glance,)
        for head, truth in truths.items():
            counted = truth >= 0
            rows = self.held[counted]

            def file(shift: NDArray[np.float32], head: str = head) -> Any:
                return self._net.single(
                    average, self.plan.stages, head=head, sides=sides, mirror=self.plan.glance is None, shift=shift
                )

            plain = file(np.zeros(len(CANONICAL), dtype=np.float32))
            said = plain.predict(self._shown(rows, faces.SIDE), batch_size=256, verbose=0)
            shift = balancing_shift(np.log(np.maximum(said, SURE)), truth[counted])
            self._net.save(file(shift), folder / f"{FILES[head]}.keras")
            np.savez(
                folder / f"{FILES[head]}-held-out.npz",
                images=self.pack.images[rows],
                labels=truth[counted].astype(np.uint8),
                split=np.zeros(len(rows), dtype=np.uint8),
            )


def trained(folder: Path) -> Weights:
    """Weights that an earlier run wrote; the averaged ones of its checkpoint where it has not ended."""
    if (folder / WRITTEN).exists():
        with np.load(folder / WRITTEN, allow_pickle=False) as file:
            return [file[name] for name in sorted(file.files)]
    saved = training.load_checkpoint(folder)
    if saved is None:
        raise ValueError(f"{folder} holds no {training.CHECKPOINT}")
    return list(saved[0]["average"])


def _strangers(options: TrainOptions) -> list[Path]:
    """Teachers that are no networks of this kind: they left OPINIONS."""
    return [folder for folder in options.teachers if (folder / OPINIONS).exists()]


def _opinions(path: Path, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities of either head that a teacher wrote for these rows; ValueError where it wrote for others."""
    with np.load(path, allow_pickle=False) as file:
        if not np.array_equal(file["rows"], rows):
            raise ValueError(f"{path} tells of other pictures than this run learns from")
        return file["original"], file["votes"]


def _seldom(labels: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Which rows are of a class with less than RARE of them; rows without a class (below 0) are not."""
    counts = np.bincount(labels[labels >= 0], minlength=1)
    return np.asarray((labels >= 0) & (counts[labels] < RARE * len(labels)), dtype=np.bool_)


def _ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Prepare batches in a second thread while the first one learns."""
    ready: queue.Queue[Batch | BaseException | None] = queue.Queue(4)
    stop = threading.Event()

    def put(item: Batch | BaseException | None) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.5)
            except queue.Full:
                continue
            return

    def fill() -> None:
        try:
            for batch in batches:
                put(batch)
                if stop.is_set():
                    return
            put(None)
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits for batches
            put(error)

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
