"""The networks of FitNets (Romero et al., 2015), and their teachers."""

import dataclasses
from typing import Any

import keras

from keras_kd._core.kinds import check_flag
from keras_kd.models.maxout_convnet import MaxoutBlock
from keras_kd.models.maxout_convnet import maxout_convnet

_IMAGE_SHAPES = {"cifar10": (32, 32, 3), "mnist": (28, 28, 1)}

# The paper's table of architectures: channels of the convolutions of the three
# stages, each of which ends in a pooling.
_STAGES = {
    "fitnet1": ((16, 16, 16), (32, 32, 32), (48, 48, 64)),
    "fitnet2": ((16, 32, 32), (48, 64, 80), (96, 96, 128)),
    "fitnet3": ((32, 48, 64, 64), (80,) * 4, (128,) * 3),
    "fitnet4": ((32, 32, 32, 48, 48), (80,) * 6, (128,) * 6),
}

# Kernel sizes, poolings and norms: the authors' released configuration.
_MNIST_STUDENT = (
    MaxoutBlock(16, 5, 0, max_norm=0.9),
    MaxoutBlock(16, 3, 0, pool_size=4, pool_strides=2, max_norm=0.9),
    MaxoutBlock(16, 5, 3, max_norm=1.9365),
    MaxoutBlock(16, 3, 0, pool_size=4, pool_strides=2, max_norm=1.9365),
    MaxoutBlock(12, 3, 3, max_norm=1.9365),
    MaxoutBlock(12, 3, 0, pool_size=2, max_norm=1.9365),
)

# Those of Goodfellow et al., 2013, in their released configurations.
_TEACHERS = {
    "cifar10": (
        MaxoutBlock(96, 8, 4, pool_size=4, pool_strides=2, max_norm=0.9),
        MaxoutBlock(192, 8, 3, pool_size=4, pool_strides=2, max_norm=1.9365),
        MaxoutBlock(192, 5, 3, pool_size=2, max_norm=1.9365),
    ),
    "mnist": (
        MaxoutBlock(48, 8, 0, pool_size=4, pool_strides=2, max_norm=0.9),
        MaxoutBlock(48, 8, 3, pool_size=4, pool_strides=2, max_norm=1.9365),
        MaxoutBlock(24, 5, 3, pool_size=2, max_norm=1.9365),
    ),
}
_DENSE_UNITS = 500
_DENSE_MAX_NORM = 1.9365


def maxout_fitnet(
    architecture: str,
    *,
    image_shape: tuple[int, int, int] | None = None,
    num_classes: int = 10,
    dense_pieces: int = 2,
    max_norm: bool = True,
    **kwargs: Any,
) -> keras.Sequential:
    """Builds a thin, deep student of the FitNets paper.

    | architecture | convolutions | weights | paper | guided, by the teacher |
    |--------------|--------------|---------|-------|------------------------|
    | `"fitnet1"`  | 9            | 250K    | 250K  | `block6`, by `block2`  |
    | `"fitnet2"`  | 9, wider     | 862K    | 862K  | `block6`, by `block2`  |
    | `"fitnet3"`  | 11           | 1.50M   | 1.6M  | `block8`, by `block2`  |
    | `"fitnet4"`  | 17           | 2.54M   | 2.5M  | `block11`, by `block2` |
    | `"mnist"`    | 6            | 30K     | 30K   | `block4`, by `block2`  |

    Channels and taps are the paper's, and weights are counted as there,
    without biases. Where we had to choose the number of pieces, two make all
    counts but that of `"fitnet3"` come out: in the dense layer, and in the
    last two convolutions of `"mnist"`, which have four, and 36K weights, in
    the released configuration.

    Reference: [Romero et al., 2015](https://arxiv.org/abs/1412.6550),
    section 3.

    Args:
        architecture: `"fitnet1"` to `"fitnet4"`, for CIFAR-10 and images
            like these, or `"mnist"`.
        image_shape: `(height, width, channels)`. Defaults to `None`, that of
            the data set.
        num_classes: Number of logits. Defaults to `10`.
        dense_pieces: Pieces of the units between the last convolution and the
            logits; there are none in `"mnist"`. Defaults to `2`; the released
            configuration of a net with 17 convolutions has 5.
        max_norm: Whether to bound the norm of the kernels as the released
            configurations do. Defaults to `True`; with batch normalisation,
            `False` is the usual choice.
        **kwargs: Passed to `maxout_convnet`: `kernel_initializer`,
            `batch_normalization`, `dropout`, `name`.

    Returns:
        A built `keras.Sequential` with the taps of `maxout_convnet`.

    Raises:
        ValueError: If there is no such architecture.

    Example:

    >>> student = keras_kd.models.maxout_fitnet("mnist")
    >>> student.count_params()
    30130
    """
    _check(architecture, (*_STAGES, "mnist"))
    if architecture == "mnist":
        blocks, dense_units, data = _MNIST_STUDENT, 0, "mnist"
    else:
        blocks = [
            MaxoutBlock(channels, max_norm=0.9, pool_size=pool_size)
            for pool, stage in zip(
                (2, 2, 0), _STAGES[architecture], strict=True
            )
            for channels, pool_size in zip(
                stage, (1,) * (len(stage) - 1) + (pool,), strict=True
            )
        ]
        dense_units, data = _DENSE_UNITS, "cifar10"
    return _build(
        blocks,
        _IMAGE_SHAPES[data] if image_shape is None else image_shape,
        num_classes,
        max_norm,
        dense_units=dense_units,
        dense_pieces=dense_pieces,
        **kwargs,
    )


