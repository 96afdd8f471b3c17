"""A model that is ready to run: features in, calibrated scores out."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.emotions import Scores
from emoedge.errors import ModelError
from emoedge.inference.model_file import CONVERT_AGAIN, ModelFile, refuse, told
from emoedge.inference.runtime import Interpreter, Tensor, first_line
from emoedge.messages import Modality

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from emoedge.inference.spec import FrontEndSpec, ModelInfo

log = logging.getLogger(__name__)

GOLDEN_STEPS = 2
"""Quantization steps that an integer output may differ from its golden vector: runtimes round differently."""

GOLDEN_FLOAT = 1e-3
"""The same for a float output."""

SMALLEST = 1e-6
"""Probability below which a float output counts as this; an integer one as half its step."""


def calibrated(outputs: NDArray[np.floating[Any]], info: ModelInfo, smallest: float = SMALLEST) -> NDArray[np.float64]:
    """Probabilities over the model's own labels, n x labels, of its real outputs, n x labels or more.

    Temperature scaling of Guo et al. 2017 (arXiv:1706.04599): softmax(logits / T), or softmax(log p / T) where
    the file ends in probabilities; independent sigmoid scores are normalised the same way. A row with an
    output that is no number tells nothing and becomes uniform.
    """
    values = np.asarray(outputs, dtype=np.float64)[:, : len(info.labels)]
    logits = values if info.output == "logits" else np.log(np.minimum(np.maximum(values, smallest), 1.0))
    logits = np.where(np.isfinite(values).all(axis=1, keepdims=True), logits, 0.0) / info.temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def dimensions(outputs: NDArray[np.floating[Any]], info: ModelInfo) -> NDArray[np.float64]:
    """Valence and arousal, n x 2 (n x 0 where the model tells none), of a network's real outputs.

    An output that is no number tells nothing and becomes the middle of its dimension.
    """
    values = np.asarray(outputs, dtype=np.float64)[:, len(info.labels) :]
    low, high = np.array(list(info.dimensions.values()), dtype=np.float64).reshape(-1, 2).T
    share = 0.5 + 0.5 * np.tanh(0.5 * np.nan_to_num(values, nan=0.0))
    return np.asarray(low + (high - low) * share)


class Model:
    """A checked model file on an interpreter; implements the port Classifier. One thread at a time."""

    def __init__(self, file: ModelFile, interpreter: Interpreter) -> None:
        self.info: ModelInfo = file.info
        self.sha256 = file.sha256
        self.input: Tensor = interpreter.input
        self.output: Tensor = interpreter.output
        self.runtime = interpreter.runtime
        self._interpreter = interpreter
        self._smallest = max(SMALLEST, interpreter.output.scale / 2)

    def classify(self, features: NDArray[np.floating[Any]]) -> Scores | None:
        """Canonical scores of one input, shaped as the front end makes it; None where one in it or of it is no number.

        Not even scores all alike would do then: over the prior they speak for whatever is rare. An integer model
        would take any number for what is none.
        """
        if not np.isfinite(features).all():
            return None
        outputs = self.outputs(features[np.newaxis])
        return self._scores(outputs)[0] if np.isfinite(outputs[0, : len(self.info.labels)]).all() else None

    def classify_batch(self, batch: NDArray[np.floating[Any]]) -> Sequence[Scores]:
        """Canonical scores of n inputs, n x front end's shape; all alike where an output is no number."""
        return self._scores(self.outputs(batch))

    def _scores(self, outputs: NDArray[np.float32]) -> Sequence[Scores]:
        rows = calibrated(outputs, self.info, self._smallest)
        if not self.info.dimensions:
            return [Scores.from_labels(self.info.label_map, row) for row in rows]
        own = dimensions(outputs, self.info)
        return [
            Scores.from_labels(self.info.label_map, row, (float(valence), float(arousal)))
            for row, (valence, arousal) in zip(rows, own, strict=True)
        ]

    def probabilities(self, features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Calibrated probabilities over the model's own labels, shape (labels,), of one input."""
        return self.probabilities_batch(features[np.newaxis])[0]  # type: ignore[no-any-return]

    def probabilities_batch(self, batch: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Calibrated probabilities over the model's own labels, n x labels, of n inputs."""
        return calibrated(self.outputs(batch), self.info, self._smallest)

    def outputs(self, batch: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """What the network itself says, n x (labels, then dimensions), before calibration."""
        if batch[0].size != math.prod(self.input.shape):
            raise ValueError(f"features of shape {batch.shape[1:]}, the model takes {self.input.shape}")
        return self._interpreter.run(batch.reshape((len(batch), *self.input.shape)))


def load_model(path: Path | str, modality: Modality | str | None = None, threads: int = 1) -> Model:
    """Read a model file, check that its parts fit each other and this runtime, and make it ready.

    Raises ModelError, one line: file, cause, remedy. A model whose conversion did not pass its parity gates is
    loaded with a warning.
    """
    file = ModelFile.read(path)
    info = file.info
    if modality is not None and info.modality != Modality(modality):
        raise refuse(path, f"a {info.modality} model where a {Modality(modality)} model is expected",
                     f"name it under models.{info.modality}")  # fmt: skip
    try:
        interpreter = Interpreter(file.tflite, threads)
    except ModelError as error:
        raise refuse(path, str(error)) from error
    check_fit(path, file, interpreter)
    check_golden(path, file, interpreter)
    if info.parity.get("passed") is False:
        log.warning("%s: its conversion did not pass the parity gates (%s); it runs, but check its figures",
                    path, info.parity.get("reason", "no reason given"))  # fmt: skip
    return Model(file, interpreter)


def check_fit(path: Path | str, file: ModelFile, interpreter: Interpreter) -> None:
    """Raise ModelError where labels, front end and the network's own shapes do not fit."""
    if interpreter.output.shape != (file.info.outputs,):
        raise refuse(path, f"{told(file.info)}, but the model's output has shape {interpreter.output.shape}")
    for what, tensor, golden in (
        ("inputs", interpreter.input, file.golden_inputs),
        ("outputs", interpreter.output, file.golden_outputs),
    ):
        if golden.shape[1:] != tensor.shape or golden.dtype != tensor.dtype:
            ours, theirs = f"{golden.dtype} {golden.shape[1:]}", f"{tensor.dtype} {tensor.shape}"
            raise refuse(path, f"golden {what} are {ours}, the model's are {theirs}")
    try:
        shape = front_end_shape(file.info.front_end)
    except (ValueError, TypeError, KeyError, OverflowError, ModelError) as error:
        raise refuse(path, f"front end {file.info.front_end.name}: {str(error).splitlines()[0]}") from error
    if _without_ones(shape) != _without_ones(interpreter.input.shape):
        cause = f"front end {file.info.front_end} makes shape {shape}, the model takes {interpreter.input.shape}"
        raise refuse(path, cause)


def front_end_shape(spec: FrontEndSpec) -> tuple[int, ...]:
    """Shape of what a front end makes of one window or face; raises ValueError for parameters it does not take."""
    if spec.modality is Modality.FACE:
        from emoedge.vision.crop import FaceFrontEnd  # noqa: PLC0415 - a face-only device needs no audio, and so on

        return tuple(FaceFrontEnd(spec).shape)
    from emoedge.audio.front_end import build  # noqa: PLC0415

    return tuple(build(spec).shape)


def check_golden(path: Path | str, file: ModelFile, interpreter: Interpreter) -> float:
    """Run the golden inputs and return the largest difference (steps, or absolute in float).

    Raises ModelError where it is above the tolerance: the runtime does not compute what the converter saw.
    """
    try:
        outputs = interpreter.run_raw(file.golden_inputs).astype(np.float64)
    except (RuntimeError, ValueError) as error:  # some of what does not fit is found only when it is computed
        raise refuse(path, f"{interpreter.runtime} cannot run it: {first_line(error)}") from error
    difference = float(np.abs(outputs - file.golden_outputs.astype(np.float64)).max())
    limit, unit = (GOLDEN_STEPS, " steps") if interpreter.output.quantized else (GOLDEN_FLOAT, "")
    if not difference <= limit:
        cause = f"golden vectors disagree with {interpreter.runtime} by {difference:.3g}{unit}, more than {limit}"
        raise refuse(path, cause, f"use another TFLite runtime or {CONVERT_AGAIN}")
    return difference


def _without_ones(shape: Sequence[int]) -> tuple[Any, ...]:
    return tuple(n for n in shape if n != 1)
