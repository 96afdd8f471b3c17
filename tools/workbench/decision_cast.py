"""Who plays in the long runs: faces that the crowd agrees on, and voices, from one side of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emoedge.emotions import CANONICAL, INDEX
from emoedge.messages import SAMPLE_RATE
from workbench import decision_sounds
from workbench.data import faces, speech
from workbench.data.sources import named
from workbench.decision_streams import LEVEL, Truth, empty, feelers, film, scheduled, sitters, sound_of
from workbench.sense_material import HELD_OUT, voice_clips

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray

    from emoedge.messages import AudioBlock, Frame

    Gray = NDArray[np.uint8]
    Sound = NDArray[np.float32]

FEWEST = 5
"""Faces of an emotion below which it is not played."""

SPOKEN = 0.5
"""Share of the expressions that a voice goes with."""

BREATH = 0.3
"""Seconds between two phrases."""


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """Faces by emotion, and clips by emotion and speaker."""

    faces: Mapping[str, Sequence[Gray]]
    voices: Mapping[str, Mapping[str, Sequence[Sound]]]
    """Emotion, speaker, clips at equal loudness."""

    @classmethod
    def read(cls, data: Sequence[Path], *, tune_side: bool, agreement: float) -> Cast:
        """From face packs (files) and speech folders; raises ValueError where either is missing or unfit."""
        packs = [path for path in data if path.is_file()]
        folders = [path for path in data if path.is_dir()]
        if not packs or not folders:
            raise ValueError("--data: expected a face pack (a file) and a speech folder")
        return cls(_faces(packs, tune_side, agreement), _voices(folders, tune_side))

    def stream(
        self, kind: str, rate: float, generator: Generator, truth: Truth
    ) -> tuple[Iterator[Frame], Iterator[AudioBlock]]:
        """Endless frames and sound of that kind."""
        eyes, ears = generator.spawn(2)
        quiet = scheduled([], ears)
        if kind in ("neutral", "photographs"):
            moves = 1.0 if kind == "neutral" else 0.0
            looks = sitters(self.faces["neutral"], eyes, truth, moves=moves)
            return film(looks, rate, eyes), quiet
        if kind == "shown":
            said: list[tuple[float, Sound]] = []
            looks = feelers(self.faces["neutral"], lambda: self._shown(eyes), lambda e, s: self._voice(e, s, ears),
                            eyes, truth, said)  # fmt: skip
            return film(looks, rate, eyes), scheduled(said, ears)
        if kind == "empty":
            return empty(rate, eyes), quiet
        return film(iter(()), rate, eyes), sound_of(self._sound(kind, ears))

    def _sound(self, kind: str, generator: Generator) -> decision_sounds.Endless:
        if kind == "music":
            return decision_sounds.music(generator)
        if kind == "engine":
            return decision_sounds.engine(generator)
        every = [clip for speakers in self.voices.values() for clips in speakers.values() for clip in clips]
        return decision_sounds.babble(every, generator)

    def _shown(self, generator: Generator) -> tuple[str, Gray]:
        emotions = sorted(self.faces.keys() - {"neutral"})
        emotion = emotions[generator.integers(len(emotions))]
        return emotion, self.faces[emotion][generator.integers(len(self.faces[emotion]))]

    def _voice(self, emotion: str, seconds: float, generator: Generator) -> Sound | None:
        speakers = self.voices.get(emotion, {})
        if not speakers or generator.random() >= SPOKEN:
            return None
        clips = speakers[sorted(speakers)[generator.integers(len(speakers))]]
        breath = np.zeros(round(BREATH * SAMPLE_RATE), dtype=np.float32)
        phrases: list[Sound] = []
        while sum(map(len, phrases)) < seconds * SAMPLE_RATE:
            phrases += [clips[generator.integers(len(clips))], breath]
        return np.concatenate(phrases)[: round(seconds * SAMPLE_RATE)]


def _faces(packs: Sequence[Path], tune_side: bool, agreement: float) -> dict[str, Sequence[Gray]]:  # noqa: FBT001
    pack = faces.load(packs)
    if pack.votes is None:
        raise ValueError(f"{named(packs)}: no ferplus_votes in the pack; without them nobody knows who is neutral")
    rows = np.flatnonzero(pack.split == faces.REPORTED)
    if tune_side:
        rows = faces.hold_out(pack, faces.training_rows(pack), share=HELD_OUT, seed=0)[1]
    votes = pack.votes[rows]
    majority = faces.majority(votes)
    agreed = votes.max(axis=1) >= agreement * np.maximum(votes.sum(axis=1), 1)
    found: dict[str, Sequence[Gray]] = {}
    for emotion in CANONICAL:
        chosen = rows[(majority == INDEX[emotion]) & agreed]
        if len(chosen) >= FEWEST:
            found[emotion] = [pack.images[row] for row in chosen]
    if "neutral" not in found or len(found) < 2:
        raise ValueError(f"{named(packs)}: too few faces that {agreement:g} of the crowd agree on; lower --agreement")
    return found


def _voices(folders: Sequence[Path], tune_side: bool) -> dict[str, dict[str, list[Sound]]]:  # noqa: FBT001
    clips = voice_clips(folders, part="validation" if tune_side else "test")
    found: dict[str, dict[str, list[Sound]]] = {}
    for clip, sound in speech.decode(folders, clips):
        speakers = found.setdefault(clip.emotion, {})
        clean = decision_sounds.levelled(_trimmed(sound), LEVEL)
        speakers.setdefault(f"{clip.dataset}/{clip.speaker}", []).append(clean)
    return found


def _trimmed(sound: Sound) -> Sound:
    """Without the silence at both ends: what stays is between the first and the last sound above a hundredth."""
    loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max(initial=0.0))
    return sound[loud[0] : loud[-1] + 1] if len(loud) else sound
