"""Speech front ends by name: samples in as they come, a model's input out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.audio import parameters as known
from emoedge.audio.frames import FrameAnalysis
from emoedge.audio.high_pass import HighPass
from emoedge.audio.stream import SpeechFrontEnd
from emoedge.audio.summary import FunctionalsFrontEnd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emoedge.inference.spec import FrontEndSpec

__all__ = ["SpeechFrontEnd", "build", "mel_power"]


def build(spec: FrontEndSpec) -> SpeechFrontEnd:
    """The front end that a model file asks for; ModelError where the name or a parameter is wrong."""
    if spec.name == known.FUNCTIONALS:
        return FunctionalsFrontEnd(spec.name, known.parse(spec), spec.weights)
    return SpeechFrontEnd(spec.name, known.parse(spec))


def mel_power(samples: NDArray[Any], spec: FrontEndSpec) -> NDArray[np.float32]:
    """Frame values (n, width) of a whole recording: mel power, then what the front end needs beside it.

    The very rows that the stream would have computed.
    """
    parameters = known.parse(spec)
    if spec.name == known.FUNCTIONALS:
        return FunctionalsFrontEnd(spec.name, parameters, spec.weights).rows(np.asarray(samples))
    return FrameAnalysis(spec.name, parameters).values(HighPass(parameters.highpass).push(np.asarray(samples)))
