"""Attention-based fusion of the stages of a model (Chen et al., 2021)."""

from typing import Any

import keras
from keras import ops

from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.example_normalization import ExampleNormalization

# As in the paper's code.
_NORMALISATION = {"momentum": 0.9, "epsilon": 1e-5}


def enlarge(maps, old_shape, new_shape):
    """Repeats or leaves out positions, to the nearest neighbour.

    Args:
        maps: `(batch, height, width, channels)`.
        old_shape: Their shape, of known sizes.
        new_shape: A shape of the sizes to have.
    """
    for axis in (1, 2):
        old, new = old_shape[axis], new_shape[axis]
        if old != new:
            # Indices of our own: backends round them in different ways.
            places = [place * old // new for place in range(new)]
            maps = ops.take(maps, places, axis=axis)
    return maps


class AttentionFusion(keras.layers.Layer):
    """Fuses a stage with what deeper ones gave, in the form of the teacher's.

    A 1x1 convolution takes the stage to `width` channels. Two gates for each
    position, from a 1x1 convolution with a sigmoid of it and what is deeper,
    weigh the sum of both. A 3x3 convolution of the sum, enlarged, is the
    answer. Batch normalisation is behind both outer convolutions.

    Args:
        width: Integer, channels of the sum.
        target_shape: The teacher's `(batch, height, width, channels)`.
        deeper_shape: The same of the next deeper stage, or `None` for the
            deepest.
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        maps: The stage, `(batch, height, width, channels)`.
        deeper: What the deeper one passed on, or `None`.
        counted: Which examples count, boolean `(batch,)`, or `None` for all.
        training: Whether statistics are those of the batch.

    Returns:
        The answer, of the teacher's shape, and what is passed on.
    """

    def __init__(
        self,
        width: int,
        target_shape: Shape,
        deeper_shape: Shape | None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width = width
        self.target_shape = target_shape
        self.deeper_shape = deeper_shape

    def build(self, maps_shape: Shape) -> None:
        options = {"dtype": self.dtype_policy}
        of_convolutions = options | {
            "use_bias": False,
            "kernel_initializer": "lecun_uniform",
        }
        # Over the last axis, a dense layer is a 1x1 convolution.
        self.narrow = keras.layers.Dense(self.width, **of_convolutions)
        self.wide = keras.layers.Conv2D(
            self.target_shape[-1],
            3,
            padding="same",
            data_format="channels_last",
            **of_convolutions,
        )
        self.narrow_norm, self.wide_norm = (
            ExampleNormalization(**_NORMALISATION, **options) for _ in range(2)
        )
        self.maps_shape = tuple(maps_shape)
        narrowed = (*maps_shape[:-1], self.width)
        self.narrow.build(maps_shape)
        self.narrow_norm.build(narrowed)
        self.wide.build((None, *self.target_shape[1:-1], self.width))
        self.wide_norm.build(self.target_shape)
        if self.deeper_shape is not None:
            self.gates = keras.layers.Dense(2, "sigmoid", **options)
            self.gates.build((*maps_shape[:-1], 2 * self.width))

    def call(
        self,
        maps: Tensor,
        deeper: Tensor | None = None,
        counted: Tensor | None = None,
        training: bool | None = False,
    ) -> tuple[Tensor, Tensor]:
        fused = self.narrow_norm(self.narrow(maps), counted, training=training)
        if self.deeper_shape is not None:
            deeper = enlarge(deeper, self.deeper_shape, self.maps_shape)
            gates = self.gates(ops.concatenate([fused, deeper], axis=-1))
            fused = gates[..., :1] * fused + gates[..., 1:] * deeper
        enlarged = enlarge(fused, self.maps_shape, self.target_shape)
        answer = self.wide_norm(self.wide(enlarged), counted, training=training)
        return answer, fused
