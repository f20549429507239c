"""LeNet-5 with ReLU and maximum pooling."""

from collections.abc import Sequence

import keras

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_image_shape
from keras_kd._core.kinds import check_list

# Below that, nothing is left of the second convolution.
MIN_SIZE = 12


def lenet5(
    image_shape: Sequence[int],
    num_classes: int,
    channels: Sequence[int] = (6, 16),
    units: Sequence[int] = (120, 84),
    name: str | None = None,
) -> keras.Sequential:
    """Builds two convolutions of 5x5 and two hidden layers.

    The first convolution keeps the size of the image, so that 28x28 pixels
    give what the original gives for 32x32 with a border of zeros. Activations
    are ReLU and poolings take the maximum of 2x2, as is usual today.

    The half of it that [Lopes et al., 2017](https://arxiv.org/abs/1710.07535),
    train as a student has `channels=(3, 8)`.

    The layers are, for taps: `"conv1"`, `"pool1"`, `"conv2"`, `"pool2"`,
    `"flatten"`, `"dense1"`, `"dense2"` and `"logits"`.

    Args:
        image_shape: `(height, width, channels)`, at least 12x12.
        num_classes: Number of logits at the end.
        channels: Channels of both convolutions. Defaults to `(6, 16)`.
        units: Units of both hidden layers. Defaults to `(120, 84)`.
        name: Name of the model. Defaults to one that Keras chooses.

    Returns:
        A built `keras.Sequential` from images to logits.

    Raises:
        ValueError: If `image_shape` does not have three axes or is too small,
            or `channels` or `units` are not two numbers.

    Example:

    >>> model = keras_kd.models.lenet5((28, 28, 1), 10)
    >>> model.count_params()
    61706
    """
    check_image_shape(image_shape)
    if min(image_shape[:2]) < MIN_SIZE:
        raise ValueError(
            f"`image_shape` must be at least {MIN_SIZE} pixels high and wide, "
            "since two convolutions and poolings make it smaller. Received: "
            f"image_shape={tuple(image_shape)}."
        )
    for argument, values in (("channels", channels), ("units", units)):
        if len(check_list(argument, values, "two numbers")) != 2:
            raise ValueError(
                f"`{argument}` must be two numbers, one for each layer. "
                f"Received: {argument}={tuple(values)}."
            )
        for value in values:
            check_count(argument, value, "channels or units")
    check_count("num_classes", num_classes, "classes")
    return keras.Sequential(
        [
            keras.Input(tuple(image_shape)),
            *_stage(1, channels[0], "same"),
            *_stage(2, channels[1], "valid"),
            keras.layers.Flatten("channels_last", name="flatten"),
            keras.layers.Dense(units[0], activation="relu", name="dense1"),
            keras.layers.Dense(units[1], activation="relu", name="dense2"),
            # Logits in half precision would overflow in a softmax.
            keras.layers.Dense(num_classes, dtype="float32", name="logits"),
        ],
        name=name,
    )


def _stage(number, channels, padding):
    return [
        keras.layers.Conv2D(
            channels,
            5,
            padding=padding,
            activation="relu",
            data_format="channels_last",
            name=f"conv{number}",
        ),
        keras.layers.MaxPooling2D(
            2, data_format="channels_last", name=f"pool{number}"
        ),
    ]
