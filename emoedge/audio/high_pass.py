"""What lies below every voice is taken out of a stream: a car's rumble, the hum of the mains, a microphone's offset."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.messages import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAIRS = 2
"""Of poles; the order is twice that."""

BLOCK = 80
"""Samples that one product of matrices filters."""


class HighPass:
    """Butterworth high-pass of fourth order, causal, over a stream of any blocks.

    Two recursions of second order, one after the other. A block's output is what its own samples make, a product with
    the impulse responses, and what the state before it still makes, so that NumPy need not go sample by sample.
    """

    def __init__(self, hertz: float) -> None:
        """`hertz`: where it lets half of the power through; 0: it lets everything through."""
        self._open = hertz <= 0
        self._state = np.zeros(2 * PAIRS)
        if self._open:
            return
        sections = _sections(hertz)
        pulse = np.zeros(BLOCK)
        pulse[0] = 1.0
        response, after = _run(sections, pulse, self._state)
        self._own = np.zeros((BLOCK, BLOCK))
        """Row: a sample in; column: what it makes of each sample out."""
        for at in range(BLOCK):
            self._own[at, at:] = response[: BLOCK - at]
        self._left = after[::-1]
        """Row: a sample in; column: what it leaves in the state at the block's end."""
        runs = [_run(sections, np.zeros(BLOCK), unit) for unit in np.eye(2 * PAIRS)]
        self._told = np.stack([told for told, _ in runs])
        """Row: of the state before; column: what it makes of each sample out."""
        self._kept = np.stack([states for _, states in runs], axis=1)
        """By sample, row, of the state before, column: what is left of it in the state after that sample."""

    def reset(self) -> None:
        """Start a new stream, silence before it."""
        self._state = np.zeros(2 * PAIRS)

    def push(self, samples: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """Next samples in (n,), as many out; what is NaN or infinite counts as silence, unless everything goes through.

        Else it would stay in the state, and the stream would never be heard again.
        """
        if self._open or not len(samples):
            return samples
        given = np.asarray(samples, dtype=np.float64)
        if not isfinite(given @ given):  # a third of what np.isfinite of all costs
            given = np.where(np.isfinite(given), given, 0.0)
        whole = len(given) // BLOCK * BLOCK
        blocks = given[:whole].reshape(-1, BLOCK)
        # The state before each block and after the last one: twice as many blocks are summed up in each turn.
        states, kept, reach = np.concatenate([self._state[np.newaxis], blocks @ self._left]), self._kept[-1], 1
        while reach < len(states):
            states[reach:] += states[:-reach] @ kept
            kept, reach = kept @ kept, 2 * reach
        told = blocks @ self._own
        told += states[:-1] @ self._told
        self._state = states[-1]
        rest = given[whole:]
        if not len(rest):
            return told.ravel()
        last = rest @ self._own[: len(rest), : len(rest)] + self._state @ self._told[:, : len(rest)]
        self._state = self._state @ self._kept[len(rest) - 1] + rest @ self._left[BLOCK - len(rest) :]
        return np.concatenate([told.ravel(), last])


def _sections(hertz: float) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Taps of inputs and of outputs of each recursion: Butterworth's poles by the bilinear transform."""
    corner = np.tan(np.pi * hertz / SAMPLE_RATE)
    sections = []
    for pair in range(PAIRS):
        damping = 2 * np.sin(np.pi * (2 * pair + 1) / (4 * PAIRS))
        scale = 1 + damping * corner + corner**2
        below = np.array([scale, 2 * (corner**2 - 1), 1 - damping * corner + corner**2]) / scale
        sections.append((np.array([1.0, -2.0, 1.0]) / scale, below))
    return sections


def _run(
    sections: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
    samples: NDArray[np.float64],
    before: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Samples out (n,), and the state after each (n, 2 PAIRS), sample by sample."""
    state, told, states = before.copy(), np.empty(len(samples)), np.empty((len(samples), len(before)))
    for at, sample in enumerate(samples):
        value = float(sample)
        for pair, (above, below) in enumerate(sections):
            first, second = state[2 * pair : 2 * pair + 2]
            out = above[0] * value + first
            state[2 * pair] = above[1] * value - below[1] * out + second
            state[2 * pair + 1] = above[2] * value - below[2] * out
            value = out
        told[at], states[at] = value, state
    return told, states
