"""The layers of maxout networks (Goodfellow et al., 2013)."""

import functools
from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_counts
from keras_kd._types import Shape
from keras_kd._types import Tensor


@keras.saving.register_keras_serializable("keras_kd")
class Maxout(keras.layers.Layer):
    """Keeps the largest of several linear pieces, for each unit.

    Put behind a convolution or `Dense` without activation that makes `pieces`
    times as many channels as there shall be. Unit `u` is the largest of the
    channels `u`, `u + units`, `u + 2 * units` ...

    Reference: [Goodfellow et al., 2013](https://arxiv.org/abs/1302.4389),
    section 2.

    Args:
        pieces: Integer >= 1, the number of channels that a unit is the largest
            of. With 1, nothing changes. Defaults to `2`.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, ..., pieces * units)`.

    Returns:
        `(batch, ..., units)`.

    Raises:
        ValueError: If `pieces` is below 1, or the channels are not a multiple
            of it.

    Example:
    >>> layer = keras_kd.models.Maxout(pieces=2)
    >>> layer(np.array([[1.0, 5.0, 3.0, 4.0]])).numpy().tolist()
    [[3.0, 5.0]]
    """

    def __init__(self, pieces: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        check_count("pieces", pieces, "what each unit is the largest of")
        self.pieces = pieces
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        self._units(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        # A maximum over a last axis of `pieces` takes four times as long on a
        # CPU, and the reshape before it needs to know the size of the image.
        return functools.reduce(
            ops.maximum, ops.split(inputs, self.pieces, axis=-1)
        )

    def compute_output_shape(
        self, input_shape: Shape
    ) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self._units(input_shape))

    def _units(self, input_shape):
        channels = input_shape[-1]
        if channels is None or channels % self.pieces:
            raise ValueError(
                "The number of channels must be a multiple of `pieces`, since "
                "each unit has the same number of pieces. Received: "
                f"pieces={self.pieces}, input of shape {tuple(input_shape)}."
            )
        return channels // self.pieces

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"pieces": self.pieces}


@keras.saving.register_keras_serializable("keras_kd")
class CeilMaxPooling2D(keras.layers.Layer):
    """Maximum over windows, of which the last may stick out of the map.

    Where the windows do not end with the map, `keras.layers.MaxPooling2D`
    drops what is left; this has one more window with what there is. Maxout
    networks were made with such a pooling, and have other sizes without it.

    Args:
        pool_size: Integer, height and width of a window.
        strides: Integer, at most `pool_size`, from one window to the next.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Images of known size, `(batch, height, width, channels)`.

    Returns:
        `(batch, ceil((height - pool_size) / strides) + 1, ..., channels)`.

    Raises:
        ValueError: If `strides` is above `pool_size`, or the size of the
            images is not known.

    Example:
    >>> layer = keras_kd.models.CeilMaxPooling2D(pool_size=4, strides=2)
    >>> layer.compute_output_shape((None, 21, 21, 48))
    (None, 10, 10, 48)
    """

    def __init__(
        self,
        pool_size: int | tuple[int, int],
        strides: int | tuple[int, int],
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_counts("pixels", pool_size=pool_size, strides=strides)
        if strides > pool_size:
            raise ValueError(
                "`strides` must be from 1 to `pool_size`, since windows leave "
                f"nothing out. Received: strides={strides!r}, "
                f"pool_size={pool_size!r}."
            )
        self.pool_size = pool_size
        self.strides = strides

    def build(self, input_shape: Shape) -> None:
        self._lengths(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        lengths = self._lengths(inputs.shape)
        ends = [
            (0, (count - 1) * self.strides + self.pool_size - length)
            for count, length in zip(lengths, inputs.shape[1:3], strict=True)
        ]
        if ends != [(0, 0), (0, 0)]:
            inputs = ops.pad(
                inputs, [(0, 0), *ends, (0, 0)], constant_values=-float("inf")
            )
        return ops.max_pool(
            inputs,
            self.pool_size,
            self.strides,
            data_format="channels_last",
        )

    def compute_output_shape(
        self, input_shape: Shape
    ) -> tuple[int | None, ...]:
        batch, _, _, channels = input_shape
        return (batch, *self._lengths(input_shape), channels)

    def _lengths(self, input_shape):
        if len(input_shape) != 4 or None in input_shape[1:3]:
            raise ValueError(
                "The input must be images of known size, since the last "
                "window depends on it. Received: input of shape "
                f"{tuple(input_shape)}. Give the model an `Input` with it."
            )
        return [
            max(0, -(-(length - self.pool_size) // self.strides)) + 1
            for length in input_shape[1:3]
        ]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "pool_size": self.pool_size,
            "strides": self.strides,
        }
