"""Learns the face network with PyTorch: bfloat16 on processors that have it, a GPU where there is one."""

from __future__ import annotations

import ctypes
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from workbench import face_package, training
from workbench.face_equivariance import reflected
from workbench.face_learning import DECAY, MOMENTUM, VOTES_SHARE, Goal, memory, smooth, stages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from workbench.face_learning import Batch, Weights

EPSILON = 1e-3
NORM_MEMORY = 0.99
"""Keras's own, so that the weights mean the same there."""
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
"""Of glibc's `mallopt`."""


class Net(Protocol):
    """A network of two heads, as a `torch.nn.Module`."""

    def slots(self) -> list[torch.Tensor]:
        """Parameters and averages, always in the same order."""

    def __call__(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Pictures N x 1 x H x W in 0..1 to the logits of both heads."""

    def to(self, *, device: torch.device, memory_format: torch.memory_format) -> Net:
        """Move it."""

    def train(self) -> Net:
        """From now on with dropout, and normalised by each batch."""

    def eval(self) -> Net:
        """From now on as it is used."""


class Trunk(nn.Module):  # type: ignore[misc] # PyTorch is not in the environment that checks types
    """The network of `face_net.build`, its layers in the same order."""

    def __init__(self, weights: Weights, dropout: float, *, mirror: bool = False) -> None:
        super().__init__()
        self._mirror = mirror
        self.stages = nn.ModuleList()
        self.blocks: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []
        narrow = 1
        for wide, count in stages(weights):
            stage = nn.ModuleList()
            for _ in range(count):
                block = (nn.Conv2d(narrow, wide, 3, padding=1, bias=False),
                         nn.BatchNorm2d(wide, eps=EPSILON, momentum=1 - NORM_MEMORY))  # fmt: skip
                stage.extend(block)
                self.blocks.append(block)
                narrow = wide
            self.stages.append(stage)
        self.heads = nn.ModuleList(nn.Linear(*kernel.shape) for kernel in weights[5 * len(self.blocks) :: 2])
        self.dropout = nn.Dropout(dropout)
        _fill(self.slots(), weights)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures N x 1 x H x W in 0..1 to both heads' logits."""
        seen = self._mean(pictures)
        if self._mirror:
            seen = (seen + self._mean(pictures.flip(3))) / 2
        x = self.dropout(seen)
        first, second = (head(x).float() for head in self.heads)
        return first, second

    def _mean(self, x: torch.Tensor) -> torch.Tensor:
        for number, stage in enumerate(self.stages):
            if number:
                x = functional.max_pool2d(x, 2, ceil_mode=True)
            layers = list(cast("nn.ModuleList", stage))
            for convolution, norm in zip(layers[::2], layers[1::2], strict=True):
                x = functional.relu(norm(convolution(x)), inplace=True)
        return x.mean(dim=(2, 3))

    def slots(self) -> list[torch.Tensor]:
        """Parameters and averages in Keras's order."""
        found: list[torch.Tensor | None] = []
        for convolution, norm in self.blocks:
            found += [convolution.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var]
        for head in self.heads:
            found += [cast("nn.Linear", head).weight, cast("nn.Linear", head).bias]
        return [slot for slot in found if slot is not None]


def _fill(slots: Sequence[torch.Tensor], arrays: Sequence[NDArray[Any]]) -> None:
    with torch.no_grad():
        for slot, array in zip(slots, arrays, strict=True):
            order = {4: (3, 2, 0, 1), 2: (1, 0)}.get(array.ndim)
            moved = array.transpose(order) if order else array
            slot.copy_(torch.from_numpy(np.array(moved, dtype=np.float32, order="C")))


def _read(slots: Sequence[torch.Tensor]) -> Weights:
    arrays = [slot.detach().float().cpu().numpy() for slot in slots]
    orders = {4: (2, 3, 1, 0), 2: (1, 0)}
    return [np.array(a.transpose(orders[a.ndim]) if a.ndim in orders else a, order="C") for a in arrays]


def _places(net: Net) -> list[torch.Tensor]:
    """For each number of each learned slot, where it comes from when the network is reflected."""
    slots = net.slots()
    numbered = [torch.arange(float(slot.numel())).reshape(slot.shape) for slot in slots]
    _fill(numbered, reflected(_read(numbered)))
    return [places.long().to(slot.device) for places, slot in zip(numbered, slots, strict=True) if slot.requires_grad]


def uses_bfloat16() -> bool:
    """Whether bfloat16 is worth it here: on a GPU, or a processor with instructions for it."""
    return bool(torch.cuda.is_available()) or training.has_bfloat16()


def trunk_learner(weights: Weights, goal: Goal, *, seed: int, threads: int) -> TorchLearner:
    """Learner of the network that ships, from these weights on."""
    begin(seed=seed, threads=threads)
    return TorchLearner(Trunk(weights, goal.dropout), goal)


def begin(*, seed: int, threads: int) -> None:
    """Seed PyTorch, bound its threads, keep freed memory; call before the first network is made."""
    _keep_memory()
    torch.set_num_threads(threads)
    torch.manual_seed(seed)


def _keep_memory() -> None:
    # Every step frees and asks for the same hundreds of megabytes; given back, they cost as much as the sums.
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:
        for parameter, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 2**28)):
            tune(parameter, value)


