"""Where moments are shown: on a page, or in a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from emoedge.view.moment import Moment


@dataclass(frozen=True, slots=True)
class Sensor:
    """A camera or a microphone as it is told of."""

    source: str
    """Where it reads from, without passwords; `none` where there is none."""
    status: str
    """`online`, `offline`, `reconnecting`, `disabled`, or `ended` for a file."""
    problem: str | None = None

    def as_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return asdict(self)


Sensors = dict[str, Sensor]
"""By `camera` and `mic`."""


class Stage(Protocol):
    """Takes what is to be shown, in the order of its times."""

    def show(
        self, image: NDArray[np.uint8] | None, moment: Moment, sensors: Mapping[str, Sensor], name: str | None = None
    ) -> None:
        """Show a picture (BGR; None: none yet) and the moment; `name`: of a photograph's file."""
        ...

    def ended(self) -> None:
        """Say that the film has ended."""
        ...
