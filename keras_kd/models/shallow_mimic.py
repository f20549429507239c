"""One wide hidden layer, as the mimics of Ba and Caruana, 2014."""

from collections.abc import Sequence

import keras

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_part
from keras_kd._core.kinds import check_list


def shallow_mimic(
    input_shape: Sequence[int],
    num_classes: int,
    hidden: int,
    *,
    bottleneck: int | None = None,
    conv_channels: int | None = None,
    kernel_size: int = 5,
    pool_size: int = 2,
    activation: str = "relu",
    dropout: float = 0.0,
    name: str | None = None,
) -> keras.Sequential:
    """Builds a net with one hidden layer of any width.

    A wide layer over many inputs is slow: its matrix has `hidden * inputs`
    numbers. A bottleneck writes the matrix as a product of two thin ones with
    `bottleneck * (hidden + inputs)` numbers, trained as they are. There is no
    activation between them, so the net is no deeper: `fold_bottleneck`
    multiplies them.

    For images, one convolution and a max pooling may come first, as in the
    paper's nets for CIFAR-10; "shallow" there is one convolution and one
    hidden layer.

    The layers are, for taps: `"convolution"`, `"pooling"`, `"flatten"`,
    `"bottleneck"`, `"hidden"`, `"dropout"` and `"logits"`, those that are
    there.

    Reference: [Ba and Caruana, 2014](https://arxiv.org/abs/1312.6184),
    sections 2.3 and 4.

    Args:
        input_shape: Shape of one example, such as `(height, width, channels)`
            or `(features,)`; no `None` in it.
        num_classes: Number of logits at the end.
        hidden: Number of hidden units.
        bottleneck: Rank of the matrix before the hidden units. It saves
            parameters if it is below `hidden * inputs / (hidden + inputs)`.
            Defaults to `None`, the full matrix.
        conv_channels: Channels of a convolution with ReLU before all else.
            Defaults to `None`, no convolution.
        kernel_size: Height and width of that convolution. Defaults to `5`.
        pool_size: Factor by which a max pooling after the convolution divides
            height and width, rounded up; 1 is no pooling. Defaults to `2`.
        activation: Of the hidden units. Defaults to `"relu"`.
        dropout: Number >= 0 and below 1, the part of the hidden units that is
            left out in each training step. Defaults to `0.0`.
        name: Name of the model. Defaults to one that Keras chooses.

    Returns:
        A built `keras.Sequential` from examples to logits.

    Raises:
        ValueError: If a number is not as above, or `conv_channels` is given
            and `input_shape` does not have three axes.

    Example:

    >>> model = keras_kd.models.shallow_mimic((8, 8, 1), 10, 500, bottleneck=20)
    >>> keras_kd.taps.names(model)
    ['flatten', 'bottleneck', 'hidden', 'logits']
    >>> model.count_params()  # 20 * (64 + 500) + 500 + 10 * (500 + 1)
    16790
    """
    _check_shape(input_shape, conv_channels)
    counts = {
        "num_classes": num_classes,
        "hidden": hidden,
        "bottleneck": bottleneck,
        "conv_channels": conv_channels,
        "kernel_size": kernel_size,
        "pool_size": pool_size,
    }
    for argument, count in counts.items():
        optional = argument in ("bottleneck", "conv_channels")
        if not (optional and count is None):
            check_count(argument, count, "units or places")
    check_part("dropout", dropout, "a part of the units", zero=True)
    layers = [keras.Input(tuple(input_shape))]
    if conv_channels is not None:
        layers += _convolution(conv_channels, kernel_size, pool_size)
    if len(input_shape) > 1:
        layers.append(keras.layers.Flatten("channels_last", name="flatten"))
    if bottleneck is not None:
        layers.append(
            keras.layers.Dense(bottleneck, use_bias=False, name="bottleneck")
        )
    layers.append(
        keras.layers.Dense(hidden, activation=activation, name="hidden")
    )
    if dropout:
        layers.append(keras.layers.Dropout(dropout, name="dropout"))
    # Logits in half precision would overflow in a softmax.
    layers.append(
        keras.layers.Dense(num_classes, dtype="float32", name="logits")
    )
    return keras.Sequential(layers, name=name)


def _convolution(channels, kernel_size, pool_size):
    layers = [
        keras.layers.Conv2D(
            channels,
            kernel_size,
            padding="same",
            activation="relu",
            data_format="channels_last",
            name="convolution",
        )
    ]
    if pool_size > 1:
        layers.append(
            keras.layers.MaxPooling2D(
                pool_size,
                padding="same",
                data_format="channels_last",
                name="pooling",
            )
        )
    return layers


def _check_shape(input_shape, conv_channels):
    shape = tuple(check_list("input_shape", input_shape, "lengths of axes"))
    if not shape or not all(isinstance(n, int) and n >= 1 for n in shape):
        raise ValueError(
            "`input_shape` must be positive integers, since a dense layer "
            f"needs a known number of inputs. Received: input_shape={shape}."
        )
    if conv_channels is not None and len(shape) != 3:
        raise ValueError(
            "`conv_channels` must be None unless the examples are images, "
            "(height, width, channels). Received: "
            f"conv_channels={conv_channels!r}, input_shape={shape}."
        )
