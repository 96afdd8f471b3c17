"""Five classic systems as data: labels, front end, corpora and protocol of each model.

Where a description leaves something open, what its author most likely did stands here, and `open` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoedge.emotions import CANONICAL, canonical
from emoedge.inference.spec import FrontEndSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

SIX = tuple(name for name in CANONICAL if name != "disgust")
RAVDESS = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise")
"""RAVDESS's own order of its eight labels."""

TESS_SPEAKERS = ("OAF", "YAF")

TESS_FOURTEEN = tuple(f"{speaker}_{emotion}" for speaker in TESS_SPEAKERS for emotion in CANONICAL)

MFCC_MEANS = FrontEndSpec(
    "mfcc_mean",
    {"seconds": 3.0, "window": 0.128, "hop": 0.032, "nfft": 2048, "mels": 128, "fmin": 0.0, "fmax": 8000.0,
     "filters": "slaney", "log": "db", "floor": -100.0, "coefficients": 40},
)  # fmt: skip
"""librosa's MFCC at 16 kHz (window 2048, hop 512), its first 40 coefficients averaged over 3 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicModel:
    """One model of one system."""

    front_end: FrontEndSpec
    labels: tuple[str, ...]
    corpora: tuple[str, ...] = ()
    """Speech data sets, by DATA's names; empty for a face model."""
    epochs: int
    batch: int
    reported: str
    """What its author said."""
    protocol: str
    """How its author divided the data."""
    open: str
    """What the description leaves open, and what was chosen."""
    loss: str = "categorical_crossentropy"
    offset: float = 0.0
    """Seconds cut from the start of each clip."""
    standardise: str = ""
    """By the learned part's mean and deviation: `all` values alike, or each `feature` of the last axis by its own."""
    copies: tuple[str, ...] = ()
    """Changed copies of each training clip: `noise`, `stretch_pitch`."""
    limit: Mapping[str, int] | None = None
    """At most this many training rows of a class."""
    patience: int = 0
    """Epochs without a better validation accuracy after which training ends; 0: all are run."""
    balance: str = "none"
    """How rare classes are made up for, one of `workbench.data.balance.METHODS`."""
    output: str = "probabilities"

    @property
    def label_map(self) -> tuple[str, ...]:
        """Canonical emotion of each label."""
        named = [canonical(label.rpartition("_")[2]) for label in self.labels]
        assert None not in named
        return tuple(name for name in named if name is not None)


def _face(size: int = 48, **parameters: object) -> FrontEndSpec:
    return FrontEndSpec("face_gray", {"size": size, **parameters})


