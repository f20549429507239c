"""Optimises inputs by the gradient of an objective."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

# That of the paper's TensorFlow. Keras's own is ten times as large, and an
# objective that is a mean over many units has gradients of that size.
_EPSILON = 1e-8


class Pixels:
    """A batch of inputs, and Adam to change them.

    Args:
        objective: Has a method `values(x, targets)`.
        dropout: A `FixedDropout`.
        shape: Shape of the batch.
        learning_rate: Of Adam.
    """

    def __init__(self, objective, dropout, shape, learning_rate):
        self._objective = objective
        self._dropout = dropout
        self._x = keras.Variable(np.zeros(shape), dtype="float32")
        self._optimizer = keras.optimizers.Adam(learning_rate, epsilon=_EPSILON)
        self._optimizer.build([self._x])
        self._fresh = [v.numpy() for v in self._optimizer.variables]
        # One trace for all batches: they differ in what they are called with.
        self._run = tf.function(self._descend)

    def optimise(self, start, targets, masks, steps):
        """Optimises from a start, with a fresh optimizer.

        Args:
            start: float32 array of the batch's shape.
            targets: Arrays for the objective.
            masks: Arrays for the dropout.
            steps: Number of updates.

        Returns:
            `(x, first, last)`: the optimised array, and the objective of each
            input before and after, `(batch,)`.
        """
        self._x.assign(start)
        for variable, value in zip(
            self._optimizer.variables, self._fresh, strict=True
        ):
            variable.assign(value)
        tensors = [[tf.constant(a) for a in part] for part in (targets, masks)]
        first, last = self._run(*tensors, tf.constant(steps))
        x = ops.convert_to_numpy(self._x).copy()
        return x, first.numpy(), last.numpy()

    def _descend(self, targets, masks, steps):
        first = self._values(targets, masks)
        for _ in tf.range(steps):
            self._step(targets, masks)
        return first, self._values(targets, masks)

    def _values(self, targets, masks):
        with self._dropout.applied(masks):
            return self._objective.values(self._x.value, targets)

    def _step(self, targets, masks):
        # The teacher's weights are variables too, and none of them is watched.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._x.value)
            # A sum: what happens to an input does not depend on the others.
            total = ops.sum(self._values(targets, masks))
        gradient = tape.gradient(total, self._x.value)
        self._optimizer.apply([gradient], [self._x])
