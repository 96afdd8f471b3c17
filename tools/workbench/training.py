"""What every training run needs: seeds, threads, a checkpoint that survives a kill, progress, a curve."""

from __future__ import annotations

import csv
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

    from numpy.typing import NDArray

CHECKPOINT = "checkpoint.npz"
HISTORY = "history.csv"
CURVE = "curve.png"


def start(*, seed: int, threads: int) -> None:
    """Seed Python, NumPy and TensorFlow, and bound the threads; call before the first tensor is made."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - Keras draws its initial weights and shuffles from it
    tf.random.set_seed(seed)


def has_bfloat16(told: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor has instructions that multiply in bfloat16; without them it takes ten times as long."""
    flags = told.read_text(encoding="utf-8").split() if told.exists() else []
    return "avx512_bf16" in flags or "amx_bf16" in flags


def bfloat16(*, wanted: bool) -> None:
    """Let TensorFlow multiply in bfloat16 from now on, where this processor has instructions for it."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": wanted and has_bfloat16()})


def save_checkpoint(
    folder: Path, arrays: Mapping[str, Sequence[NDArray[Any]]], state: Mapping[str, object]
) -> None:
    """Write named lists of arrays and a JSON state; a kill at any moment leaves the old or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    flat = {f"{name}/{i:04d}": array for name, group in arrays.items() for i, array in enumerate(group)}
    flat["state"] = np.frombuffer(json.dumps(dict(state)).encode(), dtype=np.uint8)
    write_arrays(folder / CHECKPOINT, flat)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays as one `.npz`; a kill at any moment leaves the old file or the new one."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load_checkpoint(folder: Path) -> tuple[dict[str, list[NDArray[Any]]], dict[str, object]] | None:
    """Read what `save_checkpoint` wrote, or None where there is none."""
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    groups: dict[str, list[NDArray[Any]]] = {}
    with np.load(path, allow_pickle=False) as archive:
        state = json.loads(archive["state"].tobytes())
        for key in sorted(k for k in archive.files if k != "state"):
            groups.setdefault(key.rpartition("/")[0], []).append(archive[key])
    return groups, state


def checkpoint_or_fresh(
    folder: Path, *, resume: bool
) -> tuple[dict[str, list[NDArray[Any]]], dict[str, object]] | None:
    """Return the checkpoint to go on from, or None; FileExistsError if one would be overwritten."""
    if resume:
        return load_checkpoint(folder)
    if (folder / CHECKPOINT).exists():
        raise FileExistsError(
            f"{folder / CHECKPOINT} is there: add --resume to go on, or name another --output"
        )
    return None


class Progress:
    """One line per epoch: redrawn in place on a terminal, written once at the end of the epoch elsewhere."""

    def __init__(self, *, epoch: int, epochs: int, steps: int, stream: TextIO = sys.stderr) -> None:
        self.title = f"epoch {epoch}/{epochs}"
        self.steps = steps
        self.stream = stream
        self.live = stream.isatty()
        self.began = time.monotonic()
        self.drawn = 0.0

    def update(self, step: int, **values: float) -> None:
        """Show that `step` of the steps are done."""
        now = time.monotonic()
        if self.live and (now - self.drawn > 0.5 or step == self.steps):
            self.drawn = now
            filled = int(24 * step / self.steps)
            left = (now - self.began) / max(step, 1) * (self.steps - step)
            bar = "█" * filled + "·" * (24 - filled)
            self.stream.write(
                f"\r{self.title} {bar} {step}/{self.steps} {left:4.0f} s left {_pairs(values)} "
            )
            self.stream.flush()

    def done(self, **values: float) -> None:
        """End the line with the epoch's figures."""
        lead = "\r\x1b[K" if self.live else ""
        self.stream.write(f"{lead}{self.title} {time.monotonic() - self.began:.0f} s {_pairs(values)}\n")
        self.stream.flush()


def _pairs(values: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.4f}" for name, value in values.items())


def write_history(folder: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write one row per epoch to `history.csv` and draw it as `curve.png`.

    A column `loss` and those that begin with `loss_` share the left plot, all others the right one.
    """
    if not rows:
        return
    names = list(rows[0])
    with (folder / HISTORY).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), dpi=90)
    epochs = [row["epoch"] for row in rows]
    for name in names:
        if name in ("epoch", "rate"):
            continue
        axis = left if name == "loss" or name.startswith("loss_") else right
        axis.plot(epochs, [row[name] for row in rows], label=name)
    for axis in (left, right):
        axis.set_xlabel("epoch")
        axis.grid(visible=True, alpha=0.3)
        axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(folder / CURVE)
    plt.close(figure)
