"""Pictures of figures as small PNGs: confusion matrices, reliability diagrams, crops and spectrograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from workbench.metrics import Figures


def confusion(result: Figures, path: Path, *, title: str) -> None:
    """Draw the confusion matrix: colour is the share of the row, the number is the count."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    counts = result.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.6 + 0.6 * len(result.classes)
    figure, axis = plt.subplots(figsize=(side, side), dpi=90)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        shade = "white" if shares[row, column] > 0.5 else "black"
        axis.text(column, row, str(count), ha="center", va="center", color=shade, fontsize=8)
    axis.set_xticks(range(len(result.classes)), result.classes, rotation=45, ha="right")
    axis.set_yticks(range(len(result.classes)), result.classes)
    axis.set_xlabel("said")
    axis.set_ylabel("truth")
    axis.set_title(f"{title}\naccuracy {result.accuracy:.3f}, macro-F1 {result.macro_f1:.3f}", fontsize=9)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def reliability(bins: Sequence[tuple[float, float, float]], path: Path, *, title: str) -> None:
    """Draw accuracy over confidence; `bins` as `metrics.reliability` gives them."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(4, 4), dpi=90)
    axis.plot([0, 1], [0, 1], color="gray", linewidth=1)
    axis.plot([b[0] for b in bins], [b[1] for b in bins], marker="o")
    axis.bar([b[0] for b in bins], [b[2] for b in bins], width=0.03, alpha=0.3)
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    axis.set_xlabel("confidence")
    axis.set_ylabel("accuracy (line), share of rows (bars)")
    axis.set_title(title, fontsize=9)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def pictures(rows: Sequence[tuple[str, NDArray[np.uint8]]], path: Path) -> None:
    """Draw gray pictures (H x W), each under its title, four in a line."""
    figure, axes = _sheet(rows, columns=4, width=2.1, height=2.5)
    for axis, (_, picture) in zip(axes, rows, strict=False):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=255)
    _finish(figure, path, dpi=90)


def spectrograms(rows: Sequence[tuple[str, NDArray[np.float32]]], path: Path, *, rate: int) -> None:
    """Draw spectrograms of sounds (n,) of `rate` Hz, two in a line, down to 60 dB below their own loudest cell."""
    figure, axes = _sheet(rows, columns=2, width=4.5, height=2.1)
    for axis, (_, samples) in zip(axes, rows, strict=False):
        axis.axis("on")
        *_, cells = axis.specgram(samples, NFFT=512, Fs=rate, noverlap=352, cmap="magma")
        loudest = float(cells.get_array().max())
        cells.set_clim(loudest - 60, loudest)
        axis.tick_params(labelsize=7)
        axis.set_ylabel("Hz", fontsize=7)
    _finish(figure, path, dpi=64)


def _sheet(rows: Sequence[tuple[str, object]], *, columns: int, width: float, height: float) -> tuple[Any, list[Any]]:
    """A figure with a place of `width` x `height` inches under each title; places that are left stay empty."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    lines = -(-len(rows) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(width * columns, height * lines), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, (title, _) in zip(axes.flat, rows, strict=False):
        axis.set_title(title, fontsize=9)
    return figure, list(axes.flat)


def _finish(figure: Any, path: Path, *, dpi: int) -> None:
    from matplotlib import pyplot as plt

    figure.tight_layout()
    figure.savefig(path, dpi=dpi)
    plt.close(figure)
