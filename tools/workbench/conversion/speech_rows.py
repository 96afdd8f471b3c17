"""Calibration rows of a speech folder: one stream per speaker, as a microphone would hear it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from emoedge.audio.front_end import build
from emoedge.emotions import INDEX
from emoedge.messages import SAMPLE_RATE
from workbench.conversion.rows import CalibrationSet, Rows, balanced, frequencies, limits, usable
from workbench.data.speech import TEST_SPEAKERS, VALIDATION_SPEAKERS, Clip, decode, read_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from emoedge.audio.front_end import SpeechFrontEnd
    from workbench.conversion.request import Request

POOL = 4
"""Clips gathered for each one that is drawn: whole speakers, so that a session has a past."""

PAUSE = 0.3
"""Seconds of silence between two clips of a session, at least."""


def speech_rows(request: Request) -> CalibrationSet:
    """One window of each clip drawn; raises MediaError where the folder or a clip cannot be read."""
    assert request.calibrate is not None
    folder = read_folder(request.calibrate, dataset=request.dataset)
    clips = [c for c in folder.clips if c.speaker not in TEST_SPEAKERS.get(c.dataset, ())]
    clips = [clips[i] for i in usable(request, _targets(clips))]
    rng = np.random.default_rng(request.seed)
    learned, held = _divide(clips, rng)
    samples, most = limits(request)
    pool = _whole_speakers(learned, POOL * samples, rng)
    chosen = [pool[i] for i in balanced(_targets(pool), samples, rng)]
    held = [held[i] for i in np.sort(rng.permutation(len(held))[:most])]
    front_end = build(request.front_end)
    sets = ", ".join(sorted({c.dataset for c in clips}))
    description = f"{sets}: {len(chosen)} clips, {len(held)} clips of held-out speakers, seed {request.seed}"
    representative, measured = (_windows(request, front_end, part) for part in (chosen, held))
    return CalibrationSet(representative, measured, description, frequencies(_targets(learned)))


def _targets(clips: Sequence[Clip]) -> NDArray[np.int64]:
    return np.array([INDEX[clip.emotion] for clip in clips], dtype=np.int64)


def _divide(clips: Sequence[Clip], rng: np.random.Generator) -> tuple[list[Clip], list[Clip]]:
    """Clips to learn from, and clips of the validation speakers; drawn speakers (or clips) where there are none."""

    def part(chosen: Iterable[Clip]) -> tuple[list[Clip], list[Clip]]:
        held = set(chosen)
        return [c for c in clips if c not in held], [c for c in clips if c in held]

    known = [c for c in clips if c.speaker in VALIDATION_SPEAKERS.get(c.dataset, ())]
    if 0 < len(known) < len(clips):
        return part(known)
    speakers = sorted({(c.dataset, c.speaker) for c in clips})
    if len(speakers) >= 3:
        drawn = {speakers[i] for i in rng.permutation(len(speakers))[: max(1, len(speakers) // 5)]}
        return part(c for c in clips if (c.dataset, c.speaker) in drawn)
    return part(clips[i] for i in rng.permutation(len(clips))[: max(1, len(clips) // 5)])


def _whole_speakers(clips: Sequence[Clip], count: int, rng: np.random.Generator) -> list[Clip]:
    groups: dict[tuple[str, str], list[Clip]] = {}
    for clip in clips:
        groups.setdefault((clip.dataset, clip.speaker), []).append(clip)
    names = sorted(groups)
    pool: list[Clip] = []
    for i in rng.permutation(len(names)):
        if len(pool) >= count:
            break
        pool += groups[names[i]]
    return pool


def _windows(request: Request, front_end: SpeechFrontEnd, clips: Sequence[Clip]) -> Rows:
    ordered = sorted(clips, key=lambda c: (c.dataset, c.speaker, c.digest))
    assert request.calibrate is not None
    decoded = decode(request.calibrate, ordered)
    inputs: list[NDArray[np.float32]] = []
    for _, session in groupby(decoded, key=lambda pair: (pair[0].dataset, pair[0].speaker)):
        front_end.reset()
        inputs += [_window(front_end, samples) for _, samples in session]
    return Rows(np.array(inputs, dtype=np.float32).reshape(-1, *front_end.shape), _targets(ordered))


def _window(front_end: SpeechFrontEnd, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The window in the middle of a clip; before a clip shorter than it stands silence, no other clip."""
    length = front_end.window_samples
    front_end.push(np.zeros(int(PAUSE * SAMPLE_RATE) + max(0, length - len(samples)), dtype=np.float32))
    end = min(len(samples), (len(samples) + length) // 2)
    front_end.push(samples[:end])
    features = front_end.features().copy()
    front_end.push(samples[end:])
    return features
