"""What learning the face network means, whichever library does the sums: the goal, the constants, the port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from emoedge.emotions import CANONICAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Batch = tuple["NDArray[np.float32]", ...]
"""Pictures (N x H x W x 1 in 0..1), original targets (N x 7, sum to the weight of the row, 1 where classes are not
weighted), vote targets (N x 8, sum to the share of voters that count, times that weight)."""

Weights = list["NDArray[np.float32]"]
"""As Keras lists a network of `face_net.build`: per convolution its kernel (3 x 3 x in x out), then gamma, beta, mean
and variance of its normalisation; per head its kernel (in x out) and bias."""

Opinions = Callable[["NDArray[np.float32]"], tuple["NDArray[np.float32]", "NDArray[np.float32]"]]
"""Pictures (N x H x W x 1 in 0..1) to the probabilities of either head (N x 7 and N x 8)."""

MOMENTUM = 0.9
DECAY = 5e-4
MEMORY = 0.998
SMOOTHING = 0.05
VOTES_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Goal:
    """What the network is to say."""

    dropout: float
    teachers: Sequence[Weights] = ()
    """Networks whose mean opinion on the same view is a part of the target (Hinton et al. 2015, arXiv:1503.02531)."""
    share: float = 0.0
    """That part, 0..1; the labels are the rest."""
    mirror: bool = False
    """Whether a teacher sees the mirror image of each view as well, before its heads speak of the mean."""
    strangers: Sequence[Path] = ()
    """Runs of `recipes.face_teacher`, whose networks are asked about the same view as well; PyTorch alone can."""
    equivariant: bool = False
    """Whether a network that begins as its own mirror image stays so (`face_equivariance`)."""
    smoothing: float = SMOOTHING
    """Share of the original labels' targets that is spread evenly over the classes."""

    def __post_init__(self) -> None:
        count = len(self.teachers) + len(self.strangers)
        if bool(count) != (self.share > 0):
            raise ValueError(f"{count} teachers with a share of {self.share} in the target")


class Learner(Protocol):
    """One network that learns, and the running average of its weights."""

    def step(self, batch: Batch, rate: float) -> float:
        """Learn from one batch; returns its loss."""

    def logits(self, pictures: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits of the averaged network, of both heads."""

    def averaged(self) -> Weights:
        """Weights of the averaged network."""

    def arrays(self) -> dict[str, Sequence[NDArray[Any]]]:
        """All that a resumed run needs, with either library: `weights`, `average`, `velocity`, `count`."""

    def restore(self, arrays: Mapping[str, Sequence[NDArray[Any]]]) -> None:
        """Take up what `arrays` gave."""


def memory(count: float) -> float:
    """Share of the old average that stays in it; it forgets fast at first, or the random start would stay for long."""
    return min(MEMORY, (1.0 + count) / (10.0 + count))


def smooth(original: NDArray[np.float32], share: float = SMOOTHING) -> NDArray[np.float32]:
    """Targets with that share of their weight spread evenly (N x 7)."""
    spread = original.sum(axis=1, keepdims=True) / len(CANONICAL)
    return np.asarray((1 - share) * original + share * spread, dtype=np.float32)


def blended(target: NDArray[np.float32], opinion: NDArray[np.floating[Any]], share: float) -> NDArray[np.float32]:
    """Targets (N x K) of which that share is what teachers say (N x K, sums to 1); the weight of each row stays."""
    told = target.sum(axis=1, keepdims=True) * opinion
    return np.asarray((1 - share) * target + share * told, dtype=np.float32)


def stages(weights: Weights) -> tuple[tuple[int, int], ...]:
    """Channels and number of convolutions of each stage; a stage begins where the channels change."""
    found: list[tuple[int, int]] = []
    for kernel in weights:
        if kernel.ndim == len("HWIO"):
            _, _, narrow, wide = kernel.shape
            if found and narrow == wide:
                found[-1] = (wide, found[-1][1] + 1)
            else:
                found.append((wide, 1))
    return tuple(found)
