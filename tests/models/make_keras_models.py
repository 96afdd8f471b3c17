"""Make small untrained Keras models of every kind that people convert: `make_keras_models.py FOLDER`.

Run with the train environment's Python. Besides what Keras writes today there is `legacy.h5`, laid out as
Keras 2.2 wrote it: no input layer, `batch_input_shape` in the first layer, weights by its own names.
"""

import json
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

FRAMES, BANDS = 12, 6
layers = tf.keras.layers


def rows(shape, classes):
    """Clusters that a small model can learn: 60 rows a class around a centre each."""
    rng = np.random.default_rng(0)
    labels = np.arange(60 * classes) % classes
    centres = rng.normal(0.5, 0.2, (classes, *shape))
    return (centres[labels] + rng.normal(0, 0.1, (len(labels), *shape))).astype(np.float32), labels


def trained(model, data, epochs=12):
    """The model after a few passes, so that its outputs differ and its margins are real."""
    inputs, labels = data
    loss = "categorical_crossentropy" if model.layers[-1].activation.__name__ != "linear" else tf.nn.softmax_cross_entropy_with_logits
    model.compile(tf.keras.optimizers.Adam(0.01), loss)
    model.fit(inputs, np.eye(labels.max() + 1, dtype=np.float32)[labels], 32, epochs, verbose=0)
    return model


def renormalised():
    return tf.keras.Sequential([
        layers.Input((12, 12, 1)), layers.Rescaling(1.0), layers.RandomFlip("horizontal"), layers.RandomRotation(0.01),
        layers.BatchNormalization(renorm=True), layers.Conv2D(6, 3, padding="same", activation="relu"), layers.MaxPool2D(),
        layers.Conv2D(8, 3, activation="relu"), layers.BatchNormalization(), layers.Flatten(),
        layers.Dense(7, activation="softmax"),
    ])  # fmt: skip


def scaled():
    """A network that scales gray levels itself, as Keras's examples do: by its layer, by arithmetic, by statistics."""
    standard = layers.Normalization(axis=None, mean=127.0, variance=60.0**2)
    head = [layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(7)]
    given, whole = layers.Input((12, 12, 1)), layers.Input((12, 12, 1), dtype="uint8")
    inner = tf.keras.Sequential([layers.Input((12, 12, 1)), *head])
    return {
        "rescaling": tf.keras.Sequential([layers.Input((12, 12, 1)), layers.RandomFlip(), layers.Rescaling(1 / 255), *head]),
        "division": tf.keras.Model(given, inner(given / 127.5 - 1)),
        "statistics": tf.keras.Sequential([layers.Input((12, 12, 1)), standard, *head]),
        "whole": tf.keras.Model(whole, inner(tf.cast(whole, tf.float32))),
    }


def speech(*stack, activation="softmax"):
    return tf.keras.Sequential([layers.Input((FRAMES, BANDS)), *stack, layers.Dense(4, activation=activation)])


def two_inputs():
    a, b = layers.Input((12, 12, 1)), layers.Input((12, 12, 1))
    out = layers.Dense(7, activation="softmax")(layers.Flatten()(layers.Add()([a, b])))
    return tf.keras.Model([a, b], out)


def named_output():
    given = layers.Input((12, 12, 1))
    return tf.keras.Model(given, {"emotion": layers.Dense(7, activation="softmax")(layers.Flatten()(given))})


def mixed():
    return tf.keras.Sequential([
        layers.Input((12, 12, 1)), layers.Conv2D(4, 3, activation="relu", dtype="mixed_float16"),
        layers.Flatten(dtype="mixed_float16"), layers.Dense(7, activation="softmax", dtype="float32"),
    ])  # fmt: skip


class Own(tf.keras.Model):
    """A subclassed model, of which Keras saves no configuration."""

    def __init__(self):
        super().__init__()
        self.flat, self.dense = layers.Flatten(), layers.Dense(7, activation="softmax")

    def call(self, x):
        return self.dense(self.flat(x))


@tf.keras.utils.register_keras_serializable("Own")
class Louder(layers.Layer):
    """A layer that its author has registered, in a process that is gone."""

    def call(self, x):
        return 2 * x


def rectified(x):
    return tf.nn.relu(x)


