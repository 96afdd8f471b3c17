"""Which library learns the face network on this machine, and asks its teachers."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.face_learning import Goal, Learner, Opinions, Weights


def learner(weights: Weights, goal: Goal, *, seed: int, threads: int) -> Learner:
    """With PyTorch where it is installed and has a GPU or a processor with bfloat16, else with TensorFlow.

    A step takes PyTorch two thirds of TensorFlow's time with bfloat16, and four thirds of it without. Raises ValueError
    where there are strangers to ask and PyTorch is not installed.
    """
    if importlib.util.find_spec("torch"):
        from workbench.face_torch import trunk_learner, uses_bfloat16

        if goal.strangers or uses_bfloat16():
            return trunk_learner(weights, goal, seed=seed, threads=threads)
    elif goal.strangers:
        raise ValueError("a teacher of another kind is asked about views by PyTorch, which is not installed")
    from workbench.face_tensorflow import TensorFlowLearner

    return TensorFlowLearner(weights, goal)


def opinions(goal: Goal, *, seed: int, threads: int) -> Opinions:
    """What the goal's teachers say of views, in the mean; ValueError where PyTorch is not installed."""
    if importlib.util.find_spec("torch") is None:
        raise ValueError("teachers are asked about views beforehand by PyTorch, which is not installed")
    from workbench import face_torch

    face_torch.begin(seed=seed, threads=threads)
    return face_torch.Teachers(goal, face_torch.device()).opinions
