"""Convolutional networks of maxout units."""

import dataclasses
from collections.abc import Sequence

import keras

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_counts
from keras_kd._core.arguments import check_image_shape
from keras_kd._core.arguments import check_part
from keras_kd._core.arguments import check_positive
from keras_kd._core.kinds import check_flag
from keras_kd._core.kinds import check_list
from keras_kd._core.maxout import CeilMaxPooling2D
from keras_kd._core.maxout import Maxout

# Romero et al., 2015: all weights are drawn from this.
PAPER_RANGE = 0.005


@dataclasses.dataclass(frozen=True)
class MaxoutBlock:
    """A convolution, a maximum over its pieces, and a pooling.

    Attributes:
        channels: Number of maxout units.
        kernel_size: Height and width of the kernels. Defaults to `3`.
        padding: Zeros on each side of the image. Defaults to `1`.
        pieces: Linear pieces of each unit. Defaults to `2`.
        pool_size: Height and width of a window of the maximum pooling.
            Defaults to `1`, none; `0` is all of the map.
        pool_strides: From one window to the next. Defaults to `None`,
            `pool_size`. Smaller ones make windows overlap.
        max_norm: Largest norm of a kernel, all weights of one piece of one
            unit. Defaults to `None`, any.
    """

    channels: int
    kernel_size: int = 3
    padding: int = 1
    pieces: int = 2
    pool_size: int = 1
    pool_strides: int | None = None
    max_norm: float | None = None

    def __post_init__(self) -> None:
        check_counts(
            "channels, pixels or pieces",
            channels=self.channels,
            kernel_size=self.kernel_size,
            pieces=self.pieces,
        )
        check_counts(
            "pixels", 0, padding=self.padding, pool_size=self.pool_size
        )
        check_count("pool_strides", self.pool_strides, "pixels", 1, True)
        _check_norm("max_norm", self.max_norm)


def _check_norm(name, value):
    if value is not None:
        check_positive(name, value, "the largest norm of a kernel")


def maxout_convnet(
    image_shape: Sequence[int],
    num_classes: int,
    blocks: Sequence[MaxoutBlock],
    *,
    dense_units: int = 0,
    dense_pieces: int = 2,
    dense_max_norm: float | None = None,
    kernel_initializer: str | keras.initializers.Initializer | None = None,
    batch_normalization: bool = False,
    dropout: float = 0.0,
    name: str | None = None,
) -> keras.Sequential:
    """Builds a convolutional network of maxout units.

    The outputs of the blocks are layers named `"block1"`, `"block2"` ..., for
    taps; each is behind the pooling, if the block has one. A dense layer of
    maxout units is `"dense"`, and the last layer is `"logits"`.

    Args:
        image_shape: `(height, width, channels)`.
        num_classes: Number of logits at the end.
        blocks: A `MaxoutBlock` for each convolution.
        dense_units: Number of maxout units between the last block and the
            logits. Defaults to `0`, no such layer.
        dense_pieces: Linear pieces of each of these. Defaults to `2`.
        dense_max_norm: Largest norm of the weights into one of these pieces,
            or into a logit. Defaults to `None`, any.
        kernel_initializer: Of all kernels. `None`, the default, is the
            uniform distribution from -0.005 to 0.005 of FitNets, which is
            hard to train deep networks from, and made for `max_norm` and
            RMSProp. `"he_normal"` is the usual choice otherwise.
        batch_normalization: Whether to normalise each piece. Defaults to
            `False`.
        dropout: Rate of dropout behind each block. Defaults to `0.0`.
        name: Name of the model. Defaults to one that Keras chooses.

    Returns:
        A built `keras.Sequential` from images to logits.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If `image_shape` does not have three axes, `blocks` is
            empty, or a number is out of range.

    Example:

    >>> from keras_kd import models
    >>> blocks = [models.MaxoutBlock(4), models.MaxoutBlock(8, pool_size=2)]
    >>> model = models.maxout_convnet((8, 8, 1), 10, blocks)
    >>> keras_kd.taps.names(model)[:5]
    ['block1_conv', 'block1', 'block2_conv', 'block2_maxout', 'block2']
    """
    check_image_shape(image_shape)
    if not check_list("blocks", blocks, "`MaxoutBlock`s"):
        raise ValueError(
            "`blocks` must have at least one entry, one per convolution. "
            f"Received: blocks={blocks!r}."
        )
    check_counts(
        "classes or pieces", num_classes=num_classes, dense_pieces=dense_pieces
    )
    check_count("dense_units", dense_units, "units", 0)
    for block in blocks:
        if not isinstance(block, MaxoutBlock):
            raise TypeError(
                "`blocks` must be a list of `MaxoutBlock`s, one per "
                f"convolution. Received: {block!r} of type "
                f"{type(block).__name__}."
            )
    _check_norm("dense_max_norm", dense_max_norm)
    check_part("dropout", dropout, "a part of the units", zero=True)
    check_flag("batch_normalization", batch_normalization, "what is normalised")
    style = _Style(kernel_initializer, batch_normalization)
    layers = [keras.Input(tuple(image_shape))]
    for index, block in enumerate(blocks, start=1):
        if dropout and index > 1:
            layers.append(keras.layers.Dropout(dropout, name=f"drop{index}"))
        layers += _block_layers(f"block{index}", block, style)
    layers.append(
        keras.layers.Flatten(data_format="channels_last", name="flatten")
    )
    if dropout:
        layers.append(keras.layers.Dropout(dropout, name="drop_flat"))
    if dense_units:
        linear = keras.layers.Dense(
            dense_units * dense_pieces,
            name="dense_linear",
            **style.kernel(dense_max_norm, axis=0),
        )
        layers += _maxout("dense", linear, dense_pieces, style)
    layers.append(
        keras.layers.Dense(
            num_classes,
            # Logits in half precision would overflow in a softmax.
            dtype="float32",
            name="logits",
            **style.kernel(dense_max_norm, axis=0),
        )
    )
    return keras.Sequential(layers, name=name)


