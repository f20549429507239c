"""Nets of any convolutional depth with equally many parameters."""

from collections.abc import Sequence

import keras

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_image_shape
from keras_kd._core.arguments import check_part

_KERNEL = 3


def budgeted_convnet(
    image_shape: Sequence[int],
    num_classes: int,
    depth: int,
    num_parameters: int,
    *,
    conv_share: float = 0.5,
    bottleneck: int = 32,
    name: str | None = None,
) -> keras.Sequential:
    """Builds a net with so many convolutions and about so many parameters.

    To measure the effect of depth, nets of different depth must be equally
    large. Here each convolution is followed by ReLU and a max pooling that
    halves height and width; behind them are a linear bottleneck, one wide
    hidden layer and the logits. Their widths follow from the budget: the
    convolutions, all of one width, and the bottleneck get `conv_share` of it,
    and the hidden layer what is left.

    The layers are, for taps: `"convolution1"`, `"pooling1"` and so on,
    `"flatten"`, `"bottleneck"`, `"hidden"` and `"logits"`.

    Reference: [Urban et al., 2017](https://arxiv.org/abs/1603.05691), section
    2; widths and shares are knobs of a search there.

    Args:
        image_shape: `(height, width, channels)`.
        num_classes: Number of logits at the end.
        depth: Integer >= 0, the number of convolutions.
        num_parameters: The budget. The net has at most so many, and at least
            95 % of them unless it is tiny.
        conv_share: Number above 0 and below 1, the part of the budget for the
            convolutions and the bottleneck. Without convolutions it does not
            count. Defaults to `0.5`.
        bottleneck: Number of linear units before the hidden layer. Defaults to
            `32`.
        name: Name of the model. Defaults to one that Keras chooses.

    Returns:
        A built `keras.Sequential` from images to logits.

    Raises:
        ValueError: If a number is not as above, or the budget is too small for
            one channel in each convolution and one hidden unit.

    Example:

    >>> for depth in (0, 2):
    ...     model = keras_kd.models.budgeted_convnet((16, 16, 3), 10, depth,
    ...                                              100_000)
    ...     print(model.count_params())
    99965
    99999
    """
    check_image_shape(image_shape)
    check_count("num_classes", num_classes, "classes")
    check_count("depth", depth, "convolutions", least=0)
    check_count("num_parameters", num_parameters, "parameters")
    check_count("bottleneck", bottleneck, "units")
    check_part("conv_share", conv_share, "a part of the parameters")
    filters = 0
    while depth and _front(image_shape, depth, filters + 1, bottleneck) <= int(
        conv_share * num_parameters
    ):
        filters += 1
    spent = _front(image_shape, depth, filters, bottleneck)
    # Each hidden unit has its inputs, its bias and its outputs.
    left = num_parameters - spent - num_classes
    hidden = left // (bottleneck + 1 + num_classes)
    if hidden < 1 or (depth and filters < 1):
        raise ValueError(
            "`num_parameters` must be enough for one channel in each "
            "convolution and one hidden unit. Received: num_parameters="
            f"{num_parameters}, depth={depth}, conv_share={conv_share}, "
            f"bottleneck={bottleneck}. Take a smaller bottleneck, or a larger "
            "budget."
        )
    layers = [keras.Input(tuple(image_shape))]
    for index in range(1, depth + 1):
        layers += _convolution(filters, index)
    layers += [
        keras.layers.Flatten("channels_last", name="flatten"),
        keras.layers.Dense(bottleneck, use_bias=False, name="bottleneck"),
        keras.layers.Dense(hidden, activation="relu", name="hidden"),
        # Logits in half precision would overflow in a softmax.
        keras.layers.Dense(num_classes, dtype="float32", name="logits"),
    ]
    return keras.Sequential(layers, name=name)


def _convolution(filters, index):
    return [
        keras.layers.Conv2D(
            filters,
            _KERNEL,
            padding="same",
            activation="relu",
            data_format="channels_last",
            name=f"convolution{index}",
        ),
        keras.layers.MaxPooling2D(
            padding="same", data_format="channels_last", name=f"pooling{index}"
        ),
    ]


def _front(image_shape, depth, filters, bottleneck):
    """Number of parameters before the hidden layer."""
    height, width, channels = image_shape
    parameters = 0
    for _ in range(depth):
        parameters += (_KERNEL**2 * channels + 1) * filters
        height, width, channels = -(-height // 2), -(-width // 2), filters
    return parameters + height * width * channels * bottleneck
