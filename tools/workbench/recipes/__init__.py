"""Training recipes: which module trains which model of which system."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# A recipe is imported only when it is asked for: most of them pull TensorFlow in.
RECIPES: Mapping[tuple[str, str], str] = {
    ("emoedge", "face"): "workbench.recipes.face",
    ("emoedge", "face-teacher"): "workbench.recipes.face_teacher",
    ("emoedge", "speech"): "workbench.recipes.speech",
    ("emoedge", "speech-embedding"): "workbench.recipes.speech_embedding",
    **{(system, modality): "workbench.recipes.classic" for system in "ABCDE" for modality in ("face", "speech")},
}
"""Module that trains a (system, modality); it has `train(options: TrainOptions) -> None`."""

SYSTEMS = ("emoedge", "A", "B", "C", "D", "E")
MODALITIES = ("face", "speech", "face-teacher", "speech-embedding")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """What the command line of `tools/train.py` asks of a recipe."""

    system: str
    modality: str
    data: tuple[Path, ...]
    """Data sets, in the layouts that `workbench.data` reads."""
    output: Path
    """Folder for `.keras` files, the learning curve and the checkpoint; made where missing."""
    variant: str = ""
    """One of the recipe's own variants; empty: its first one."""
    epochs: int | None = None
    """Passes over the training part; None: the recipe's own number."""
    split: str = ""
    """How the data is divided, where the recipe has SPLITS; empty: its own."""
    balance: str = "none"
    """One of `workbench.data.balance.METHODS`, and of the recipe's BALANCE unless it is `none`."""
    teachers: tuple[Path, ...] = ()
    """Folders of earlier runs to learn from, where the recipe has TEACHERS."""
    start: Path | None = None
    """Folder of an earlier run to begin with, where the recipe has STARTS: its weights, or its front end's net."""
    seed: int = 0
    threads: int = 1
    """Compute threads."""
    resume: bool = False
    """Go on from the checkpoint in `output` where there is one; otherwise one that is there is an error."""


def balances(module: Recipe) -> tuple[str, ...]:
    """Ways to balance classes that a recipe honours: its BALANCE, none where it has no such name."""
    return tuple(getattr(module, "BALANCE", ()))


class Recipe(Protocol):
    """A module of this package that can train."""

    def train(self, options: TrainOptions) -> None:
        """Train to the end, or until interrupted after the last whole epoch was saved."""


def recipe(system: str, modality: str) -> Recipe:
    """Import the recipe of a system's model. Raises LookupError where the system has no such model."""
    module = RECIPES.get((system, modality))
    if module is None:
        known = ", ".join(f"{s} {m}" for s, m in sorted(RECIPES))
        raise LookupError(f"system {system} has no {modality} recipe; there are: {known}")
    return cast("Recipe", importlib.import_module(module))
