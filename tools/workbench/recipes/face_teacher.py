"""Trains a teacher of the face model: a network that had seen far more faces, and what it thinks of each picture."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from workbench import face_package, training
from workbench.data import faces
from workbench.recipes.face import OPINIONS, Run
from workbench.recipes.face_plans import Cycle, Plan

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from workbench.face_learning import Learner
    from workbench.recipes import TrainOptions

PLAN = Plan((), (Cycle(9, 0.0, 0.25),), peak=0.03, field=faces.SIDE)
DROPOUT = 0.3
FIRST = 256
"""Pictures by which its normalisations are set, and which it is asked about at once."""


def train(options: TrainOptions) -> None:
    """Train, resume, and write what it thinks of the pictures that the face model learns from.

    Raises ValueError where PyTorch is not installed, or the package with the first weights cannot be had.
    """
    if importlib.util.find_spec("torch") is None:
        raise ValueError("this teacher learns with PyTorch, which is not installed")
    if options.variant:
        raise ValueError(f"no variant {options.variant!r}; there is only one")
    training.start(seed=options.seed, threads=options.threads)
    plan = PLAN if options.epochs is None else replace(PLAN, cycles=(replace(PLAN.cycles[0], epochs=options.epochs),))
    _Teaching(faces.load(options.data), plan, options).train()


class _Teaching(Run):
    """A run whose network is no file's, and which ends with opinions."""

    def learn(self) -> Learner:
        """FaceRes out of its package, with two new heads."""
        from workbench import face_teacher, face_torch

        face_torch.begin(seed=self.options.seed, threads=self.options.threads)
        given = face_package.weights(self.options.output.parent / face_package.FOLDER)
        return face_torch.TorchLearner(face_teacher.teacher(given, self.pack.images[self.rows[:FIRST]], DROPOUT))

    def write(self, folder: Path) -> None:
        """Write OPINIONS: the mean of what the averaged network says of a picture and of its mirror image.

        They take minutes, and nobody wants those of a cycle's end: only the run's own folder gets them.
        """
        if folder != self.options.output:
            return
        rows = np.unique(self.rows)
        sides = [self._said(rows, mirrored=mirrored) for mirrored in (False, True)]
        original, votes = (np.mean([side[head] for side in sides], axis=0) for head in (0, 1))
        training.write_arrays(folder / OPINIONS, {"rows": rows, "original": original, "votes": votes})

    def _said(self, rows: NDArray[np.int64], *, mirrored: bool) -> list[NDArray[np.float32]]:
        step = -1 if mirrored else 1
        pictures = self.pack.images[rows][:, :, ::step, None].astype(np.float32) / 255
        parts = [self.learner.logits(pictures[i : i + FIRST]) for i in range(0, len(rows), FIRST)]
        return [_softmax(np.concatenate([part[head] for part in parts])) for head in (0, 1)]


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)
