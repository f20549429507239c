"""A small convolutional network for images of any size."""

from collections.abc import Sequence

import keras

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_image_shape
from keras_kd._core.kinds import check_list

# From here on the first stage halves the image too, or it costs most.
LARGE_IMAGE = 48
# Places that the last layer distinguishes, per axis: one alone is too little
# for digits, and many make it the largest layer.
MAX_PLACES = 4


def small_convnet(
    image_shape: Sequence[int],
    num_classes: int,
    widths: Sequence[int] = (32, 64, 128),
    name: str | None = None,
) -> keras.Sequential:
    """Builds stages of convolution and ReLU, and a linear layer over them.

    Each stage but the first halves height and width; in images of 48 pixels
    and more the first does so too. The last map is averaged to at most 4x4
    places. The stages are layers named `"stage1"`, `"stage2"` ..., for taps.

    There is no batch normalisation, whose statistics are poor where a student
    sees few images.

    Args:
        image_shape: `(height, width, channels)`.
        num_classes: Number of logits at the end.
        widths: Channels of each stage. Defaults to `(32, 64, 128)`.
        name: Name of the model. Defaults to one that Keras chooses.

    Returns:
        A built `keras.Sequential` from images to logits.

    Raises:
        ValueError: If `image_shape` does not have three axes, or `widths` is
            empty.

    Example:

    >>> from keras_kd import models
    >>> model = models.small_convnet((8, 8, 1), 10, widths=(8, 16))
    >>> keras_kd.taps.names(model)
    ['stage1', 'stage2', 'flatten', 'logits']
    """
    check_image_shape(image_shape)
    if not check_list("widths", widths, "numbers of channels"):
        raise ValueError(
            "`widths` must have at least one entry, one per stage. Received: "
            f"widths={widths!r}."
        )
    check_count("num_classes", num_classes, "classes")
    for channels in widths:
        check_count("widths", channels, "channels of a stage")
    height, width, _ = image_shape
    layers = [keras.Input(tuple(image_shape))]
    for stage, channels in enumerate(widths, start=1):
        halves = stage > 1 or min(height, width) >= LARGE_IMAGE
        strides = 2 if halves else 1
        height, width = -(-height // strides), -(-width // strides)
        layers.append(
            keras.layers.Conv2D(
                channels,
                3,
                strides=strides,
                padding="same",
                activation="relu",
                data_format="channels_last",
                name=f"stage{stage}",
            )
        )
    pooling = -(-height // MAX_PLACES), -(-width // MAX_PLACES)
    if max(pooling) > 1:
        layers.append(
            keras.layers.AveragePooling2D(
                pooling,
                padding="same",
                data_format="channels_last",
                name="pooling",
            )
        )
    layers += [
        keras.layers.Flatten(data_format="channels_last", name="flatten"),
        # Logits in half precision would overflow in a softmax.
        keras.layers.Dense(num_classes, dtype="float32", name="logits"),
    ]
    return keras.Sequential(layers, name=name)
