"""Model inputs and labels for a classic model, divided as its author did or as an honest figure needs it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.audio.front_end import build
from emoedge.emotions import CANONICAL
from emoedge.inference.spec import FrontEndSpec
from emoedge.messages import SAMPLE_RATE
from emoedge.vision.crop import FaceFrontEnd
from workbench.data import faces
from workbench.data.sources import named
from workbench.data.speech import decode, parts, read_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from workbench.classic_systems import ClassicModel
    from workbench.data.sources import Sources
    from workbench.data.speech import Clip

AUTHOR, HONEST = "author", "honest"
SPLITS = (AUTHOR, HONEST)
"""`author`: the division of the description, often random. `honest`: by speaker; for faces without twins."""

TESS_TEST_SPEAKER = "YAF"
"""TESS has two speakers: the honest figure learns from one and asks the other."""

TEST_SHARE = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Rows of one part."""

    inputs: NDArray[np.float32] | NDArray[np.uint8]
    """N x the front end's shape; pixels of faces, N x 48 x 48, where a prepared set would fill the memory."""
    labels: NDArray[np.int64]
    """Index into the model's labels, -1 where it has none of its own for the row; N."""
    truth: NDArray[np.int64]
    """Index into CANONICAL; N."""

    def __len__(self) -> int:
        return len(self.truth)


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """What is learned from, chosen on, and reported on."""

    learn: Part
    choose: Part
    report: Part
    front_end: FrontEndSpec
    """The model's, with what was learned from the data: mean and deviation."""


def divide(model: ClassicModel, modality: str, data: Sources, split: str, seed: int) -> Division:
    """Read, prepare and divide. Raises ValueError for a part without rows, MediaError for unreadable data."""
    division = _faces(model, data, split, seed) if modality == "face" else _speech(model, data, split, seed)
    for name in ("learn", "choose", "report"):
        if not len(getattr(division, name)):
            raise ValueError(f"{named(data)}: no row to {name} from in the {split} division")
    return division


def _faces(model: ClassicModel, data: Sources, split: str, seed: int) -> Division:
    pack = faces.load(data)
    known = [CANONICAL.index(label) for label in model.label_map]
    labelled = np.isin(pack.labels, known)
    reported = np.flatnonzero((pack.split == faces.REPORTED) & labelled)
    rng = np.random.default_rng(seed)
    if split == AUTHOR:
        learned = np.flatnonzero((pack.split == faces.TRAINING) & labelled)
        chosen = reported  # the published figures were chosen on the rows they were reported on
    else:
        rows = faces.training_rows(pack)
        learned, chosen = faces.hold_out(pack, rows[labelled[rows]], share=0.05, seed=0)
        reported = faces.twinless(pack, reported)
    for label, most in (model.limit or {}).items():
        of_label = learned[pack.labels[learned] == CANONICAL.index(label)]
        surplus = rng.permutation(of_label)[most:]
        learned = np.setdiff1d(learned, surplus)
    front_end = FaceFrontEnd(model.front_end)

    def part(rows: NDArray[np.int64]) -> Part:
        truth = pack.labels[rows]
        labels = np.array([known.index(t) for t in truth], dtype=np.int64)
        if front_end.shape[0] > faces.SIDE:
            return Part(pack.images[rows], labels, truth)
        inputs = np.stack([front_end.prepare(image) for image in pack.images[rows]])
        return Part(inputs, labels, truth)

    return Division(part(learned), part(chosen), part(reported), model.front_end)


def _speech(model: ClassicModel, data: Sources, split: str, seed: int) -> Division:
    rows: list[tuple[Clip, int]] = []
    inputs: list[NDArray[np.float32]] = []
    copies: dict[int, list[NDArray[np.float32]]] = {}
    front_end = build(model.front_end)
    length = round(front_end.window_samples)
    rng = np.random.default_rng(seed)
    for clip, samples in _clips(model, data):
        number = len(rows)
        rows.append((clip, _label(model, clip)))

        def features(wave: NDArray[np.float32]) -> NDArray[np.float32]:
            start = round(model.offset * SAMPLE_RATE)
            front_end.reset()
            front_end.push(wave[start : start + length])
            return front_end.features().copy()

        inputs.append(features(samples))
        copies[number] = [features(changed) for changed in _changed(samples, model.copies, rng)]
    truth = np.array([CANONICAL.index(clip.emotion) for clip, _ in rows])
    labels = np.array([label for _, label in rows])
    labelled = np.isin(truth, [CANONICAL.index(name) for name in model.label_map])
    learned, chosen, reported = _divided([clip for clip, _ in rows], truth, split, rng)
    stacked = np.stack(inputs)

    def part(mask: NDArray[np.bool_], *, augmented: bool) -> Part:
        index = np.flatnonzero(mask & labelled & ((labels >= 0) | (not augmented)))
        if not augmented or not model.copies:
            return Part(stacked[index], labels[index], truth[index])
        more = [copy for i in index for copy in copies[int(i)]]
        twice = np.repeat(index, len(model.copies))
        every = np.concatenate([index, twice])
        return Part(np.concatenate([stacked[index], np.stack(more)]), labels[every], truth[every])

    parts = (part(learned, augmented=True), part(chosen, augmented=False), part(reported, augmented=False))
    return _standardised(parts, model)


