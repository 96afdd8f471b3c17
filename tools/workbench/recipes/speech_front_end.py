"""The shipped speech front end, and how its constants are fitted to the training part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.audio.front_end import build
from emoedge.inference.spec import FrontEndSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from emoedge.audio.front_end import SpeechFrontEnd
    from workbench.recipes.speech_sessions import Session, SessionSampler

SECONDS = 3.0
HOP = 0.02
BANDS = 40

FRAMES = FrontEndSpec(
    "mfcc_sequence",
    {
        "seconds": SECONDS, "window": 0.025, "hop": HOP, "nfft": 512, "taper": "hann",
        "mels": BANDS, "fmin": 40.0, "fmax": 7800.0, "filters": "htk", "coefficients": BANDS,
    },
)  # fmt: skip
"""What mel power depends on: the key of the cache."""

BASE = replace(
    FRAMES,
    parameters={
        **FRAMES.parameters,
        "level": "window", "floor": -50.0, "log": "ln", "lifter": 0.0, "energy": False,
        "session": "running", "session_memory": 60.0, "session_prior": 3.0,
        "session_above": 8.0, "session_below": 30.0,
    },
)  # fmt: skip
"""All but the constants that `fitted` finds."""


def windows(front_end: SpeechFrontEnd, session: Session) -> NDArray[np.float32]:
    """Features of a session's windows, (windows, *shape), each with the memory of what came before it."""
    front_end.reset()
    rows, at = [], 0
    for end in session.ends:
        front_end.push_power(session.power[at:end])
        at = int(end)
        rows.append(front_end.features())
    return np.stack(rows)


def fitted(sampler: SessionSampler, sessions: int) -> FrontEndSpec:
    """BASE with the session's prior and the standardisation of the coefficients, from `sessions` random sessions."""
    drawn = [sampler.session() for _ in range(sessions)]
    warm = replace(BASE, parameters={**BASE.parameters, "session_prior": 0.0})
    means, deviations = zip(*_statistics(warm, drawn), strict=True)
    prior = replace(
        BASE,
        parameters={
            **BASE.parameters,
            "session_mean": _rounded(np.mean(means, axis=0)),
            "session_std": _rounded(np.mean(deviations, axis=0)),
        },
    )
    front_end = build(prior)
    features = np.concatenate([windows(front_end, session) for session in drawn]).reshape(-1, BANDS)
    constants = {"mean": _rounded(features.mean(axis=0)), "std": _rounded(features.std(axis=0))}
    return replace(prior, parameters={**prior.parameters, **constants})


def _statistics(
    spec: FrontEndSpec, sessions: Iterable[Session]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    front_end = build(spec)
    for session in sessions:
        front_end.reset()
        front_end.push_power(session.power)
        if front_end.statistics.active_seconds > 1:
            yield front_end.statistics.mean, front_end.statistics.deviation


def _rounded(values: NDArray[np.floating[Any]]) -> list[float]:
    return [round(float(value), 4) for value in values]
