"""The part of a conversion that TensorFlow does, in a process of its own: some graphs crash the converter.

`python -m workbench.conversion.child FOLDER` reads `job.json` there, writes `described.json`, waits for a line on
its standard input (the calibration rows are made meanwhile), reads `rows.npz`, and writes `float32.tflite`,
`target.tflite` and `reference.npz`. `stage.txt` tells how far it came; `refused.txt` why it gave up.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.conversion import keras_source, ranges
from workbench.conversion.rebuild import channels_first, input_shape, layer_names, rebuild
from workbench.conversion.request import ConversionError
from workbench.conversion.scaling import own_scaling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray


ONE = "emoedge runs models of one input and one output"

_Source = tuple["Callable[..., Any]", Any, tuple[int, ...], list[tuple[str, str]]]
"""The function to convert, what holds its variables, its input shape, and its layers."""


class Job:
    """The conversion in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.job: Mapping[str, Any] = json.loads((folder / "job.json").read_text())
        self.path = str(self.job["model"])
        self.turned: str | None = None
        """Name of a layer whose channels stand first."""

    def stage(self, text: str) -> None:
        """Leave word for the case that the process dies."""
        (self.folder / "stage.txt").write_text(text)

    def run(self) -> None:
        """All steps; raises ConversionError."""
        self.stage("reading the file")
        path, form = Path(self.path), keras_source.kind(Path(self.path))
        allow = bool(self.job["allow_lambda"])
        keras_source.look_through(path, form, allow_lambda=allow)
        self.stage("loading the model")
        model = keras_source.load(path, form, allow_lambda=allow)
        # Of a subclassed model Keras knows neither configuration nor inputs; its signature has both.
        if form == "keras_saved_model" and not (hasattr(model, "get_config") and getattr(model, "inputs", None)):
            form, model = "saved_model", keras_source.load(path, "saved_model", allow_lambda=allow)
        if form == "saved_model":
            function, owner, shape, layers = self._signature(model)
        else:
            function, owner, shape, layers = self._keras(model)
        scaling = {} if form == "saved_model" else own_scaling(model)
        described = {"shape": shape, "layers": layers, "form": form, **scaling}
        (self.folder / "described.json").write_text(json.dumps(described))
        if not sys.stdin.readline():
            return  # the parent is gone or has refused the calibration data
        self._convert(function, owner, shape, fixed_batch=form == "saved_model")

    def _keras(self, model: Any) -> _Source:
        for what, count in (("inputs", len(model.inputs or [])), ("outputs", len(model.outputs or []))):
            if count != 1:
                raise ConversionError(f"{self.path}: the model has {count} {what}; {ONE}")
        import tensorflow as tf

        self.turned = channels_first(model)
        found = model.inputs[0].shape.as_list()[1:]
        shape = input_shape(found, self.job["front_end_shape"], self.path)
        new = rebuild(model, shape, unroll=self.job["dtype"] == "int8")
        layers = layer_names(new)
        if self.job.get("until") is not None:
            new = self._cut(new, layers[self.job["until"]][0])
        else:
            self._check_output(new.outputs[0].shape.as_list()[1:])
        # The one output may stand in a dict or a list.
        return (lambda x: tf.nest.flatten(new(x, training=False))[0]), new, shape, layers

    def _cut(self, model: Any, name: str) -> Any:
        import tensorflow as tf

        return tf.keras.Model(model.inputs, model.get_layer(name).output)

    def _signature(self, signature: Any) -> _Source:
        _, inputs = signature.structured_input_signature
        outputs = signature.structured_outputs
        for what, members in (("inputs", inputs), ("outputs", outputs)):
            if len(members) != 1:
                raise ConversionError(f"{self.path}: its signature has {len(members)} {what}; {ONE}")
        (name, spec), output = next(iter(inputs.items())), next(iter(outputs))
        shape = input_shape(spec.shape.as_list()[1:], self.job["front_end_shape"], self.path)
        found = list(outputs[output].shape)[1:]
        if all(n is not None for n in found):
            self._check_output(found)
        return (lambda x: signature(**{name: x})[output]), signature.loaded_from, shape, []

    def _check_output(self, found: list[int | None]) -> None:
        labels, dimensions = self.job["labels"], self.job["dimensions"]
        if len(found) != 1:
            raise ConversionError(
                f"{self.path}: the model's output has shape {tuple(found)}, expected one number for each class; "
                "end it with a Flatten or a pooling layer"
            )
        if found != [len(labels) + dimensions]:
            more = f" and {dimensions} dimensions" if dimensions else ""
            raise ConversionError(
                f"{self.path}: {len(labels)} labels{more}, but the model's output has shape {tuple(found)}; "
                "give --labels as many names as the model has classes, in its order"
            )

    def _convert(self, function: Callable[..., Any], owner: Any, shape: tuple[int, ...], *, fixed_batch: bool) -> None:
        import tensorflow as tf

        with np.load(self.folder / "rows.npz") as arrays:
            representative, measured = (arrays[key].reshape(-1, *shape) for key in ("representative", "measured"))
        self.stage("running the model")
        size, batch = (1, 1) if fixed_batch else (32, None)
        traced = tf.function(function, input_signature=[tf.TensorSpec([batch, *shape], tf.float32)])
        try:
            batches = [traced(measured[i : i + size]).numpy() for i in range(0, len(measured), size)]
        except tf.errors.OpError as error:
            if self.turned is None:
                raise
            raise ConversionError(
                f"{self.path}: layer {self.turned!r} has its channels first, which runs on a GPU alone; "
                "build it anew with data_format='channels_last'"
            ) from error
        np.savez(self.folder / "reference.npz", outputs=np.concatenate(batches))
        fixed = tf.function(function, input_signature=[tf.TensorSpec([1, *shape], tf.float32)])

        def converter() -> Any:
            # With the owner the converter goes through a SavedModel, where an LSTM stays one operation.
            return tf.lite.TFLiteConverter.from_concrete_functions([fixed.get_concrete_function()], owner)

        self.stage("converting to float32")
        self._write("float32", converter())
        self.stage(f"converting to {self.job['dtype']}")
        getattr(self, f"_{self.job['dtype']}")(tf, converter, representative)

    def _float32(self, _tf: Any, _converter: Callable[[], Any], _rows: NDArray[np.float32]) -> None:
        (self.folder / "target.tflite").write_bytes((self.folder / "float32.tflite").read_bytes())

    def _float16(self, tf: Any, converter: Callable[[], Any], _rows: NDArray[np.float32]) -> None:
        made = converter()
        made.optimizations = [tf.lite.Optimize.DEFAULT]
        made.target_spec.supported_types = [tf.float16]
        self._write("target", made)

    def _dynamic(self, tf: Any, converter: Callable[[], Any], _rows: NDArray[np.float32]) -> None:
        made = converter()
        made.optimizations = [tf.lite.Optimize.DEFAULT]
        self._write("target", made)

    def _int8(self, tf: Any, converter: Callable[[], Any], rows: NDArray[np.float32]) -> None:
        def made(*operations: Any) -> Any:
            one = converter()
            one.optimizations = [tf.lite.Optimize.DEFAULT]
            one.representative_dataset = lambda: ([row[np.newaxis]] for row in rows)
            one.target_spec.supported_ops = list(operations)
            one.inference_input_type = one.inference_output_type = tf.int8
            return one

        ranges.mend()
        strict = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        try:
            self._write("target", made(strict))
        except ConversionError:
            # Some operation has no int8 kernel: it stays in float, and the gate tells.
            self._write("target", made(strict, tf.lite.OpsSet.TFLITE_BUILTINS))

    def _write(self, name: str, converter: Any) -> None:
        try:
            content = converter.convert()
        except Exception as error:  # the converter raises bare Exceptions of many kinds
            raise ConversionError(f"{self.path}: {_reason(error)}") from error
        (self.folder / f"{name}.tflite").write_bytes(content)


def _reason(error: Exception) -> str:
    text = str(error)
    if "TensorList" in text:
        return ("a recurrent layer is a loop of open length in it; "
                "give the .keras or .h5 file in place of the SavedModel, or use an LSTM or GRU layer")  # fmt: skip
    missing = sorted(set(re.findall(r"error: '(tf\.\w+)' op is neither", text)))
    if missing or "ops are not supported by the native TFLite runtime" in text:
        return f"no TFLite kernel for {', '.join(missing) or 'an operation'}; replace the layer that makes it"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"the converter refuses it ({lines[0][:200] if lines else type(error).__name__}); try another --dtype"


def main() -> int:
    """Run the job in the folder named; exit code 0, or 1 with `refused.txt` written."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    folder = Path(sys.argv[1])
    try:
        Job(folder).run()
    except ConversionError as error:
        (folder / "refused.txt").write_text(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