def maxout_teacher(
    architecture: str,
    *,
    image_shape: tuple[int, int, int] | None = None,
    num_classes: int = 10,
    dense_pieces: int = 5,
    max_norm: bool = True,
    **kwargs: Any,
) -> keras.Sequential:
    """Builds the wide, shallow teacher of a FitNet.

    Three maxout convolutions with pooling whose windows overlap, after
    [Goodfellow et al., 2013](https://arxiv.org/abs/1302.4389). The hint comes
    from `block2`.

    With `"mnist"` it has 361K weights, as the FitNets paper says, for which
    the last convolution has two pieces, not four as in 2013. With `"cifar10"`
    it has 16.2M; the paper says 9M, which come out with `dense_pieces=2`,
    though its text has 5.

    Args:
        architecture: `"cifar10"` or `"mnist"`.
        image_shape: `(height, width, channels)`. Defaults to `None`, that of
            the data set.
        num_classes: Number of logits. Defaults to `10`.
        dense_pieces: Pieces of the 500 units between the last convolution and
            the logits; there are none in `"mnist"`. Defaults to `5`.
        max_norm: Whether to bound the norm of the kernels as the released
            configurations do. Defaults to `True`.
        **kwargs: Passed to `maxout_convnet`: `kernel_initializer`,
            `batch_normalization`, `dropout`, `name`. The original had
            `dropout=0.5`, and dropped a fifth of the pixels.

    Returns:
        A built `keras.Sequential` with the taps of `maxout_convnet`.

    Raises:
        ValueError: If there is no such architecture.

    Example:

    >>> teacher = keras_kd.models.maxout_teacher("mnist")
    >>> teacher.count_params()
    361066
    """
    _check(architecture, tuple(_TEACHERS))
    return _build(
        _TEACHERS[architecture],
        _IMAGE_SHAPES[architecture] if image_shape is None else image_shape,
        num_classes,
        max_norm,
        dense_units=_DENSE_UNITS if architecture == "cifar10" else 0,
        dense_pieces=dense_pieces,
        **kwargs,
    )


def _check(architecture, known):
    if architecture not in known:
        raise ValueError(
            f"`architecture` must be one of {', '.join(known)}. Received: "
            f"architecture={architecture!r}. For others, use "
            "`maxout_convnet`."
        )


def _build(blocks, image_shape, num_classes, max_norm, **kwargs):
    check_flag("max_norm", max_norm, "whether norms are bounded")
    if not max_norm:
        blocks = [dataclasses.replace(b, max_norm=None) for b in blocks]
    return maxout_convnet(
        image_shape,
        num_classes,
        blocks,
        dense_max_norm=_DENSE_MAX_NORM if max_norm else None,
        **kwargs,
    )
