"""Right value ranges from TensorFlow's int8 calibration."""

from __future__ import annotations

from typing import Any


def mend() -> None:
    """Make the calibrator of this process see each tensor with its own values.

    It reads an operation's inputs once more after the operation ran, when an addition or a multiplication has put its
    outputs in their place: a tensor in 0..1 that is multiplied by 30 was found to reach 30
    (https://github.com/tensorflow/tensorflow/issues/127842). Outputs of the model are never overwritten so; during
    calibration every tensor is one.
    """
    from tensorflow.lite.python.optimize import calibrator

    class Calibrator(calibrator.Calibrator):  # type: ignore[misc]
        def __init__(self, model_content: bytes, *arguments: Any, **named: Any) -> None:
            opened, self._outputs = _with_outputs(model_content, None)
            super().__init__(opened, *arguments, **named)

        def calibrate(self, dataset_gen: Any) -> bytes:
            return _with_outputs(super().calibrate(dataset_gen), self._outputs)[0]

    calibrator.Calibrator = Calibrator


def _with_outputs(content: bytes, outputs: list[int] | None) -> tuple[bytes, list[int]]:
    """The model with these outputs, with all that its operations make where None; and the outputs it had."""
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytes(content)))
    graph = model.subgraphs[0]
    before = [int(i) for i in graph.outputs]
    # Loops stay as they are: their graphs are calibrated by themselves, where that goes well at all.
    made = [int(i) for operation in graph.operators for i in operation.outputs if len(model.subgraphs) == 1]
    graph.outputs = list(dict.fromkeys([*before, *made])) if outputs is None else outputs
    builder = schema.flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output()), before