def stranger(folder: Path) -> Net:
    """The averaged network of a run of `recipes.face_teacher`; ValueError where it left none."""
    from workbench import face_teacher

    saved = training.load_checkpoint(folder)
    if saved is None:
        raise ValueError(f"{folder} holds no {training.CHECKPOINT}")
    given = face_package.weights(folder.parent / face_package.FOLDER)
    net: Net = face_teacher.Teacher(given, face_teacher.HEADS, dropout=0.0)
    _fill(net.slots(), saved[0]["average"])
    return net


def device() -> torch.device:
    """Where networks learn and are asked."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Teachers:
    """A goal's teachers, and the mean of what they say."""

    def __init__(self, goal: Goal, place: torch.device) -> None:
        asked: list[Net] = [Trunk(each, 0.0, mirror=goal.mirror) for each in goal.teachers]
        asked += [stranger(folder) for folder in goal.strangers]
        self._asked = [_placed(net, place).eval() for net in asked]
        self._place, self._bfloat16 = place, uses_bfloat16()

    def said(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Views N x 1 x H x W in 0..1 to the probabilities of either head."""
        with torch.no_grad():
            seen = [_seen(net, pictures, bfloat16=self._bfloat16) for net in self._asked]
            first, second = (torch.stack([logits[head].softmax(1) for logits in seen]).mean(0) for head in (0, 1))
        return first, second

    def opinions(self, pictures: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """`said` for arrays, N x H x W x 1 in 0..1."""
        first, second = self.said(_pictures(pictures, self._place))
        return first.cpu().numpy(), second.cpu().numpy()


def _placed(net: Net, place: torch.device) -> Net:
    net.to(device=place, memory_format=torch.channels_last)
    return net


def _tensor(array: NDArray[np.float32], place: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(place)


def _pictures(pictures: NDArray[np.float32], place: torch.device) -> torch.Tensor:
    return _tensor(pictures, place).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def _seen(net: Net, pictures: torch.Tensor, *, bfloat16: bool) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.autocast(pictures.device.type, dtype=torch.bfloat16, enabled=bfloat16):
        first, second = net(pictures)
    return first, second


class TorchLearner:
    """The network, its SGD with Nesterov momentum, the running average of its weights, and its teachers."""

    def __init__(self, net: Net, goal: Goal | None = None) -> None:
        self._device, self._bfloat16 = device(), uses_bfloat16()
        self._goal = goal or Goal(0.0)
        self._trunk = _placed(net, self._device)
        self._average = _placed(deepcopy(net), self._device).eval()
        self._teachers = Teachers(self._goal, self._device)
        self._learned = [slot for slot in self._trunk.slots() if slot.requires_grad]
        self._velocity = [torch.zeros_like(slot) for slot in self._learned]
        self._places = _places(self._trunk) if self._goal.equivariant else []
        self._count = 0.0

    def step(self, batch: Batch, rate: float) -> float:
        """Learn from one batch; returns its loss."""
        pictures = _pictures(batch[0], self._device)
        originals = _tensor(smooth(batch[1], self._goal.smoothing), self._device)
        votes = _tensor(batch[2], self._device)
        if self._goal.share:
            originals, votes = self._with_opinions(pictures, originals, votes)
        self._trunk.train()
        first, second = _seen(self._trunk, pictures, bfloat16=self._bfloat16)
        said = (originals * first.log_softmax(1)).sum(1).mean()
        crowd = (votes * second.log_softmax(1)).sum(1).mean()
        loss = -(1 - VOTES_SHARE) * said - VOTES_SHARE * crowd
        gradients = torch.autograd.grad(loss, self._learned)
        with torch.no_grad():
            if self._places:
                gradients = tuple(
                    (gradient + gradient.flatten()[places]) / 2
                    for gradient, places in zip(gradients, self._places, strict=True)
                )
            for slot, gradient, velocity in zip(self._learned, gradients, self._velocity, strict=True):
                pull = gradient + DECAY * slot if slot.ndim > 1 else gradient
                velocity.mul_(MOMENTUM).add_(pull)
                slot.sub_(rate * (pull + MOMENTUM * velocity))
            self._count += 1
            keep = memory(self._count)
            for slow, fast in zip(self._average.slots(), self._trunk.slots(), strict=True):
                slow.lerp_(fast, 1 - keep)
        return float(loss.detach())

    def _with_opinions(
        self, pictures: torch.Tensor, originals: torch.Tensor, votes: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Blend what the teachers say about these views into the targets; the weight of each row stays."""
        share = self._goal.share
        first, second = (
            target * (1 - share) + opinion * target.sum(1, keepdim=True) * share
            for target, opinion in zip((originals, votes), self._teachers.said(pictures), strict=True)
        )
        return first, second

    def logits(self, pictures: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits of the averaged network, in full precision."""
        with torch.no_grad():
            first, second = self._average(_pictures(pictures, self._device))
        return first.cpu().numpy(), second.cpu().numpy()

    def averaged(self) -> Weights:
        """Weights of the averaged network."""
        return _read(self._average.slots())

    def arrays(self) -> dict[str, Sequence[NDArray[Any]]]:
        """All that a resumed run needs."""
        return {
            "weights": _read(self._trunk.slots()),
            "average": self.averaged(),
            "velocity": _read(self._velocity),
            "count": [np.array([self._count], dtype=np.float32)],
        }

    def restore(self, arrays: Mapping[str, Sequence[NDArray[Any]]]) -> None:
        """Take up what `arrays` gave."""
        _fill(self._trunk.slots(), arrays["weights"])
        _fill(self._average.slots(), arrays["average"])
        _fill(self._velocity, arrays["velocity"])
        self._count = float(arrays["count"][0][0])
