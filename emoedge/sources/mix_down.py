"""The channels of a microphone as one: their mean, or the loudest alone where they cancel each other."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

LOOK = 0.1
"""Seconds between two looks at how loud channels and mean are, on a grid that starts with the stream."""

FADING = 0.8
"""Share of what was heard until the last look that still counts at the next one: half a second is remembered."""

CANCELLED, WHOLE = 0.2, 0.6
"""Power of the channels' sum over the sum of their powers, which is 1 where they have nothing to do with each other:
below the first they cancel each other, above the second they do not."""

PATIENCE = 10
"""Looks in a row at loud channels that do not cancel each other until their mean is heard again: a phrase is heard as
it begins."""

LOUD = 0.01
"""Power, over the greatest since the mean was left, from which channels tell something: in pauses a balanced line
carries what hums in both its wires alike ..."""

LASTING = 0.999
"""... and what is left of that greatest power at the next look: after a bang, voices tell something in minutes."""

INAUDIBLE = 2.0**-30
"""Mean square of one step of 16 bits."""


class MixDown:
    """One stream from its begin. `rate`: Hz. `channels`. `name`: of the source, for the log.

    A balanced line on a stereo input brings the same voice twice in opposite phase, of which the mean is silence.
    Whatever the blocks, the same stream gives the same sound.
    """

    def __init__(self, *, rate: int, channels: int, name: str) -> None:
        self._name = name
        self._channels = channels
        # What lies so far apart differs little where it hums, and much where somebody speaks.
        self._lag = max(1, rate // 16_000)
        self._held = np.zeros((max(round(rate * LOOK), 2 * self._lag), channels), dtype=np.float32)
        self._count = 0
        self._own = np.zeros(channels)
        self._summed = 0.0
        self._alone: int | None = None
        self._greatest = 0.0
        self._healthy = 0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next samples (n, channels) as one channel (n,)."""
        if self._channels == 1:
            return samples[:, 0]
        parts: list[NDArray[np.float32]] = []
        while not parts or len(samples):
            part = samples[: len(self._held) - self._count]
            parts.append(mean(part) if self._alone is None else part[:, self._alone])
            self._held[self._count : self._count + len(part)] = part
            self._count += len(part)
            samples = samples[len(part) :]
            if self._count == len(self._held):
                self._count = 0
                self._look()
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _look(self) -> None:
        changes = self._held[self._lag :] - self._held[: -self._lag]
        products = changes.T @ changes
        self._own = FADING * self._own + products.diagonal()
        self._summed = FADING * self._summed + float(products.sum())
        power = float(self._own.sum())
        share = self._summed / max(power, 1e-9)  # 1 where the channels have nothing to do with each other
        if self._alone is None:
            if power > INAUDIBLE * changes.size / (1 - FADING) and share < CANCELLED:
                self._leave_mean(power)
            return
        self._greatest = max(LASTING * self._greatest, power)
        if power >= LOUD * self._greatest:
            self._healthy = self._healthy + 1 if share > WHOLE else 0
            if self._healthy == PATIENCE:
                self._alone = None
                log.info("%s: its channels cancel each other no longer, their mean is heard", self._name)

    def _leave_mean(self, power: float) -> None:
        self._alone, self._greatest, self._healthy = int(self._own.argmax()), power, 0
        number = self._alone + 1
        log.warning(
            "%s: its channels cancel each other, as those of a balanced line do; channel %d alone is heard; "
            "microphone.channel: %d hears it from the beginning", self._name, number, number,
        )  # fmt: skip


def mean(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of all channels (n,), of (n, channels)."""
    if samples.shape[1] > 2:
        return samples.mean(axis=1)  # type: ignore[no-any-return]
    # What `mean` gives, which takes ten times as long over so few.
    return samples[:, 0] if samples.shape[1] == 1 else (samples[:, 0] + samples[:, 1]) / np.float32(2)