@dataclasses.dataclass(frozen=True)
class _Style:
    """Settings that all layers of a network share."""

    kernel_initializer: object
    batch_normalization: bool

    def kernel(self, max_norm, axis):
        """Arguments for the kernel of a layer."""
        initializer = self.kernel_initializer
        if initializer is None:
            initializer = keras.initializers.RandomUniform(
                -PAPER_RANGE, PAPER_RANGE
            )
        elif isinstance(initializer, keras.initializers.Initializer):
            # One object gives kernels of one shape the same values.
            initializer = initializer.clone()
        constraint = None
        if max_norm is not None:
            constraint = keras.constraints.MaxNorm(max_norm, axis=axis)
        return {
            "kernel_initializer": initializer,
            "kernel_constraint": constraint,
        }


def _block_layers(name, block, style):
    """The layers of a block, the last of them under its name."""
    is_same = 2 * block.padding == block.kernel_size - 1
    layers = []
    if block.padding and not is_same:
        layers.append(
            keras.layers.ZeroPadding2D(
                block.padding, data_format="channels_last", name=f"{name}_pad"
            )
        )
    convolution = keras.layers.Conv2D(
        block.channels * block.pieces,
        block.kernel_size,
        padding="same" if is_same else "valid",
        data_format="channels_last",
        name=f"{name}_conv",
        **style.kernel(block.max_norm, axis=[0, 1, 2]),
    )
    if block.pool_size == 1:
        return [*layers, *_maxout(name, convolution, block.pieces, style)]
    layers += _maxout(f"{name}_maxout", convolution, block.pieces, style)
    if block.pool_size:
        strides = block.pool_strides or block.pool_size
        pooling = CeilMaxPooling2D(block.pool_size, strides, name=name)
    else:
        pooling = keras.layers.GlobalMaxPooling2D(
            data_format="channels_last", keepdims=True, name=name
        )
    return [*layers, pooling]


def _maxout(name, linear, pieces, style):
    """A linear layer and the maximum over its pieces."""
    layers = [linear]
    if style.batch_normalization:
        layers.append(
            keras.layers.BatchNormalization(
                axis=-1, name=f"{linear.name}_normalization"
            )
        )
    return [*layers, Maxout(pieces, name=name)]
