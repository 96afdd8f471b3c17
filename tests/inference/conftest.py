"""Model files small enough to make in every test."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emoedge.emotions import CANONICAL
from emoedge.inference.model_file import ModelFile
from emoedge.inference.runtime import Interpreter
from emoedge.inference.spec import FrontEndSpec, ModelInfo
from emoedge.messages import Modality

MODELS = Path(__file__).resolve().parents[1] / "models"


def make(dtype: str = "int8", **changes: object) -> ModelFile:
    """A model file around a committed network; `changes` replace fields of its info."""
    tflite = (MODELS / f"plain_{dtype}.tflite").read_bytes()
    info = ModelInfo(
        name="tiny", version="1", modality=Modality.FACE, front_end=FrontEndSpec("face_gray", {"size": 12}),
        labels=CANONICAL, label_map=CANONICAL, dtype=dtype,
    )  # fmt: skip
    interpreter = Interpreter(tflite)
    values = np.random.default_rng(1).random((10, *interpreter.input.shape), dtype=np.float32)
    inputs = interpreter.input.quantize(values)
    return ModelFile(replace(info, **changes), tflite, inputs, interpreter.run_raw(inputs))


@pytest.fixture
def model_file():
    return make


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.tflite"
    make().write(path)
    return path
