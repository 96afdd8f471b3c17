"""Trains the net that tells upright faces from everything else: Adam on the logistic loss, in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from emoedge.messages import Box
from emoedge.vision.crop import square
from emoedge.vision.likeness import FEATURES, SIDE, LikenessNet, features
from workbench import no_faces, scenes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]

HIDDEN = 64
REFUSED = 0.02
"""Share of held-out faces that a likeness of 0.5 refuses."""

UPRIGHT = 18.0
"""Degrees: how far a head that is followed may roll."""

OVERTURNED = (75.0, 285.0)
"""Degrees between which a face lies on its side or stands on its head."""

BATCH, RATE, DECAY = 256, 1e-3, 1e-4


def upright(face: Gray, generator: Generator) -> Gray:
    """A face as a detector would frame it on a good or a bad camera."""
    view = _turned(face, generator.uniform(-UPRIGHT, UPRIGHT), generator)
    chance = generator.random()
    if chance < 0.15:
        view = cv2.GaussianBlur(view, (0, 0), generator.uniform(0.5, 1.6))
    elif chance < 0.3:
        view = np.clip(view + generator.normal(0, generator.uniform(2, 12), view.shape), 0, 255).astype(np.uint8)
    elif chance < 0.45:
        view = cv2.convertScaleAbs(view, alpha=generator.uniform(0.35, 0.9))
    return view[:, ::-1].copy() if generator.random() < 0.5 else np.asarray(view, dtype=np.uint8)


def overturned(face: Gray, generator: Generator) -> Gray:
    """A face on its side, or, half of the time, on its head."""
    degrees = generator.normal(180, 12) if generator.random() < 0.5 else generator.uniform(*OVERTURNED)
    return _turned(face, degrees, generator)


def beside(face: Gray, generator: Generator) -> Gray:
    """What a box shows that has slipped off the face, to the hair, the neck or the wall, or into it."""
    who = scenes.head(face, generator)
    (x, y), side = who.face.centre, who.face.width
    angle = generator.uniform(0, 2 * np.pi)
    far, scale = generator.uniform(0.6, 1.4), generator.uniform(0.6, 1.5)
    if generator.random() < 0.3:
        far, scale = generator.uniform(0.0, 0.35), generator.uniform(0.25, 0.45)
    x, y, size = x + far * side * np.cos(angle), y + far * side * np.sin(angle), scale * side
    wall = cv2.resize(no_faces.wall(generator), who.picture.shape[::-1], interpolation=cv2.INTER_LINEAR)
    share = who.opaque.astype(np.float32) / np.float32(255)
    picture = np.asarray(cv2.blendLinear(who.picture, wall, share, 1 - share), dtype=np.uint8)
    cut = square(picture, Box(x - size / 2, y - size / 2, size, size))
    return np.asarray(cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _turned(face: Gray, degrees: float, generator: Generator) -> Gray:
    middle = (face.shape[0] - 1) / 2
    scale = float(np.exp(generator.normal(-0.03, 0.12))) * SIDE / face.shape[0]
    turn = cv2.getRotationMatrix2D((middle, middle), degrees, scale)
    turn[:, 2] += (SIDE - 1) / 2 - middle + generator.normal(0, 1.5, 2)
    return np.asarray(cv2.warpAffine(face, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)


def others(count: int, generator: Generator, without: Collection[str] = ()) -> Iterable[Gray]:
    """`count` crops of each kind that needs no face."""
    for name, draw in no_faces.CASES.items():
        if name not in without:
            for _ in range(count):
                yield cv2.resize(draw(generator), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def train(
    faces: NDArray[np.uint8], held: NDArray[np.uint8], *, epochs: int, seed: int, drawn: int,
    without: Collection[str] = (),
) -> LikenessNet:  # fmt: skip
    """A net trained on these faces, its threshold set on the ones held out (uint8, N x 48 x 48 gray).

    `drawn`: crops of each kind of `no_faces.CASES`, but for those of `without`, and twice as many beside faces. Every
    face is shown upright and overturned. Raises ValueError where there are no faces.
    """
    if not len(faces) or not len(held):
        raise ValueError("too few faces to train on")
    generator = np.random.default_rng(seed)
    rows = [features(upright(face, generator)) for face in faces]
    good = len(rows)
    rows += [features(overturned(face, generator)) for face in faces]
    rows += [features(beside(face, generator)) for face in faces[generator.permutation(len(faces))[: 2 * drawn]]]
    rows += [features(crop) for crop in others(drawn, generator, without)]
    inputs, truth = np.stack(rows), np.zeros(len(rows), dtype=np.float32)
    truth[:good] = 1
    net = _fitted(inputs, truth, epochs, generator)
    said = np.array([net(face) for face in held])
    threshold = float(np.quantile(np.log(said / (1 - said)), REFUSED))
    return LikenessNet(net.hidden, net.hidden_bias, net.output, net.output_bias - threshold)


def _fitted(
    inputs: NDArray[np.float32], truth: NDArray[np.float32], epochs: int, generator: Generator
) -> LikenessNet:
    kernel = generator.normal(0, np.sqrt(2 / FEATURES), (FEATURES, HIDDEN)).astype(np.float32)
    weights = [kernel, np.zeros(HIDDEN, np.float32), np.zeros(HIDDEN, np.float32), np.zeros(1, np.float32)]
    weights[2] += generator.normal(0, np.sqrt(1 / HIDDEN), HIDDEN).astype(np.float32)
    first = [np.zeros_like(w) for w in weights]
    second = [np.zeros_like(w) for w in weights]
    step, steps = 0, epochs * (len(inputs) // BATCH)
    for _ in range(epochs):
        order = generator.permutation(len(inputs))
        for start in range(0, len(inputs) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            x, y = inputs[chosen], truth[chosen]
            layer = np.maximum(x @ weights[0] + weights[1], 0)
            said = 1 / (1 + np.exp(-np.clip(layer @ weights[2] + weights[3][0], -30, 30)))
            wrong = (said - y) / BATCH
            back = np.outer(wrong, weights[2]) * (layer > 0)
            slopes = [x.T @ back, back.sum(axis=0), layer.T @ wrong, wrong.sum(keepdims=True)]
            step += 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / max(steps, 1)))
            scale = np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            for i, slope in enumerate(slopes):
                first[i] += 0.1 * (slope - first[i])
                second[i] += 0.001 * (slope**2 - second[i])
                pull = scale * first[i] / (np.sqrt(second[i]) + 1e-8) + DECAY * weights[i]
                weights[i] -= np.asarray(rate * pull, dtype=np.float32)
    return LikenessNet(weights[0], weights[1], weights[2], float(weights[3][0]))


def write(net: LikenessNet, path: Path) -> None:
    """Write the weights in half precision."""
    np.savez_compressed(
        path, hidden=net.hidden.astype(np.float16), hidden_bias=net.hidden_bias.astype(np.float16),
        output=net.output.astype(np.float16), output_bias=np.float32(net.output_bias),
    )  # fmt: skip


def passed(net: LikenessNet, crops: Iterable[Gray]) -> float:
    """Share of crops (gray, square) that it takes for faces."""
    said = [net(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA)) >= 0.5 for crop in crops]
    return float(np.mean(said))
