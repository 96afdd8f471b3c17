"""Pictures of what is in a data set: classes by part, classes by speaker, samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emoedge.messages import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import ModuleType

    from numpy.typing import NDArray

    Counts = Mapping[str, Mapping[str, int]]

TALLEST = 60.0
"""Inches: more speakers than fit share the height."""


def classes(table: Counts, path: Path, *, title: str) -> None:
    """Bars: rows of each class, one colour a part."""
    plt = _pyplot()
    names = list(next(iter(table.values())))
    figure, axis = plt.subplots(figsize=(1.5 + 0.9 * len(names), 3.6), dpi=90)
    width = 0.8 / len(table)
    for i, (part, own) in enumerate(table.items()):
        at = np.arange(len(names)) + (i - (len(table) - 1) / 2) * width
        bars = axis.bar(at, [own[name] for name in names], width, label=f"{part} ({sum(own.values())})")
        axis.bar_label(bars, fontsize=6)
    axis.set_xticks(range(len(names)), names)
    axis.set_ylabel("rows")
    axis.set_title(title, fontsize=9)
    axis.legend(fontsize=8)
    _save(plt, figure, path)


def people(table: Counts, path: Path, *, title: str) -> None:
    """A table of speakers or subjects by class, coloured by the share of the person's rows."""
    plt = _pyplot()
    names = list(next(iter(table.values())))
    numbers = np.array([[own[name] for name in names] for own in table.values()])
    height = min(1.4 + 0.22 * len(table), TALLEST)
    figure, axis = plt.subplots(figsize=(3 + 0.6 * len(names), height), dpi=90)
    shares = numbers / np.maximum(numbers.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", aspect="auto", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(numbers):
        shade = "white" if shares[row, column] > 0.5 else "black"
        axis.text(column, row, str(count), ha="center", va="center", color=shade, fontsize=6)
    axis.set_xticks(range(len(names)), names, fontsize=7, rotation=45, ha="right")
    axis.set_yticks(range(len(table)), list(table), fontsize=6)
    axis.set_title(title, fontsize=9)
    _save(plt, figure, path)


def faces(samples: Mapping[str, Sequence[NDArray[np.generic]]], path: Path, *, title: str) -> None:
    """A grid of pictures, one row a class."""
    plt = _pyplot()
    columns = max(len(own) for own in samples.values())
    figure, axes = plt.subplots(
        len(samples), columns, figsize=(1 + 0.7 * columns, 0.6 + 0.7 * len(samples)), dpi=90, squeeze=False
    )
    for cells, (name, own) in zip(axes, samples.items(), strict=True):
        for axis in cells:
            axis.axis("off")
        for axis, image in zip(cells, own, strict=False):
            axis.imshow(image, cmap="gray", vmin=0, vmax=255)
        cells[0].text(-0.1, 0.5, name, transform=cells[0].transAxes, ha="right", va="center", fontsize=8)
    figure.suptitle(title, fontsize=9)
    _save(plt, figure, path)


def spectrograms(samples: Mapping[str, Sequence[NDArray[np.generic]]], path: Path, *, title: str) -> None:
    """A grid of spectrograms (0 to 8 kHz, 80 dB below the loudest), one row a class, all on one time axis."""
    plt = _pyplot()
    columns = max(len(own) for own in samples.values())
    longest = max(len(clip) for own in samples.values() for clip in own) / SAMPLE_RATE
    figure, axes = plt.subplots(
        len(samples), columns, figsize=(1 + 2.6 * columns, 0.8 + 1.1 * len(samples)), dpi=90, squeeze=False,
        sharex=True, sharey=True,
    )  # fmt: skip
    for cells, (name, own) in zip(axes, samples.items(), strict=True):
        for axis, clip in zip(cells, own, strict=False):
            level = _decibels(clip)
            seconds = len(clip) / SAMPLE_RATE
            axis.imshow(
                level.T, origin="lower", aspect="auto", extent=(0, seconds, 0, SAMPLE_RATE / 2000),
                cmap="magma", vmin=-80, vmax=0,
            )  # fmt: skip
        cells[0].set_ylabel(f"{name}\nkHz", fontsize=7)
    axes[0, 0].set_xlim(0, longest)
    for axis in axes[-1]:
        axis.set_xlabel("seconds", fontsize=7)
    figure.suptitle(title, fontsize=9)
    _save(plt, figure, path)


def _decibels(clip: NDArray[np.generic], window: int = 512, hop: int = 160) -> NDArray[np.float64]:
    """Power in frames x bins, decibels below the loudest bin, at least -80."""
    padded = np.pad(np.asarray(clip, dtype=np.float64), (0, max(0, window - len(clip))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] * np.hanning(window)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1)))
    top = float(power.max())
    return np.asarray(10 * np.log10(np.maximum(power / top, 1e-8)) if top > 0 else np.full(power.shape, -80.0))


def _pyplot() -> ModuleType:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    found: ModuleType = plt
    return found


def _save(plt: ModuleType, figure: object, path: Path) -> None:
    figure.tight_layout()  # type: ignore[attr-defined]
    figure.savefig(path)  # type: ignore[attr-defined]
    plt.close(figure)