def legacy(path):
    """Conv2D, Flatten, Dense in the layout of Keras 2.2.4."""
    rng = np.random.default_rng(4)
    weights = {
        "conv2d_1": {"kernel:0": rng.normal(0, 0.5, (3, 3, 1, 4)), "bias:0": rng.normal(0, 0.1, 4)},
        "flatten_1": {},
        "dense_1": {"kernel:0": rng.normal(0, 0.2, (400, 7)), "bias:0": rng.normal(0, 0.1, 7)},
    }
    shared = {"trainable": True, "use_bias": True, "kernel_regularizer": None, "bias_regularizer": None,
              "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None,
              "kernel_initializer": {"class_name": "VarianceScaling",
                                     "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}},
              "bias_initializer": {"class_name": "Zeros", "config": {}}}  # fmt: skip
    config = {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": [
        {"class_name": "Conv2D", "config": {**shared, "name": "conv2d_1", "batch_input_shape": [None, 12, 12, 1],
         "dtype": "float32", "filters": 4, "kernel_size": [3, 3], "strides": [1, 1], "padding": "valid",
         "data_format": "channels_last", "dilation_rate": [1, 1], "activation": "relu"}},
        {"class_name": "Flatten", "config": {"name": "flatten_1", "trainable": True, "data_format": "channels_last"}},
        {"class_name": "Dense", "config": {**shared, "name": "dense_1", "units": 7, "activation": "softmax"}},
    ]}}  # fmt: skip
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = b"2.2.4", b"tensorflow"
        file.attrs["model_config"] = json.dumps(config).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in weights]
        group.attrs["keras_version"], group.attrs["backend"] = b"2.2.4", b"tensorflow"
        for name, arrays in weights.items():
            layer = group.create_group(name)
            layer.attrs["weight_names"] = [f"{name}/{key}".encode() for key in arrays]
            for key, values in arrays.items():
                layer.create_dataset(f"{name}/{key}", data=values.astype(np.float32))


def main(folder):
    tf.keras.utils.set_random_seed(11)
    faces, voices = rows((12, 12, 1), 7), rows((FRAMES, BANDS), 4)
    for name, (inputs, labels) in (("faces", faces), ("speech", voices)):
        np.savez(folder / f"{name}.npz", inputs=inputs, labels=labels)
    renorm = trained(renormalised(), faces)
    renorm.save(folder / "renorm.keras")
    np.savez(folder / "renorm.npz", inputs=faces[0][:50], outputs=renorm(faces[0][:50], training=False).numpy())
    gru = speech(layers.GRU(10, return_sequences=True, dropout=0.2), layers.GRU(8), activation="sigmoid")
    trained(gru, voices).save(folder / "gru.h5")
    lstm = trained(speech(layers.LSTM(12, return_sequences=True), layers.LSTM(8), activation=None), voices)
    lstm.save(folder / "lstm_folder", save_format="tf")
    lstm.save(folder / "lstm.hdf5")
    tf.keras.Sequential([layers.Input((None, BANDS)), layers.Bidirectional(layers.GRU(6)), layers.Dense(4)]).save(
        folder / "bidirectional.keras"
    )
    speech(layers.Reshape((FRAMES, BANDS, 1, 1)), layers.ConvLSTM2D(3, 1, name="loop"), layers.Flatten()).save(folder / "loop.keras")
    trained(speech(layers.Flatten(), layers.Dense(9, activation="relu")), voices).export(str(folder / "exported"))
    speech(layers.Flatten(), layers.Dense(9, activation="gelu"), layers.Lambda(lambda x: 2 * x, name="twice")).save(folder / "lambda.keras")
    speech(layers.Flatten(), layers.Lambda(lambda x: 2 * x, name="twice")).save(folder / "lambda.h5")
    for ending in ("h5", "keras"):
        speech(layers.Flatten(), Louder()).save(folder / f"layer.{ending}")
        speech(layers.Flatten(), layers.Dense(9, activation=rectified)).save(folder / f"function.{ending}")
        speech(layers.Flatten(), layers.Dense(9, activation=lambda x: x)).save(folder / f"activation.{ending}")
    tf.keras.Sequential([
        layers.Input((1, 12, 12)), layers.Conv2D(4, 3, data_format="channels_first"), layers.Flatten(), layers.Dense(7),
    ]).save(folder / "turned.keras")  # fmt: skip
    for name, model in scaled().items():
        model.save(folder / f"{name}.keras")
    two_inputs().save(folder / "two.keras")
    tf.keras.Sequential([layers.Input((12, 12, 1)), layers.Flatten(), layers.Reshape((1, 144)), layers.Dense(7)]).save(
        folder / "row.keras"
    )
    named_output().save(folder / "named.keras")
    mixed().save(folder / "mixed.keras")
    mixed().save(folder / "mixed.h5")
    own = Own()
    own(faces[0][:1])
    own.save(folder / "own", save_format="tf")
    legacy(folder / "legacy.h5")
    shutil.copyfile(folder / "legacy.h5", folder / "newer.h5")
    with h5py.File(folder / "newer.h5", "a") as file:
        file.attrs["keras_version"] = "3.1.0"
    (folder / "truncated.h5").write_bytes((folder / "legacy.h5").read_bytes()[:3000])
    (folder / "truncated.keras").write_bytes((folder / "renorm.keras").read_bytes()[:-100])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
