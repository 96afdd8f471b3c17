"""Learns the face network with TensorFlow, in full precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from workbench import face_net
from workbench.face_equivariance import reflected
from workbench.face_learning import DECAY, MOMENTUM, VOTES_SHARE, memory, smooth, stages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from workbench.face_learning import Batch, Goal, Weights


class TensorFlowLearner:
    """The network, its SGD with Nesterov momentum, the running average of its weights, and its teachers."""

    def __init__(self, weights: Weights, goal: Goal) -> None:
        self._goal = goal
        self._model, self._average = _network(weights, goal.dropout), _network(weights, 0.0)
        self._teachers = [_network(taught, 0.0) for taught in goal.teachers]
        self._velocity = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self._model.trainable_variables]
        self._places = _places(self._model) if goal.equivariant else []
        self._count = 0.0
        self._step = tf.function(self._learn, reduce_retracing=True)
        self._logits = tf.function(
            lambda pictures: self._average(pictures, training=False), reduce_retracing=True
        )

    def step(self, batch: Batch, rate: float) -> float:
        """Learn from one batch; returns its loss."""
        tensors = [tf.constant(part) for part in (batch[0], smooth(batch[1], self._goal.smoothing), batch[2])]
        self._count += 1
        numbers = [tf.constant(number, tf.float32) for number in (rate, memory(self._count))]
        return float(self._step(*tensors, *numbers))

    def _learn(self, pictures: Any, originals: Any, votes: Any, rate: Any, keep: Any) -> Any:
        targets = self._with_opinions(pictures, (originals, votes))
        with tf.GradientTape() as tape:
            heads = self._model(pictures, training=True)
            # Written out: TensorFlow's own function takes targets that do not sum to 1 for 1 in its gradient.
            said, crowd = (
                tf.reduce_mean(tf.reduce_sum(target * tf.nn.log_softmax(logits), axis=1))
                for target, logits in zip(targets, heads, strict=True)
            )
            loss = -(1 - VOTES_SHARE) * said - VOTES_SHARE * crowd
        variables = self._model.trainable_variables
        gradients = tape.gradient(loss, variables)
        if self._places:
            gradients = [
                (gradient + tf.gather(tf.reshape(gradient, [-1]), places)) / 2
                for gradient, places in zip(gradients, self._places, strict=True)
            ]
        for variable, gradient, velocity in zip(variables, gradients, self._velocity, strict=True):
            pull = gradient + DECAY * variable if "kernel" in variable.name else gradient
            velocity.assign(MOMENTUM * velocity + pull)
            variable.assign_sub(rate * (pull + MOMENTUM * velocity))
        for slow, fast in zip(self._average.variables, self._model.variables, strict=True):
            slow.assign_sub((1.0 - keep) * (slow - fast))
        return loss

    def _with_opinions(self, pictures: Any, targets: tuple[Any, Any]) -> tuple[Any, Any]:
        """Blend what the teachers say about these views into the targets; the weight of each row stays."""
        if not self._teachers:
            return targets
        mirror, share = self._goal.mirror, self._goal.share
        seen = [
            face_net.twice(teacher, pictures) if mirror else teacher(pictures, training=False)
            for teacher in self._teachers
        ]
        blended = []
        for head, target in enumerate(targets):
            opinion = tf.add_n([tf.nn.softmax(logits[head]) for logits in seen]) / len(seen)
            weight = tf.reduce_sum(target, axis=1, keepdims=True)
            blended.append(target * (1 - share) + opinion * weight * share)
        return blended[0], blended[1]

    def logits(self, pictures: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits of the averaged network."""
        first, second = self._logits(tf.constant(pictures))
        return first.numpy(), second.numpy()

    def averaged(self) -> Weights:
        """Weights of the averaged network."""
        return list(self._average.get_weights())

    def arrays(self) -> dict[str, Sequence[NDArray[Any]]]:
        """All that a resumed run needs."""
        return {
            "weights": self._model.get_weights(),
            "average": self._average.get_weights(),
            "velocity": [v.numpy() for v in self._velocity],
            "count": [tf.constant([self._count]).numpy()],
        }

    def restore(self, arrays: Mapping[str, Sequence[NDArray[Any]]]) -> None:
        """Take up what `arrays` gave."""
        self._model.set_weights(list(arrays["weights"]))
        self._average.set_weights(list(arrays["average"]))
        for variable, value in zip(self._velocity, arrays["velocity"], strict=True):
            variable.assign(value)
        self._count = float(arrays["count"][0][0])


def _network(weights: Weights, dropout: float) -> tf.keras.Model:
    network = face_net.build(stages(weights), dropout=dropout)
    network.set_weights(weights)
    return network


def _places(network: tf.keras.Model) -> list[NDArray[np.int64]]:
    """For each number of each trainable variable, where it comes from when the network is reflected."""
    variables = network.weights
    numbered = [np.arange(int(tf.size(v)), dtype=np.int64).reshape(v.shape) for v in variables]
    return [places for places, v in zip(reflected(numbered), variables, strict=True) if v.trainable]