def _standardised(parts: tuple[Part, Part, Part], model: ClassicModel) -> Division:
    """Take the learned part's mean and deviation off all parts, and tell the front end to do so."""
    if not model.standardise:
        return Division(*parts, model.front_end)
    learned = parts[0].inputs
    axes = None if model.standardise == "all" else tuple(range(learned.ndim - 1))
    mean = learned.mean(axis=axes, dtype=np.float64)
    std = np.maximum(learned.std(axis=axes, dtype=np.float64), 1e-6)
    learn, choose, report = (replace(p, inputs=((p.inputs - mean) / std).astype(np.float32)) for p in parts)
    parameters = {**model.front_end.parameters, "mean": np.round(mean, 6).tolist(), "std": np.round(std, 6).tolist()}
    return Division(learn, choose, report, FrontEndSpec(model.front_end.name, parameters))


def _divided(
    clips: Sequence[Clip], truth: NDArray[np.int64], split: str, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    count = len(clips)
    if split == AUTHOR:
        order = rng.permutation(count)
        order = order[np.argsort(truth[order], kind="stable")]
        reported = np.zeros(count, dtype=bool)
        reported[order[:: round(1 / TEST_SHARE)]] = True
        return ~reported, reported, reported
    part = np.array(parts(clips))
    of_tess = np.array([clip.dataset == "tess" for clip in clips])
    asked = np.array([clip.speaker.startswith(TESS_TEST_SPEAKER) for clip in clips])
    tested = np.where(of_tess, asked, part == "test")
    chosen = ~of_tess & (part == "validation")
    if not chosen.any():  # one speaker is left to learn from: an eighth of her clips is chosen on
        rest = np.flatnonzero(~tested)
        chosen[rng.permutation(rest)[: len(rest) // 8]] = True
    return ~tested & ~chosen, chosen, tested


def _clips(model: ClassicModel, data: Sources) -> Iterator[tuple[Clip, NDArray[np.float32]]]:
    """Clips of the model's own corpora; of every corpus that is there where it has none of those."""
    there = read_folder(data).datasets
    for corpus in [name for name in model.corpora if name in there] or there:
        folder = read_folder(data, corpus)
        for number, (clip, samples) in enumerate(decode(data, folder.clips)):
            if number % 200 == 0:
                print(f"\r{corpus}: {number}/{len(folder.clips)} clips", end="", file=sys.stderr, flush=True)
            yield clip, samples
        print(f"\r{corpus}: {len(folder.clips)} clips\x1b[K", file=sys.stderr)


def _label(model: ClassicModel, clip: Clip) -> int:
    """Index of the clip's label: its own name, its canonical one, or speaker and emotion; -1 where there is none."""
    names = (clip.label, clip.emotion, f"{clip.speaker}_{clip.emotion}")
    for name in names:
        if name in model.labels:
            return model.labels.index(name)
    return -1


def _changed(
    samples: NDArray[np.float32], kinds: Sequence[str], rng: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    from librosa import effects  # type: ignore[attr-defined]

    for kind in kinds:
        if kind == "noise":
            peak = 0.035 * rng.random() * float(np.abs(samples).max())
            yield samples + (peak * rng.standard_normal(len(samples))).astype(np.float32)
        elif kind == "stretch_pitch":
            stretched: Any = effects.time_stretch(samples, rate=0.8)
            yield effects.pitch_shift(stretched, sr=SAMPLE_RATE, n_steps=0.7).astype(np.float32)
        else:
            raise ValueError(f"no such change of a clip: {kind!r}")
