"""What keeps eight bits for the units that matter: folded batch normalisation and right calibrated ranges."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("EMOEDGE_TRAIN_PYTHON", str(ROOT / ".venv-train" / "bin" / "python"))
QUIET = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}

BEGIN = """
import sys

import numpy as np
import tensorflow as tf

sys.path[:0] = [{root!r}, {root!r} + "/tools"]
from workbench.conversion import ranges
from workbench.conversion.operations import _details, operations, plain_interpreter
from workbench.conversion.rebuild import rebuild

layers = tf.keras.layers
rng = np.random.default_rng(0)
rows = rng.normal(0, 1, (60, 8, 8, 2)).astype(np.float32)


def perturbed(*stack, activation="softmax"):
    last = layers.Dense(5, activation=activation)
    model = tf.keras.Sequential([layers.Input((8, 8, 2)), *stack, layers.Flatten(), last])
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            for weight in (layer.gamma, layer.beta, layer.moving_mean):
                if weight is not None:
                    weight.assign(rng.normal(0, 1, weight.shape))
            layer.moving_variance.assign(10.0 ** rng.uniform(-5, 2, layer.moving_variance.shape))
    return model


def int8(model):
    traced = tf.function(lambda x: model(x, training=False), [tf.TensorSpec([1, 8, 8, 2], tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.get_concrete_function()], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[np.newaxis]] for row in rows)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter.convert()
"""

pytestmark = [pytest.mark.train, pytest.mark.slow]


def run(script):
    """`script` after BEGIN in the train environment."""
    text = BEGIN.format(root=str(ROOT)) + script
    done = subprocess.run([PYTHON, "-c", text], env=QUIET, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


FOLDED = """
    ([layers.Conv2D(6, 3, activation="relu"), layers.BatchNormalization()], "ADD"),
    ([layers.Conv2D(6, 3, activation="relu"), layers.BatchNormalization(scale=False)], "ADD"),
    ([layers.Conv2D(6, 3, activation="relu"), layers.BatchNormalization(center=False)], "ADD"),
    ([layers.Conv2D(6, 3), layers.ReLU(), layers.MaxPool2D(), layers.Dropout(0.2), layers.BatchNormalization()], "ADD"),
    ([layers.Reshape((64, 2)), layers.Conv1D(6, 3, use_bias=False, activation="relu"), layers.BatchNormalization()], "ADD"),
    ([layers.Flatten(), layers.Dense(9), layers.Activation("relu"), layers.BatchNormalization()], "CONV_2D"),
    ([layers.Flatten(), layers.Dense(9, use_bias=False, activation="relu"), layers.BatchNormalization()], "CONV_2D"),
"""
KEPT = """
    [layers.Conv2D(6, 3, activation="relu"), layers.BatchNormalization()],
    [layers.Conv2D(6, 3, activation="elu"), layers.BatchNormalization()],
    [layers.Conv2D(6, 3, activation="relu"), layers.BatchNormalization(axis=1)],
    [layers.Conv2D(6, 3), layers.ReLU(max_value=6.0), layers.BatchNormalization()],
    [layers.Dense(6, activation="relu"), layers.BatchNormalization()],
    [layers.BatchNormalization(), layers.Conv2D(6, 3), layers.BatchNormalization(), layers.ReLU()],
"""


def test_a_folded_normalisation_says_the_same_and_multiplies_no_more():
    run(f"""
for stack, operation in [{FOLDED}]:
    model = perturbed(*stack)
    for layer in stack:
        if type(layer).__name__ == "BatchNormalization" and layer.scale:
            layer.gamma.assign(np.abs(layer.gamma))
    new = rebuild(model, (8, 8, 2), unroll=True)
    np.testing.assert_allclose(new(rows), model(rows), atol=1e-4)
    found = operations(int8(new))
    assert operation in found, (stack, found)
    assert "MUL" not in found, (stack, found)
""")


def test_factors_below_zero_and_what_cannot_be_folded_change_nothing():
    run(f"""
for stack in [{KEPT}]:
    model = perturbed(*stack)
    np.testing.assert_allclose(rebuild(model, (8, 8, 2), unroll=True)(rows), model(rows), atol=1e-4)
""")


def test_a_layer_that_something_else_reads_too_keeps_its_weights():
    run("""
inputs = layers.Input((8, 8, 2))
inside = layers.Conv2D(2, 3, padding="same", activation="relu")(inputs)
both = tf.keras.Model(inputs, [inside, layers.BatchNormalization()(inside)])
both.layers[-1].moving_variance.assign([0.01, 5.0])
shared = layers.Conv2D(2, 3, padding="same", activation="relu")(inputs)
norm = layers.BatchNormalization()
sums = layers.Add()([shared, norm(shared), *both(inputs)])
model = tf.keras.Model(inputs, layers.Flatten()(sums))
norm.moving_variance.assign([0.01, 5.0])
np.testing.assert_allclose(rebuild(model, (8, 8, 2), unroll=True)(rows), model(rows), atol=1e-4)
""")


def test_units_that_are_hardly_active_leave_the_others_their_bits():
    run("""
model = perturbed(layers.Flatten(), layers.Dense(40, activation="relu"), layers.BatchNormalization(), activation=None)
dense, norm = model.layers[1:3]
kernel, bias = dense.get_weights()
bias[::2] = -30  # half of the units never reach zero, as the variance knows
dense.set_weights([kernel, bias])
active = dense(rows.reshape(60, -1)).numpy()
norm.set_weights([np.ones(40), np.zeros(40), active.mean(axis=0), 1000 * active.var(axis=0)])
made = plain_interpreter(int8(rebuild(model, (8, 8, 2), unroll=True)))
exact, found = model(rows).numpy(), []
for row in rows:
    made.set_tensor(made.get_input_details()[0]["index"], row[np.newaxis])
    made.invoke()
    found.append(made.get_tensor(made.get_output_details()[0]["index"])[0])
signal = 10 * np.log10((exact**2).sum() / ((exact - found) ** 2).sum())
assert signal > 25, signal
""")


def test_what_is_multiplied_in_place_keeps_its_own_range():
    run("""
model = perturbed(layers.Conv2D(4, 3, activation="relu"), layers.Rescaling([30.0, 20.0, 40.0, 10.0], -50.0))
ranges.mend()
made = plain_interpreter(int8(rebuild(model, (8, 8, 2), unroll=True)))
tensors = {tensor["index"]: tensor for tensor in made.get_tensor_details()}
conv = next(op for op in _details(made) if op["op_name"] == "CONV_2D")
scale, _ = tensors[conv["outputs"][0]]["quantization"]
exact = model.layers[0](rows).numpy()
np.testing.assert_allclose(255 * scale, exact.max(), rtol=0.02)
assert len(made.get_output_details()) == 1
""")
