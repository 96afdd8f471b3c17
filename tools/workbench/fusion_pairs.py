"""The paired test: a face and a voice of the same emotion, drawn independently, through the daemon's own fusion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.emotions import CANONICAL
from emoedge.fusion.subject import face_name, make_subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from emoedge.config import Config
    from emoedge.fusion.belief import Evidence, Reliability
    from emoedge.messages import Modality
    from workbench.sense_material import Sample

METHODS = ("bayes", "weighted")
SIDES = ("face", "speech", "fused")
Alone = dict[tuple[int, float], "NDArray[np.float64]"]
"""Beliefs of single senses, by the sample's identity and the seconds."""

DEFAULT_RATE = 15.0
"""Hertz, where `vision.rate` is 0: every frame of the camera's default rate."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A face and a voice of one emotion; indices into the samples."""

    emotion: int
    face: int
    voice: int


def draw(faces: Sequence[Sample], voices: Sequence[Sample], number: int, *, seed: int, even: bool = True) -> list[Pair]:
    """`number` pairs: an emotion that both have, a face of it, a speaker, a clip of it by that speaker.

    `even`: every emotion as often as any other; else as often as the faces show it. Raises ValueError where the
    two have no emotion in common.
    """
    by_emotion: dict[int, list[int]] = {}
    for index, face in enumerate(faces):
        by_emotion.setdefault(face.emotion, []).append(index)
    clips: dict[int, dict[str, list[int]]] = {}
    for index, voice in enumerate(voices):
        clips.setdefault(voice.emotion, {}).setdefault(voice.speaker, []).append(index)
    common = sorted(by_emotion.keys() & clips.keys())
    if not common:
        raise ValueError("the faces and the voices show no emotion in common")
    shares = np.array([1 if even else len(by_emotion[emotion]) for emotion in common], dtype=np.float64)
    generator = np.random.default_rng(seed)
    pairs = []
    for emotion in generator.choice(common, number, p=shares / shares.sum()).tolist():
        speakers = clips[emotion]
        speaker = sorted(speakers)[generator.integers(len(speakers))]
        pairs.append(Pair(
            emotion, int(generator.choice(by_emotion[emotion])), int(generator.choice(speakers[speaker])),
        ))  # fmt: skip
    return pairs


class Judge:
    """Plays pairs to the subject that the daemon would make, and reads its belief when the clip ends."""

    def __init__(self, config: Config, reliability: Mapping[Modality, Reliability], method: str) -> None:
        self._config = replace(config.fusion, method=method)
        self._reliability = reliability
        self._period = 1 / (config.vision.rate or DEFAULT_RATE)

    def belief(self, face: Sample | None, voice: Sample | None, seconds: float) -> NDArray[np.float64]:
        """Probabilities of the canonical emotions, (7,), after `seconds`; zeros where nothing was told."""
        ids = count(1)
        subject = make_subject(face_name(1), 0.0, self._config, self._reliability, lambda: f"ep-{next(ids)}")
        told = [] if voice is None else list(voice.evidence)
        end = max([seconds, *(evidence.at for evidence in told)])
        if face is not None:
            told += [replace(face.evidence[0], at=at) for at in np.arange(0.0, end, self._period).tolist()]
        for evidence in sorted(told, key=_time):
            subject.observe(evidence)
        scores = subject.at(end).scores
        return np.zeros(len(CANONICAL)) if scores is None else scores.values


def _time(evidence: Evidence) -> float:
    return evidence.at


def only_drawn(pairs: Sequence[Pair]) -> tuple[list[Pair], NDArray[np.int64]]:
    """The pairs with their faces numbered anew, and the faces that were drawn: the others need no look."""
    drawn = np.unique([pair.face for pair in pairs])
    places = {face: place for place, face in enumerate(drawn.tolist())}
    return [replace(pair, face=places[pair.face]) for pair in pairs], drawn


def judge_pairs(
    pairs: Sequence[Pair], faces: Sequence[Sample], voices: Sequence[Sample], judge: Judge, alone: Alone | None = None
) -> dict[str, NDArray[np.float64]]:
    """Beliefs over the pairs, N x 7, of each of SIDES; `alone` remembers single senses from call to call."""
    beliefs = {side: np.empty((len(pairs), len(CANONICAL))) for side in SIDES}
    alone = {} if alone is None else alone
    for i, pair in enumerate(pairs):
        face, voice = faces[pair.face], voices[pair.voice]
        for side, seen, heard, sample in (("face", face, None, face), ("speech", None, voice, voice)):
            key = (id(sample), voice.seconds)
            if key not in alone:
                alone[key] = judge.belief(seen, heard, voice.seconds)
            beliefs[side][i] = alone[key]
        beliefs["fused"][i] = judge.belief(face, voice, voice.seconds)
    return beliefs


def figures(pairs: Sequence[Pair], beliefs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Accuracy of each side, 0..1, and what fusion adds to the best single one, with its standard error.

    Where a sense told nothing it is wrong. The error is that of the draws; that of the few speakers is larger.
    """
    truth = np.array([pair.emotion for pair in pairs])
    right = {
        side: ((values.argmax(axis=1) == truth) & (values.sum(axis=1) > 0)).astype(np.float64)
        for side, values in beliefs.items()
    }
    best = max(("face", "speech"), key=lambda side: right[side].mean())
    gain = right["fused"] - right[best]
    of_truth = beliefs["fused"][np.arange(len(truth)), truth]
    return {
        **{side: round(float(hits.mean()), 4) for side, hits in right.items()},
        "best": best,
        "gain": round(float(gain.mean()), 4),
        "gain_error": round(float(gain.std() / np.sqrt(len(gain))), 4),
        "log_loss": round(float(-np.log(np.maximum(of_truth, 1e-6)).mean()), 4),
        "silent": {side: round(float((v.sum(axis=1) == 0).mean()), 4) for side, v in beliefs.items()},
        "n": len(pairs),
    }


def by_speaker(
    pairs: Sequence[Pair], voices: Sequence[Sample], beliefs: Mapping[str, NDArray[np.float64]]
) -> dict[str, dict[str, float]]:
    """Accuracy of each side for each speaker, and what fusion adds."""
    names = np.array([voices[pair.voice].speaker for pair in pairs])
    out = {}
    for name in np.unique(names).tolist():
        rows = np.flatnonzero(names == name)
        told = figures([pairs[row] for row in rows], {side: v[rows] for side, v in beliefs.items()})
        out[name] = {key: told[key] for key in (*SIDES, "gain", "n")}
    return out
