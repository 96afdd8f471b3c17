"""What each sense says of single faces and voices, clean and degraded, as the daemon would hear and see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.audio.front_end import build
from emoedge.audio.hearing import Hearing
from emoedge.emotions import CANONICAL, INDEX, Scores
from emoedge.errors import MediaError
from emoedge.fusion.belief import Evidence
from emoedge.messages import SAMPLE_RATE, AudioBlock, Modality
from emoedge.vision.crop import FaceFrontEnd
from emoedge.vision.quality import quality
from workbench.data import faces, speech
from workbench.data.sources import listed, named

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from emoedge.config import Config
    from emoedge.inference.model import Model
    from workbench.data.sources import Sources

DEGRADED = ("noise", "drowned")
"""Nothing but white noise of the same mean and power, or the signal that far below it: DROWNED."""

DROWNED = -10.0
"""Decibels of the signal's power (of a picture: its variance) over the noise's."""

FACE_SIDE = 120.0
"""Pixels: the side that the faces are taken to have in the camera's picture."""

PAUSE = 1.0
"""Seconds between two clips of a speaker, as in `workbench.clip_stream`."""

HELD_OUT = 0.05
"""Share of the training rows of a face pack that the recipe holds out, and the seed it draws them with: 0."""

BLOCK = 320
"""Samples that the microphone tells at once."""

BATCH = 64


@dataclass(frozen=True, slots=True)
class Sample:
    """A face or a clip: what it shows, and the evidence that it gave the sense in question."""

    emotion: int
    """Index into CANONICAL."""
    speaker: str
    """`dataset/speaker`, empty for a face."""
    seconds: float
    """How long the clip is; 0 for a face, which lasts as long as one looks."""
    evidence: tuple[Evidence, ...] = field(default=())
    """By time, 0 where the clip begins; a face has one, at 0."""


def to_look_at(truth: NDArray[np.int64]) -> list[Sample]:
    """What `looked_at` will give, before anything was seen: to draw from."""
    return [Sample(emotion, "", 0.0) for emotion in truth[truth >= 0].tolist()]


def to_listen_to(clips: Sequence[speech.Clip]) -> list[Sample]:
    """What `listened_to` will give, before anything was heard: to draw from."""
    sessions = speech.SpeechFolder(Path(), tuple(clips), {}).sessions()
    return [Sample(INDEX[clip.emotion], session, 0.0) for session, mine in sessions for clip in mine]


def looked_at(
    model: Model, images: NDArray[np.uint8], truth: NDArray[np.int64], config: Config, *, how: str = "", seed: int = 0
) -> list[Sample]:
    """A sample of each gray face (N x H x W) with a truth of 0 or more; `how`: one of DEGRADED, or empty."""
    rows = np.flatnonzero(truth >= 0)
    generator = np.random.default_rng(seed)
    shown = images[rows] if not how else np.stack([_spoilt(images[row], how, generator) for row in rows])
    front_end = FaceFrontEnd(model.info.front_end)
    said: list[Scores] = []
    for first in range(0, len(rows), BATCH):
        said += model.classify_batch(np.stack([front_end.prepare(face) for face in shown[first : first + BATCH]]))
    samples = []
    for row, face, scores in zip(rows, shown, said, strict=True):
        grade = quality(face, FACE_SIDE, config.vision)
        told = scores if grade.reason is None else None
        evidence = Evidence(Modality.FACE, 0.0, grade.overall, told, grade.reason)
        samples.append(Sample(int(truth[row]), "", 0.0, (evidence,)))
    return samples


def listened_to(
    model: Model, data: Sources, clips: Sequence[speech.Clip], config: Config, *, how: str = "", seed: int = 0
) -> list[Sample]:
    """A sample of each clip; every speaker is one stream through the daemon's hearing, cold at its start.

    `how`: one of DEGRADED, or empty; the noise goes on in the pauses between the clips.
    """
    samples = []
    for session, mine in speech.SpeechFolder(listed(data)[0], tuple(clips), {}).sessions():
        hearing = Hearing(config.speech, build(model.info.front_end), model)
        generator = np.random.default_rng([seed, *session.encode()])
        now = 0.0
        for clip, sound in speech.decode(data, mine):
            pause = np.zeros(round(PAUSE * SAMPLE_RATE), dtype=np.float32)
            begin = now + PAUSE
            evidence = []
            for block in _blocks(_drowned(np.concatenate([pause, sound]), sound, how, generator), now):
                now = block.at
                evidence += [
                    Evidence(Modality.SPEECH, heard.at - begin, heard.quality, heard.scores, heard.reason, "only_face")
                    for heard in hearing.hear(block).observations if heard.at > begin
                ]  # fmt: skip
            samples.append(Sample(INDEX[clip.emotion], session, len(sound) / SAMPLE_RATE, tuple(evidence)))
    return samples


def face_rows(data: Sources, *, split: int | None, target: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Gray faces and their truth, -1 where the crowd is of two minds; `split` None: what training held out.

    Raises ValueError where no rows are left or the pack has no votes that `target` asks for.
    """
    pack = faces.load(data)
    if split is None:
        rows = faces.hold_out(pack, faces.training_rows(pack), share=HELD_OUT, seed=0)[1]
    else:
        rows = np.flatnonzero(pack.split == split)
    if not len(rows):
        raise ValueError(f"{named(data)}: no rows in split {split}")
    if target == "ferplus" and pack.votes is None:
        raise ValueError(f"{named(data)}: no ferplus_votes in the pack")
    truth = pack.labels[rows] if target != "ferplus" or pack.votes is None else faces.majority(pack.votes[rows])
    return pack.images[rows], truth


def voice_clips(
    data: Sources, *, part: str, dataset: str = "", speakers: Collection[str] = ()
) -> tuple[speech.Clip, ...]:
    """Clips of the speakers named, else of all in that part: `test` or `validation`. Raises MediaError for none."""
    folder = speech.read_folder(data, dataset or None, speakers or None)
    if speakers:
        return folder.clips
    chosen = zip(folder.clips, speech.parts(folder.clips), strict=True)
    clips = tuple(clip for clip, its in chosen if its == part)
    if not clips:
        raise MediaError(f"{named(data)}: nobody in the {part} part; name speakers with --speakers")
    return clips


def known(model: Model) -> set[int]:
    """Canonical emotions that the model has a label for, as indices."""
    return {CANONICAL.index(label) for label in model.info.label_map}


def _spoilt(image: NDArray[np.uint8], how: str, generator: np.random.Generator) -> NDArray[np.uint8]:
    spread = max(float(image.std()), 1.0)
    if how == "noise":
        return np.clip(generator.normal(image.mean(), spread, image.shape), 0, 255).astype(np.uint8)
    noise = generator.normal(0.0, spread * 10 ** (-DROWNED / 20), image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def _drowned(
    samples: NDArray[np.float32], sound: NDArray[np.float32], how: str, generator: np.random.Generator
) -> NDArray[np.float32]:
    if not how:
        return samples
    power = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) if len(sound) else 0.0
    noise = generator.normal(0.0, power, len(samples))
    kept = 0.0 if how == "noise" else 10 ** (DROWNED / 20)
    return np.asarray(np.clip(kept * samples + noise, -1.0, 1.0), dtype=np.float32)


def _blocks(samples: NDArray[Any], since: float) -> Iterator[AudioBlock]:
    for first in range(0, len(samples), BLOCK):
        part = samples[first : first + BLOCK]
        yield AudioBlock(part, since + (first + len(part)) / SAMPLE_RATE)
