"""Trains the voice gate's net: mixtures made on mel power, a causal convolution net, weights as `.npz`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import lfilter

from emoedge.audio.voice_net import VoiceInput
from workbench import training

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from emoedge.audio.voice_net import Layer
    from workbench.voice_material import Material

FRAMES = 300
"""Length of one example: 6 s."""

LAYERS = ((5, 1, 32), (3, 2, 32), (3, 4, 32), (3, 8, 32), (3, 16, 32))
"""Taps, dilation and outputs of the hidden layers; together they look back 1.3 s."""

BATCH, STEPS = 32, 100


def example(
    rng: np.random.Generator, material: Material
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """One mixture: input frames (300, 40), labels (300,) and weights (300,) of its frames.

    Two in five are noise alone; speech stands in -5…20 dB of noise, or in a quiet room.
    """
    noise = _background(rng, material)
    voice, label, weight = np.zeros_like(noise), np.zeros(FRAMES, bool), np.ones(FRAMES, bool)
    if rng.random() < 0.6:
        voice, label, weight = _utterances(rng, material)
        voice *= _equaliser(rng)
        if rng.random() < 0.4:
            decay = 10 ** (-6 * 0.02 / rng.uniform(0.15, 0.9))
            voice += rng.uniform(0.05, 0.6) * lfilter([0, 1 - decay], [1, -decay], voice, axis=0)
        heard = voice[label].mean() if label.any() else 1.0
        ratio = rng.uniform(-5, 20) if rng.random() < 0.7 else rng.uniform(20, 60)
        noise *= heard / (noise.mean() + 1e-20) * 10 ** (-ratio / 10)
        buried = voice.mean(axis=1) < 0.1 * noise.mean(axis=1)
        weight &= ~(label & buried)
    crossing = 2 * np.sqrt(voice * noise) * np.clip(rng.normal(0, 0.3, voice.shape), -0.9, 0.9)
    power = np.maximum(voice + noise + crossing, 0.0) * 10 ** rng.uniform(-3, 1)
    return VoiceInput().frames(power), label.astype(np.float32), weight.astype(np.float32)


def _background(rng: np.random.Generator, material: Material) -> NDArray[np.float64]:
    pool = material.noises if rng.random() < 0.55 else material.made
    noise = _cut(rng, pool[int(rng.integers(len(pool)))]) * _equaliser(rng)
    if rng.random() < 0.2:  # two sources at once
        other = pool[int(rng.integers(len(pool)))]
        noise += _cut(rng, other) * 10 ** rng.uniform(-1, 1) * noise.mean() / (other.mean() + 1e-20)
    if rng.random() < 0.3:  # it sets in, or ends
        at = int(rng.integers(FRAMES))
        noise[at:] *= 10 ** rng.uniform(-4, 4)
    hiss = (noise.mean() + 1e-9) * 10 ** rng.uniform(-7, -2) * rng.gamma(2.0, 0.5, noise.shape)
    return np.asarray(noise + hiss)


def _utterances(
    rng: np.random.Generator, material: Material
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    voice, label, sure = np.zeros((FRAMES, 40)), np.zeros(FRAMES, bool), np.ones(FRAMES, bool)
    at = int(rng.integers(-60, 150))
    while at < FRAMES:
        row = int(rng.integers(len(material.speech)))
        clip, (speaking, certain) = material.speech[row], material.labels[row]
        head, length = max(0, -at), min(len(clip), FRAMES - at)
        if head < length:
            place = slice(max(at, 0), at + length)
            loudness = clip[speaking].mean() if speaking.any() else 1.0
            voice[place] = clip[head:length] / loudness * 10 ** rng.uniform(-0.5, 0.5)
            label[place], sure[place] = speaking[head:length], certain[head:length]
        at += len(clip) + int(rng.integers(0, 100))
    return voice, label, sure


def _cut(rng: np.random.Generator, power: NDArray[np.float32]) -> NDArray[np.float64]:
    start = int(rng.integers(max(1, len(power) - FRAMES)))
    piece = power[start : start + FRAMES].astype(np.float64)
    return np.resize(piece, (FRAMES, 40)) if len(piece) < FRAMES else piece


def _equaliser(rng: np.random.Generator) -> NDArray[np.float64]:
    knots = rng.normal(0, rng.uniform(0, 6), 6)
    return 10 ** (np.interp(np.arange(40), np.linspace(0, 39, 6), knots) / 10)


def train(
    material: Material, output: Path, *, epochs: int, seed: int, threads: int, start: Sequence[Layer] = ()
) -> None:
    """Train and write the weights (float16) to `output`; about nine seconds an epoch on one core.

    With `start`, go on from these weights at a third of the learning rate.
    """
    training.start(seed=seed, threads=threads)
    import tensorflow as tf

    layers = tf.keras.layers
    heard = layers.Input((FRAMES, 40))
    x = heard
    for taps, dilation, outputs in LAYERS:
        x = layers.Conv1D(outputs, taps, padding="causal", dilation_rate=dilation, activation="relu")(x)
        x = layers.SpatialDropout1D(0.05)(x)
    model = tf.keras.Model(heard, layers.Conv1D(1, 1)(x))
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv1D)]
    for convolution, known in zip(convolutions, start, strict=False):
        convolution.set_weights([known.kernel, known.bias])
    rate = tf.keras.optimizers.schedules.CosineDecay(1e-3 if start else 3e-3, epochs * STEPS, alpha=0.01)
    optimizer = tf.keras.optimizers.Adam(rate, clipnorm=1.0)
    loss = tf.keras.losses.BinaryCrossentropy(from_logits=True, reduction="none")

    @tf.function  # type: ignore[misc]
    def step(x: tf.Tensor, y: tf.Tensor, w: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(w * loss(y[..., None], model(x, training=True))) / tf.reduce_sum(w)
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return value

    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        progress = training.Progress(epoch=epoch + 1, epochs=epochs, steps=STEPS)
        total = 0.0
        for k in range(STEPS):
            columns = zip(*(example(rng, material) for _ in range(BATCH)), strict=True)
            total += float(step(*(tf.constant(np.stack(column)) for column in columns)))
            progress.update(k + 1, loss=total / (k + 1))
        progress.done(loss=total / STEPS)
    write(convolutions, output)


def write(convolutions: list[object], output: Path) -> None:
    """Keras Conv1D layers as the `.npz` that `emoedge.audio.voice_net.read_layers` reads; atomically."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for i, layer in enumerate(convolutions):
        kernel, bias = layer.get_weights()  # type: ignore[attr-defined]
        arrays[f"kernel{i}"] = kernel.astype(np.float16)
        arrays[f"bias{i}"] = bias.astype(np.float16)
        arrays[f"dilation{i}"] = np.array(layer.dilation_rate[0])  # type: ignore[attr-defined]
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(file, **arrays)
    part.replace(output)
