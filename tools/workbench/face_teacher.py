"""A network that has seen far more faces than FER2013 has, made to tell emotions: MobileNet in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from emoedge.emotions import CANONICAL
from workbench.data import faces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

SIDE = 128
"""Pixels to which pictures are enlarged; it had learned on 224, which take three times as long."""
WIDTHS = 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024
STRIDES = 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1
HEADS = len(CANONICAL), len(faces.VOTE_CLASSES)
NORM_MEMORY = 0.98
EVEN = 2
"""A kernel of 3 that takes every second pixel of an even side has one row too many: it lies at the end."""


class _Layer(nn.Module):  # type: ignore[misc] # PyTorch is not in the environment that checks types
    """A convolution without bias, its normalisation, a rectifier with a ceiling of 6."""

    def __init__(self, kernel: NDArray[np.float32], stride: int, scale: NDArray[np.float32] | None,
                 offset: NDArray[np.float32]) -> None:  # fmt: skip
        super().__init__()
        height, _, inner, outer = kernel.shape
        groups = inner if outer == 1 and height > 1 else 1
        moved = kernel.transpose(2, 3, 0, 1) if groups > 1 else kernel.transpose(3, 2, 0, 1)
        self.convolution = nn.Conv2d(inner, len(moved), height, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(len(moved), momentum=1 - NORM_MEMORY)
        self.stride, self.height = stride, height
        with torch.no_grad():
            self.convolution.weight.copy_(torch.from_numpy(np.ascontiguousarray(moved)))
            self.norm.weight.copy_(torch.from_numpy(np.ones_like(offset) if scale is None else scale))
            self.norm.bias.copy_(torch.from_numpy(offset))

    def summed(self, x: torch.Tensor) -> torch.Tensor:
        """What the convolution gives, of the picture's own side or half of it."""
        if self.height > 1:
            late = self.stride == EVEN and x.shape[-1] % EVEN == 0
            x = functional.pad(x, (0, 1, 0, 1) if late else (1, 1, 1, 1))
        return cast("torch.Tensor", self.convolution(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu6(self.norm(self.summed(x)))

    def normalise(self, x: torch.Tensor) -> torch.Tensor:
        """Take the mean and variance of these pictures as usual, without a change in what the layer gives."""
        summed = self.summed(x)
        mean, variance = summed.mean((0, 2, 3)), summed.var((0, 2, 3))
        spread = torch.sqrt(variance + self.norm.eps)
        scale, offset = self.norm.weight.clone(), self.norm.bias.clone()
        self.norm.running_mean.copy_(mean)
        self.norm.running_var.copy_(variance)
        self.norm.weight.copy_(scale * spread)
        self.norm.bias.copy_(offset + scale * mean)
        return functional.relu6(summed * scale[None, :, None, None] + offset[None, :, None, None])


class Teacher(nn.Module):  # type: ignore[misc] # PyTorch is not in the environment that checks types
    """FaceRes up to its mean over the picture, and one head for each kind of labels."""

    def __init__(self, given: Mapping[str, NDArray[np.float32]], heads: Sequence[int], *, dropout: float) -> None:
        super().__init__()
        layers = [_Layer(given["conv1/convolution/merged_input"], 2, None, given["conv1_bn/batchnorm_1/sub"])]
        for number, stride in enumerate(STRIDES, start=1):
            deep, point = f"conv_dw_{number}", f"conv_pw_{number}"
            layers.append(_Layer(given[f"{deep}/depthwise_kernel"], stride, given[f"{deep}_bn/batchnorm_1/mul"],
                                 given[f"{deep}_bn/batchnorm_1/sub"]))  # fmt: skip
            layers.append(_Layer(given[f"{point}/convolution/merged_input"], 1, None,
                                 given[f"{point}_bn/batchnorm_1/sub"]))  # fmt: skip
        self.layers = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleList(nn.Linear(WIDTHS[-1], count) for count in heads)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Pictures N x 1 x H x W in 0..1 to the logits of each head."""
        x = self.dropout(self.layers(enlarged(pictures)).mean((2, 3)))
        return tuple(head(x).float() for head in self.heads)

    def slots(self) -> list[torch.Tensor]:
        """Parameters and averages, always in the same order."""
        return [tensor for tensor in self.state_dict(keep_vars=True).values() if tensor.is_floating_point()]

    def normalise(self, pictures: torch.Tensor) -> None:
        """Set the normalisations, which the weights of the package had swallowed, by these pictures."""
        with torch.no_grad():
            x = enlarged(pictures)
            for layer in self.layers:
                x = layer.normalise(x)


def teacher(given: Mapping[str, NDArray[np.float32]], pictures: NDArray[np.uint8], dropout: float) -> Teacher:
    """The network to train: FaceRes, normalised by `pictures` (N x H x W), and a head for either kind of labels."""
    net = Teacher(given, HEADS, dropout=dropout)
    net.normalise(torch.from_numpy(pictures[:, None].astype(np.float32) / 255))
    return net


def enlarged(pictures: torch.Tensor) -> torch.Tensor:
    """N x 1 x H x W in 0..1 to N x 3 x SIDE x SIDE in 0..255, as FaceRes was given them."""
    x = functional.interpolate(pictures, size=(SIDE, SIDE), mode="bicubic", align_corners=False)
    return (x.clamp(0, 1) * 255).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
