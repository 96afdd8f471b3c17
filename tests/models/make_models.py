"""Make the small untrained models that the tests load; run with the train environment's Python.

    .venv-train/bin/python tests/models/make_models.py

Seeded dense networks of a few kB: a face model of 12 x 12 gray in int8 and in float32, as plain `.tflite`
without metadata; the tests append those.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
SIDE, CLASSES = 12, 7


def main() -> None:
    tf.keras.utils.set_random_seed(7)
    layers = tf.keras.layers
    model = tf.keras.Sequential([
        layers.Input((SIDE, SIDE, 1)), layers.Flatten(),
        layers.Dense(8, "relu"), layers.Dense(CLASSES, "softmax", kernel_initializer="random_normal"),
    ])  # fmt: skip
    model.layers[-1].set_weights([15 * w for w in model.layers[-1].get_weights()])
    samples = np.random.default_rng(7).random((50, 1, SIDE, SIDE, 1), dtype=np.float32)

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    (HERE / "plain_float32.tflite").write_bytes(converter.convert())

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (HERE / "plain_int8.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    main()
