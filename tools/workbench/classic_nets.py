"""The networks of five classic systems, as their descriptions give them; where one is silent, see each docstring.

All take what an emoedge front end makes and end in one layer of as many units as there are labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _layers() -> tuple[Any, Any]:
    import tensorflow as tf

    return tf.keras, tf.keras.layers


def mobilenet_face(classes: int = 6, side: int = 224) -> Any:
    """System A's face: MobileNetV2 (Sandler et al. 2018) from random weights, its top replaced.

    Input side x side x 3 in -1..1, as the network's own preprocessing makes it.
    """
    keras, layers = _layers()
    trunk = keras.applications.MobileNetV2(
        input_shape=(side, side, 3), include_top=False, weights=None, pooling="avg"
    )
    return keras.Model(trunk.input, layers.Dense(classes, activation="softmax")(trunk.output), name="a_face")


def nine_layer_speech(classes: int = 6, features: int = 162) -> Any:
    """System A's speech: nine Conv1D (kernel 5, ReLU), dropout and max-pooling (stride 2) after every third.

    Not given: filters (256, 128, 64 a group), padding (same), dropout (0.2), pool width (5).
    """
    keras, layers = _layers()
    model = keras.Sequential([layers.Input((features, 1))], name="a_speech")
    for filters in (256, 128, 64):
        for _ in range(3):
            model.add(layers.Conv1D(filters, 5, padding="same", activation="relu"))
        model.add(layers.Dropout(0.2))
        model.add(layers.MaxPooling1D(5, strides=2, padding="same"))
    model.add(layers.Flatten())
    model.add(layers.Dense(classes, activation="softmax"))
    return model


def small_face(classes: int = 7) -> Any:
    """System B's face: rescaling, flip and rotation inside, batch normalisation with renorm.

    Input 48 x 48 x 1, gray levels 0..255.
    """
    keras, layers = _layers()
    return keras.Sequential(
        [
            layers.Input((48, 48, 1)),
            layers.Rescaling(1 / 255),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.05),
            layers.BatchNormalization(renorm=True),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.BatchNormalization(renorm=True),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ],
        name="b_face",
    )


def band_mean_speech(classes: int = 8, frames: int = 259) -> Any:
    """System B's speech: three Conv1D on the frames' mean over the log-mel bands, eight sigmoids at the end.

    Not given: activation (ReLU), padding (valid).
    """
    keras, layers = _layers()
    return keras.Sequential(
        [
            layers.Input((frames, 1)),
            layers.Conv1D(64, 10, activation="relu"),
            layers.Conv1D(128, 10, activation="relu", kernel_regularizer=keras.regularizers.l2(0.01)),
            layers.MaxPooling1D(8),
            layers.Dropout(0.4),
            layers.Conv1D(128, 10, activation="relu"),
            layers.MaxPooling1D(8),
            layers.Dropout(0.4),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.4),
            layers.Dense(classes, activation="sigmoid"),
        ],
        name="b_speech",
    )


def gru_speech(classes: int = 8, frames: int = 259) -> Any:
    """System B's variant `gru`: four GRU(50) layers with dropout 0.2 between them, softmax."""
    keras, layers = _layers()
    model = keras.Sequential([layers.Input((frames, 1))], name="b_speech_gru")
    for last in (False, False, False, True):
        model.add(layers.GRU(50, return_sequences=not last))
        model.add(layers.Dropout(0.2))
    model.add(layers.Dense(classes, activation="softmax"))
    return model


def lstm_speech(classes: int = 8, coefficients: int = 40) -> Any:
    """System B's variant `lstm`: LSTM(128) on the means of 40 MFCCs, then dense 64, 32 and the classes.

    Not given: activation (ReLU), dropout (0.2).
    """
    keras, layers = _layers()
    return keras.Sequential(
        [
            layers.Input((coefficients, 1)),
            layers.LSTM(128),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(classes, activation="softmax"),
        ],
        name="b_speech_lstm",
    )


def gray_face(classes: int = 7) -> Any:
    """System C's face: three Conv2D blocks on a gray crop in 0..1; nothing about its size is given."""
    keras, layers = _layers()
    model = keras.Sequential([layers.Input((48, 48, 1))], name="c_face")
    for filters in (32, 64, 128):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.BatchNormalization())
        model.add(layers.MaxPooling2D())
        model.add(layers.Dropout(0.25))
    model.add(layers.Flatten())
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.BatchNormalization())  # without it the weighted classes drive all its units below zero for good
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(classes, activation="softmax"))
    return model


