"""Wide residual networks for small images."""

from collections.abc import Sequence

import keras

from keras_kd._core.arguments import check_counts
from keras_kd._core.arguments import check_image_shape

NUM_GROUPS = 3
# A network of depth 6n + 4 has n blocks of two convolutions per group. The
# other four: the first one, and a shortcut per group, as its authors count.
CONVOLUTIONS_PER_BLOCK = 2
OTHERS = 4


def wide_resnet(
    image_shape: Sequence[int],
    num_classes: int,
    depth: int,
    width: int,
    name: str | None = None,
    first_channels: int = 16,
) -> keras.Model:
    """Builds a residual network whose taps are the ends of its groups.

    The first convolution has 16 channels, the three groups of blocks `16 *
    width`, `32 * width` and `64 * width`; the second and the third halve the
    image. A block normalises and activates before each of its two
    convolutions. The sums at the ends of the groups are layers named
    `"group1"`, `"group2"`, `"group3"`: for attention transfer, which compares
    them before the normalisation and activation that follow.

    For CIFAR, 16-1 has 0.2 million parameters, 16-2 0.7, 40-1 0.6 and 40-2
    2.2, as `depth`-`width`.

    Reference: [Zagoruyko and Komodakis, 2016](
    https://arxiv.org/abs/1605.07146).

    Args:
        image_shape: `(height, width, channels)`.
        num_classes: Number of logits at the end.
        depth: `6n + 4` for `n` blocks in each group: 10, 16, 22, 28, 40 ...
        width: Factor on the channels of the groups.
        name: Name of the model. Defaults to one that Keras chooses.
        first_channels: Channels of the first convolution, that of the groups
            is a multiple. Defaults to `16`, as published; fewer make a net
            that trains in seconds.

    Returns:
        A built `keras.Model` from images to float32 logits.

    Raises:
        ValueError: If `image_shape` does not have three axes, `depth` is not
            of that form, or `width` or `first_channels` is below 1.

    Example:

    >>> model = keras_kd.models.wide_resnet((8, 8, 3), 10, depth=10, width=1)
    >>> [model.get_layer(f"group{n}").output.shape[1:] for n in (1, 2, 3)]
    [(8, 8, 16), (4, 4, 32), (2, 2, 64)]
    """
    _check(image_shape, depth, width, first_channels, num_classes)
    num_blocks = (depth - OTHERS) // (NUM_GROUPS * CONVOLUTIONS_PER_BLOCK)
    images = keras.Input(tuple(image_shape))
    x = _convolution(first_channels, 3, 1)(images)
    for group in range(NUM_GROUPS):
        channels = first_channels * width * 2**group
        for block in range(num_blocks):
            is_last = block == num_blocks - 1
            x = _block(
                x,
                channels,
                strides=2 if group > 0 and block == 0 else 1,
                name=f"group{group + 1}" if is_last else None,
            )
    x = keras.layers.GlobalAveragePooling2D(data_format="channels_last")(
        _activated(x)
    )
    # Logits in half precision would overflow in a softmax.
    logits = keras.layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=name)


def _check(image_shape, depth, width, first_channels, num_classes):
    check_image_shape(image_shape, has_any_size=True)
    check_counts(
        "layers, channels or classes",
        depth=depth,
        width=width,
        first_channels=first_channels,
        num_classes=num_classes,
    )
    if depth <= OTHERS or (depth - OTHERS) % 6:
        below = max(10, depth - (depth - OTHERS) % 6)
        raise ValueError(
            "`depth` must be 6n + 4, since each of three groups has n blocks "
            f"of two convolutions. Received: depth={depth}. Try {below}."
        )


def _block(x, channels, strides, name):
    """Two convolutions, added to what went in or to a projection of it."""
    activated = _activated(x)
    residual = _convolution(channels, 3, strides)(activated)
    residual = _convolution(channels, 3, 1)(_activated(residual))
    if strides > 1 or x.shape[-1] != channels:
        x = _convolution(channels, 1, strides)(activated)
    return keras.layers.Add(name=name)([residual, x])


def _activated(x):
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(x))


def _convolution(channels, size, strides):
    return keras.layers.Conv2D(
        channels,
        size,
        strides=strides,
        padding="same",
        use_bias=False,
        data_format="channels_last",
        kernel_initializer="he_normal",
    )
