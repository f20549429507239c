"""Batch normalisation by the examples that count."""

from typing import Any

import keras
from keras import ops

from keras_kd._types import Shape
from keras_kd._types import Tensor


class ExampleNormalization(keras.layers.Layer):
    """Normalises channels by the statistics of the examples that count.

    It gives what `keras.layers.BatchNormalization` gives with a mask, without
    passes over the maps for that mask, and marks nothing with it. A batch in
    which no example counts leaves the moving statistics.

    Args:
        momentum: Float, the part of a moving statistic that a step leaves.
        epsilon: Float, added to variances.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        maps: `(batch, height, width, channels)`, finite.
        counted: Which examples count, boolean `(batch,)`, or `None` for all.
        training: Whether statistics are those of the batch.

    Returns:
        The same shape.
    """

    def __init__(self, momentum: float, epsilon: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, maps_shape: Shape) -> None:
        self.gamma, self.beta, self.moving_mean, self.moving_variance = (
            self.add_weight(
                shape=(maps_shape[-1],),
                initializer=initializer,
                trainable=is_trained,
                # All replicas see the whole batch.
                aggregation=None if is_trained else "only_first_replica",
                name=name,
            )
            for name, initializer, is_trained in (
                ("gamma", "ones", True),
                ("beta", "zeros", True),
                ("moving_mean", "zeros", False),
                ("moving_variance", "ones", False),
            )
        )

    def call(
        self,
        maps: Tensor,
        counted: Tensor | None = None,
        training: bool | None = False,
    ) -> Tensor:
        moving = (self.moving_mean, self.moving_variance)
        mean, variance = map(ops.convert_to_tensor, moving)
        if training:
            if counted is None:
                counted = ops.ones_like(maps[:, 0, 0, 0], "bool")
            found = _moments(maps, ops.cast(counted, maps.dtype))
            for variable, new in zip(moving, found, strict=True):
                old = ops.convert_to_tensor(variable)
                step = (1 - self.momentum) * ops.stop_gradient(new - old)
                variable.assign(ops.where(ops.any(counted), old + step, old))
            mean, variance = found
        scale = self.gamma / ops.sqrt(variance + self.epsilon)
        return maps * scale + (self.beta - mean * scale)


def _moments(maps, weights):
    """Mean and variance of each channel, over examples of weight 1."""
    share = ops.divide_no_nan(weights, ops.sum(weights))[:, None]

    def average(numbers):
        return ops.sum(share * ops.mean(numbers, axis=(1, 2)), axis=0)

    mean = average(maps)
    return mean, average(ops.square(maps - mean))
