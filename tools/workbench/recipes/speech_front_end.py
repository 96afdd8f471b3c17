"""The shipped speech front end, and how its constants are fitted to the training part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from emoedge.audio.embedding import Embedding
from emoedge.inference.spec import FrontEndSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from workbench.recipes.speech_material import Windows

SECONDS = 3.0
HOP = 0.02

BASE = FrontEndSpec(
    "mfcc_functionals",
    {
        "seconds": SECONDS, "window": 0.025, "hop": HOP, "nfft": 512, "taper": "hann", "highpass": 110.0,
        "preemphasis": 0.0, "mels": 40, "fmin": 40.0, "fmax": 7800.0, "filters": "htk", "coefficients": 30,
        "lifter": 0.0, "level": "window", "floor": -50.0, "log": "root", "root": 0.15,
        "f0_min": 60.0, "f0_max": 500.0, "f0_window": 0.04, "voicing": 0.5, "voice": 0.5,
        "session": "running", "session_memory": 25.0, "session_prior": 15.0, "session_step": 0.5,
        "session_share": 0.3, "session_above": 8.0, "session_below": 30.0,
    },
)  # fmt: skip
"""All but the constants that `fitted` finds. The frames are those of the voice gate, which shares their analysis."""


AROUND = 0.2
"""Seconds about a voice that the net is asked about as well: breath, the start and the end of a word, a pause."""


def base(weights: bytes = b"") -> FrontEndSpec:
    """BASE, with the net of these weights where there are any."""
    if not weights:
        return BASE
    own = {"embedding": Embedding(weights).size, "embedding_around": AROUND}
    return replace(BASE, parameters={**BASE.parameters, **own}, weights=weights)


def fitted(windows: Windows, base: FrontEndSpec = BASE) -> FrontEndSpec:
    """`base` with the session's prior and the standardisation, from the windows of the training part."""
    prior = _rounded(np.nanmean(windows.raw, axis=0, dtype=np.float64))
    spec = replace(base, parameters={**base.parameters, "session_mean": prior})
    plain = features(windows, replace(spec, parameters={**spec.parameters, "mean": 0.0, "std": 1.0}))
    constants = {"mean": _rounded(plain.mean(axis=0)), "std": _rounded(np.maximum(plain.std(axis=0), 1e-3))}
    return replace(spec, parameters={**spec.parameters, **constants})


def features(windows: Windows, spec: FrontEndSpec) -> NDArray[np.float32]:
    """What the front end `spec` would have made of these windows, (n, functionals)."""
    p = spec.parameters
    weight, prior = windows.weight[:, None], float(str(p["session_prior"])) / float(str(p["hop"]))
    usual = (weight * windows.heard + prior * np.asarray(p["session_mean"])) / np.maximum(weight + prior, 1e-9)
    told = np.where(np.isnan(windows.raw), 0.0, windows.raw - usual)
    return np.asarray((told - np.asarray(p["mean"])) / np.asarray(p["std"]), dtype=np.float32)


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), 4) for value in values]