MODELS: Mapping[tuple[str, str, str], ClassicModel] = {
    ("A", "face", ""): ClassicModel(
        front_end=FrontEndSpec("face_rgb", {"size": 224, "scale": 1 / 127.5, "offset": -1.0}), labels=SIX,
        epochs=20, batch=32, limit={"happy": 4000},
        reported="93 % on its training data", protocol="train / validation, without disgust",
        open="rescaling to -1..1 (MobileNetV2's own), Adam 1e-3, happy cut to 4,000 pictures",
    ),
    ("A", "speech", ""): ClassicModel(
        front_end=FrontEndSpec("summary_162", {"seconds": 2.5}), labels=SIX, corpora=("ravdess",),
        epochs=50, batch=64, offset=0.6, standardise="feature", copies=("noise", "stretch_pitch"),
        reported="99 % training, 80 % validation", protocol="random clips, copies of one clip on both sides",
        open="2.5 s from 0.6 s on; copies: one with noise, one stretched and shifted; calm counted as neutral",
    ),
    ("B", "face", ""): ClassicModel(
        front_end=_face(scale=1.0), labels=CANONICAL, epochs=50, batch=512,
        reported="62.7 % training, 52.94 % PublicTest", protocol="Training / PublicTest",
        open="rescaling, flip and rotation are layers of the network; Adam 1e-3",
    ),
    ("B", "speech", ""): ClassicModel(
        front_end=FrontEndSpec(
            "log_mel_band_mean", {"seconds": 3.0, "window": 0.0464, "hop": 0.0116, "nfft": 1024, "mels": 128}
        ),
        labels=RAVDESS, corpora=("ravdess",), epochs=50, batch=32, offset=0.5, standardise="all",
        reported="no figure", protocol="random clips, best checkpoint by validation accuracy",
        open="frames of librosa's defaults at 44.1 kHz; sigmoids with categorical cross-entropy", output="sigmoid",
    ),
    ("B", "speech", "gru"): ClassicModel(
        front_end=FrontEndSpec(
            "log_mel_band_mean", {"seconds": 3.0, "window": 0.0464, "hop": 0.0116, "nfft": 1024, "mels": 128}
        ),
        labels=RAVDESS, corpora=("ravdess",), epochs=50, batch=32, offset=0.5, standardise="all",
        reported="no figure", protocol="random clips", open="as the CNN; softmax",
    ),
    ("B", "speech", "lstm"): ClassicModel(
        front_end=MFCC_MEANS, labels=RAVDESS, corpora=("ravdess",), epochs=50, batch=32, offset=0.5,
        reported="no figure", protocol="random clips", open="dropout 0.2, ReLU",
    ),
    ("C", "face", ""): ClassicModel(
        front_end=_face(), labels=CANONICAL, epochs=40, batch=64, patience=8, balance="weights",
        reported="no figure", protocol="train / cross-validation / test",
        open="three Conv2D blocks 32-64-128, batch normalisation throughout, class weights from the counts, "
        "stopped after 8 epochs without a gain",
    ),
    ("C", "speech", ""): ClassicModel(
        front_end=FrontEndSpec("mfcc_pitch_centroid", {"seconds": 3.0}), labels=CANONICAL,
        corpora=("ravdess", "tess"), epochs=40, batch=32, standardise="feature", balance="weights",
        reported="no figure", protocol="several corpora joined, train / cross-validation / test",
        open="RAVDESS and TESS, each feature standardised, class weights from the counts, three Conv1D blocks",
    ),
    ("D", "face", ""): ClassicModel(
        front_end=_face(), labels=CANONICAL, epochs=30, batch=128, patience=8,
        reported="66.52 % best validation", protocol="Training / PublicTest, best epoch chosen on it",
        open="four Conv2D blocks 64-128-256-256, Adam 1e-3, stopped after 8 epochs without a gain",
    ),
    ("D", "speech", ""): ClassicModel(
        front_end=FrontEndSpec(
            "mfcc_flat",
            {"seconds": 3.936, "window": 0.128, "hop": 0.032, "nfft": 2048, "mels": 128, "fmin": 0.0, "fmax": 8000.0,
             "filters": "slaney", "log": "db", "floor": -100.0, "coefficients": 20, "order": "coefficient"},
        ),
        labels=TESS_FOURTEEN, corpora=("tess",), epochs=40, batch=32,
        reported="99-100 % on 700 random clips", protocol="random clips of the same two speakers",
        open="librosa's MFCC (20) over 120 frames at 16 kHz, Adam 1e-3",
    ),
    ("E", "face", ""): ClassicModel(
        front_end=_face(), labels=CANONICAL, epochs=30, batch=64, patience=8,
        reported="80 % after 100 epochs", protocol="35,685 pictures, division not said",
        open="a plain CNN of two double blocks, Adam 1e-3; stopped after 8 epochs without a gain",
    ),
    ("E", "speech", ""): ClassicModel(
        front_end=MFCC_MEANS, labels=CANONICAL, corpora=("tess",), epochs=40, batch=32,
        reported="100 %", protocol="random clips of the same two speakers", open="two Conv1D on 40 MFCC means",
    ),
    ("E", "speech", "lstm"): ClassicModel(
        front_end=MFCC_MEANS, labels=CANONICAL, corpora=("tess",), epochs=30, batch=32,
        reported="100 %", protocol="random clips of the same two speakers", open="LSTM(256) on 40 MFCC means",
    ),
}  # fmt: skip
"""By (system, modality, variant)."""