def pitch_speech(classes: int = 7, frames: int = 149, features: int = 15) -> Any:
    """System C's speech: a 1-D CNN over frames of [MFCC, pitch, spectral centroid]; its size is not given."""
    keras, layers = _layers()
    model = keras.Sequential([layers.Input((frames, features)), layers.BatchNormalization()], name="c_speech")
    for filters in (64, 128, 128):
        model.add(layers.Conv1D(filters, 5, padding="same", activation="relu"))
        model.add(layers.BatchNormalization())
        model.add(layers.MaxPooling1D(2))
        model.add(layers.Dropout(0.3))
    model.add(layers.GlobalAveragePooling1D())
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dropout(0.3))
    model.add(layers.Dense(classes, activation="softmax"))
    return model


def fourteen_class_speech(classes: int = 14, features: int = 2400) -> Any:
    """System D's speech: exactly 481,518 parameters with 14 classes and 2400 features.

    Not given: padding (valid; the parameter count leaves no other), dropout rate (0.3).
    """
    keras, layers = _layers()
    model = keras.Sequential([layers.Input((features, 1))], name="d_speech")
    for filters, kernel in ((8, 13), (16, 11), (32, 9), (64, 7)):
        model.add(layers.Conv1D(filters, kernel, activation="relu"))
        model.add(layers.MaxPooling1D(3))
        model.add(layers.Dropout(0.3))
    model.add(layers.Flatten())
    model.add(layers.Dense(256, activation="relu"))
    model.add(layers.Dropout(0.3))
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dropout(0.3))
    model.add(layers.Dense(classes, activation="softmax"))
    return model


def four_block_face(classes: int = 7) -> Any:
    """System D's face: four Conv2D blocks and two dense layers; only its accuracy is given.

    The usual network of that time and figure: 64, 128, 256, 256 filters, batch normalisation, dropout 0.25.
    """
    keras, layers = _layers()
    model = keras.Sequential([layers.Input((48, 48, 1))], name="d_face")
    for filters in (64, 128, 256, 256):
        model.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
        model.add(layers.MaxPooling2D())
        model.add(layers.Dropout(0.25))
    model.add(layers.Flatten())
    for units in (256, 512):
        model.add(layers.Dense(units, use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
        model.add(layers.Dropout(0.25))
    model.add(layers.Dense(classes, activation="softmax"))
    return model


def plain_face(classes: int = 7) -> Any:
    """System E's face: a plain CNN of two double blocks; nothing about its size is given."""
    keras, layers = _layers()
    model = keras.Sequential([layers.Input((48, 48, 1))], name="e_face")
    for filters in (32, 64):
        for _ in range(2):
            model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
        model.add(layers.Dropout(0.25))
    model.add(layers.Flatten())
    model.add(layers.Dense(256, activation="relu"))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(classes, activation="softmax"))
    return model


def plain_speech(classes: int = 7, coefficients: int = 40) -> Any:
    """System E's speech, CNN: two Conv1D on the means of 40 MFCCs; nothing about its size is given."""
    keras, layers = _layers()
    return keras.Sequential(
        [
            layers.Input((coefficients, 1)),
            layers.Conv1D(64, 5, padding="same", activation="relu"),
            layers.MaxPooling1D(2),
            layers.Conv1D(128, 5, padding="same", activation="relu"),
            layers.MaxPooling1D(2),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(classes, activation="softmax"),
        ],
        name="e_speech",
    )


def recurrent_speech(classes: int = 7, coefficients: int = 40) -> Any:
    """System E's speech, RNN (`lstm`): LSTM(256) and two dense layers on the means of 40 MFCCs."""
    keras, layers = _layers()
    return keras.Sequential(
        [
            layers.Input((coefficients, 1)),
            layers.LSTM(256),
            layers.Dropout(0.2),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(classes, activation="softmax"),
        ],
        name="e_speech_lstm",
    )


NETWORKS: Mapping[tuple[str, str, str], Callable[..., Any]] = {
    ("A", "face", ""): mobilenet_face,
    ("A", "speech", ""): nine_layer_speech,
    ("B", "face", ""): small_face,
    ("B", "speech", ""): band_mean_speech,
    ("B", "speech", "gru"): gru_speech,
    ("B", "speech", "lstm"): lstm_speech,
    ("C", "face", ""): gray_face,
    ("C", "speech", ""): pitch_speech,
    ("D", "face", ""): four_block_face,
    ("D", "speech", ""): fourteen_class_speech,
    ("E", "face", ""): plain_face,
    ("E", "speech", ""): plain_speech,
    ("E", "speech", "lstm"): recurrent_speech,
}
"""Builder of each (system, modality, variant)."""
