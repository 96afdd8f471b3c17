"""One followed face: where it is, how sure that is, and how it moves."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emoedge.messages import Box
from emoedge.vision.quality import CALM

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emoedge.emotions import Scores
    from emoedge.messages import FaceQuality

SMOOTHING = 0.08
"""Seconds: a cascade's boxes change size by 2 % from frame to frame; the face does not."""

VELOCITY = 0.12
"""Seconds over which velocity is averaged."""

STEADY = 1.0
"""Seconds over which the box that is shown and judged is averaged.

With this and `quality.CALM` the bundled clip's scores on arm64 lie 0.005 from this processor's, without them 0.03
(`tools/arm64.sh`): a pixel that rounds otherwise moves a detector's box.
"""

GOES, GROWS = 0.2, 0.4
"""Sides, and logarithm of a ratio of sides: a difference this large is movement and no noise, and is taken at once."""

RUNS = 0.6
"""Sides a second above which a face moves, and its place is taken as it is found."""

PATIENCE = 10.0
"""Seconds for which a face is believed that the detector does not find and that still looks like one."""

LATELY = 20
"""Looks that tell how surely a new face is found."""

STRAYS = 1.5
"""Seconds for which a lost face goes away from where it was: later anybody may have come from there."""

FASTEST = 0.6
"""Sides: a prediction moves a face no further, or one bad box would throw the window away."""


@dataclass(slots=True, eq=False)
class Track:
    """State of a followed face; `number` is 0 until it is confirmed."""

    box: Box
    first: float
    """Seconds, when it was first found."""
    found: float
    """Seconds, when the detector last found it."""
    updated: float
    """Seconds, when `box` was last set."""
    steady: Box = field(init=False)
    """`box` without the detector's jitter: what is published and judged. The face is followed by `box` itself."""
    number: int = 0
    visible: bool = True
    """Whether it was seen in the last look: by the detector, as some face, or still looking like itself ..."""
    sure: bool = True
    """... and by the detector or as some face: what only looks like itself may be the wall behind it."""
    hits: int = 1
    """Looks in which the detector found it."""
    lately: deque[bool] = field(default_factory=lambda: deque((True,), maxlen=LATELY))
    """Which of the last looks were hits, newest last."""
    velocity: tuple[float, float] = (0.0, 0.0)
    """Pixels a second."""
    likeness: NDArray[np.uint8] | None = None
    """What was last found or upheld, at the scale faces are followed at."""
    detail: float = 0.0
    """How much of edges there was in what the detector last found."""
    upheld: float = -math.inf
    """Seconds, when its place last looked like a face though the detector saw none."""
    fine_until: float = -math.inf
    """Seconds, until when it is looked for at the fine scale only."""
    reviewed: float = -math.inf
    """Seconds, when its size was last looked at closely."""
    scores: Scores | None = None
    """What the classifier last said."""
    classified: float = -math.inf
    """Seconds, when."""
    judged: NDArray[np.uint8] | None = field(default=None)
    """Thumbnail of the face as it was then."""
    grade: FaceQuality | None = None
    """How good it was when last looked at closely."""
    known: bool = False
    """Whether it looked like a face when that was last asked ..."""
    compared: float = -math.inf
    """... in seconds, when."""
    still: bool = False
    """Whether nothing has changed around it since."""

    def __post_init__(self) -> None:
        self.steady = self.box

    @property
    def last(self) -> float:
        """Seconds, when it was last there for all that is known: found, or upheld for PATIENCE at most."""
        return max(self.found, min(self.upheld, self.found + PATIENCE))

    @property
    def certainty(self) -> float:
        """Share of the last looks in which the detector found it."""
        return sum(self.lately) / len(self.lately)

    @property
    def speed(self) -> float:
        """Sides a second."""
        return math.hypot(*self.velocity) / self.box.width

    def predicted(self, at: float) -> Box:
        """Where the face should be at `at`, by its velocity."""
        dt = max(0.0, at - self.updated)
        reach = FASTEST * self.box.width
        dx, dy = (min(reach, max(-reach, v * dt)) for v in self.velocity)
        return Box(self.box.x + dx, self.box.y + dy, self.box.width, self.box.height)

    def move(self, box: Box, at: float, *, sure: bool = False) -> None:
        """Take a new place for the face; its side is smoothed unless it is `sure`, its centre is not."""
        dt = at - self.updated
        (x0, y0), (x, y) = self.box.centre, box.centre
        side = box.width
        if dt > 0:
            keep = 0.0 if sure else math.exp(-dt / SMOOTHING)
            side = keep * self.box.width + (1 - keep) * side
            keep = math.exp(-dt / VELOCITY)
            self.velocity = (
                keep * self.velocity[0] + (1 - keep) * (x - x0) / dt,
                keep * self.velocity[1] + (1 - keep) * (y - y0) / dt,
            )
        self.box = Box(x - side / 2, y - side / 2, side, side)
        self.updated = at
        self._settle(dt)

    def _settle(self, dt: float) -> None:
        """Bring `steady` nearer to `box`: the more they differ, and the fewer looks there were, the more of the way."""
        side = self.steady.width
        (x, y), (aim_x, aim_y) = self.steady.centre, self.box.centre
        apart, grown = math.hypot(aim_x - x, aim_y - y) / side, math.log(self.box.width / side)
        least = max(1 - math.exp(-max(dt, 0.0) / STEADY), 1 / (self.hits + 1))
        part = 1.0 if self.speed > RUNS else min(1.0, max(least, apart / GOES))
        x, y = x + part * (aim_x - x), y + part * (aim_y - y)
        side *= math.exp(grown * min(1.0, max(least, abs(grown) / GROWS)))
        self.steady = Box(x - side / 2, y - side / 2, side, side)

    def stayed(self, at: float) -> None:
        """Nothing changed around it: where it was seen, it is still there."""
        self.still = True
        if self.speed > CALM:
            self.velocity, self.grade = (0.0, 0.0), None  # the grade was that of a face in flight
        if not self.visible or not self.sure:
            return
        if self.upheld > self.found:
            self.upheld = at
        else:
            self.found = at

    def hit(self, box: Box, at: float, *, reviewed: bool = False) -> None:
        """The detector found it at `box`; `reviewed`: among all sizes that may be, so that its side needs no doubt."""
        self.move(box, at, sure=reviewed)
        if reviewed:
            self.reviewed = at
        self.found = at
        self.visible = self.sure = True
        self.lately.append(True)
        self.hits += 1

    def alike(self, box: Box, at: float, *, facelike: bool) -> None:
        """The detector did not find it, and `box` looks as it did; `facelike`: or at least as faces do."""
        self.move(box, at)
        self.visible, self.sure = True, facelike
        self.lately.append(False)
        if facelike:
            self.upheld = at

    def miss(self) -> None:
        """It was looked for and not seen."""
        self.visible = False
        self.velocity = (0.0, 0.0)
        self.lately.append(False)

    def could_be(self, box: Box, at: float) -> bool:
        """Whether a face found at `box` may be this one, lost some time ago."""
        ratio = box.width / self.box.width
        if not 0.55 < ratio < 1.8:
            return False
        (x0, y0), (x, y) = self.box.centre, box.centre
        reach = self.box.width * (0.8 + 1.5 * min(max(0.0, at - self.found), STRAYS))
        return math.hypot(x - x0, y - y0) < reach
