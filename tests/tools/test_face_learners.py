"""Both libraries learn the same from the same batch, and a run begun with one goes on with the other."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("EMOEDGE_TRAIN_PYTHON", str(ROOT / ".venv-train/bin/python"))
ENVIRONMENT = {
    **os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT / "tools"),
}  # fmt: skip

pytestmark = pytest.mark.train

SCRIPT = """
import importlib.util
import numpy as np
import tensorflow as tf
from workbench import face_net
from workbench.face_learning import Goal, stages
from workbench.face_tensorflow import TensorFlowLearner

layers = ((8, 1), (12, 2), (16, 1))
begin = face_net.build(layers, dropout=0.0).get_weights()
assert stages(begin) == layers
generator = np.random.default_rng(5)
pictures = generator.random((64, 37, 37, 1), dtype=np.float32)
labels = generator.integers(0, 7, 64)
originals = np.eye(7, dtype=np.float32)[labels]
votes = np.eye(8, dtype=np.float32)[labels] * generator.random((64, 1), dtype=np.float32)
teacher = [w + generator.normal(0, 0.05, w.shape).astype(np.float32) ** 2 for w in begin]

def learned(make, goal, before=None, steps=3):
    one = make(begin, goal)
    if before:
        one.restore(before)
    losses = [one.step((pictures, originals, votes), 0.05) for _ in range(steps)]
    return one, losses

makers = [TensorFlowLearner]
if importlib.util.find_spec("torch"):
    from workbench.face_torch import trunk_learner
    makers.append(lambda weights, goal: trunk_learner(weights, goal, seed=0, threads=1))
print(len(makers), "libraries")

def flat(arrays):
    return np.concatenate([np.ravel(a) for a in arrays])

looking = Goal(0.0, (teacher,), 0.7, mirror=True)
for goal in (Goal(0.0), Goal(0.0, (teacher,), 0.7), looking):
    runs = [learned(make, goal) for make in makers]
    for one, losses in runs:
        assert losses[-1] < losses[0]
        again, _ = learned(makers[0], goal, before=one.arrays(), steps=0)
        for name, group in one.arrays().items():
            np.testing.assert_allclose(flat(group), flat(again.arrays()[name]), atol=1e-6, err_msg=name)
        np.testing.assert_allclose(one.logits(pictures)[0], again.logits(pictures)[0], atol=1e-3)
    if len(runs) == 2:
        (first, a), (second, b) = runs
        np.testing.assert_allclose(a, b, rtol=0.02)
        for name in ("weights", "average", "velocity"):
            x, y = (flat(one.arrays()[name]) for one in (first, second))
            if name != "velocity":
                x, y = x - flat(begin), y - flat(begin)
            cosine = float(x @ y / np.sqrt((x @ x) * (y @ y)))
            assert cosine > 0.98, (name, cosine)

# What begins as its own mirror image stays so, with either library, and says the same at one look in a mirror.
from workbench.face_equivariance import even, reflected

begin = even(begin)
pictures = pictures[:, :32, :32]
mirrored = np.ascontiguousarray(pictures[:, :, ::-1])
runs = [learned(make, Goal(0.0, equivariant=True)) for make in makers]
for one, losses in runs:
    assert losses[-1] < losses[0]
    after = one.arrays()["weights"]
    assert np.abs(flat(after) - flat(begin)).max() > 1e-3
    for number, (weight, other) in enumerate(zip(after, reflected(after), strict=True)):
        if number % 5 in (0, 1, 2) or number >= 20:
            np.testing.assert_allclose(weight, other, atol=1e-5, err_msg=str(number))
    network = face_net.build(layers, dropout=0.0)
    network.set_weights(even(one.averaged()))
    for said, seen in zip(network(pictures), network(mirrored), strict=True):
        np.testing.assert_allclose(said, seen, atol=1e-4)
    assert np.abs(network(pictures)[0] - network(pictures[::-1])[0]).max() > 1e-3
    free = learned(makers[0], Goal(0.0))[0].arrays()["weights"]
    assert np.abs(flat(free) - flat(reflected(free))).max() > 1e-3
if len(runs) == 2:
    x, y = (flat(one.arrays()["weights"]) - flat(begin) for one, _ in runs)
    assert float(x @ y / np.sqrt((x @ x) * (y @ y))) > 0.98

from workbench import training
from workbench.face_learners import learner

# What a network that looks twice says: the mean of what it sees, not of what it says of it.
other = face_net.build(layers, dropout=0.0)
other.set_weights(teacher)
seen = tf.keras.Model(other.input, other.get_layer("mean").output)
mean = (seen(pictures) + seen(np.ascontiguousarray(pictures[:, :, ::-1]))) / 2
for head, said in zip(face_net.HEADS, face_net.twice(other, tf.constant(pictures)), strict=True):
    np.testing.assert_allclose(other.get_layer(head)(mean).numpy(), said.numpy(), atol=1e-5)
for told in (False, True):
    training.has_bfloat16 = lambda told=told: told
    chosen = learner(begin, Goal(0.0), seed=0, threads=1)
    assert isinstance(chosen, TensorFlowLearner) is not (told and len(makers) == 2), told

taught, untaught = (learned(makers[0], goal)[0].arrays()["weights"] for goal in (Goal(0.0), Goal(0.0, (teacher,), 0.7)))
assert np.abs(flat(taught) - flat(untaught)).max() > 1e-4
for wrong in (((), 0.5), ((teacher,), 0.0)):
    try:
        Goal(0.0, *wrong)
    except ValueError as error:
        print(error)
    else:
        raise AssertionError(wrong)
"""


def test_the_libraries_agree_and_hand_over():
    done = subprocess.run([PYTHON, "-c", SCRIPT], env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "0 teachers with a share of 0.5" in done.stdout
