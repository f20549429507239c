"""Checks that an augmentation of images leaves their labels right.

A cache augments `x` alone. A class number fits an image that was flipped; a
mask, boxes or points do not.
"""

import keras
import tensorflow as tf

from keras_kd.teachers._cache import elements
from keras_kd.teachers.augmentation import Augmentation

# Layers of Keras 3.15. Erasing takes pixels away, and leaves the others where
# they are, as noise and dropout do.
STAY = (
    "AutoContrast",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Dropout",
    "Equalization",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "Normalization",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomErasing",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPosterization",
    "RandomSaturation",
    "RandomSharpness",
    "Rescaling",
    "Solarization",
)
MOVE = (
    "AugMix",
    "CenterCrop",
    "CutMix",
    "MixUp",
    "RandAugment",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomFlip",
    "RandomPerspective",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
)
# What they do is what the layers in them do.
CONTAINERS = ("Pipeline",)

# Parts of the names of labels of positions.
_PLACES = ("box", "keypoint", "landmark", "mask", "point", "segmentation")


def check(augmentation, data, argument):
    """Validates that no pixels move where labels belong to places.

    A label belongs to places if it has two axes or more for an example, such
    as a mask or a list of boxes; or if its key in a dict has one of `box`,
    `keypoint`, `landmark`, `mask`, `point` and `segmentation` in it. A single
    number and a vector are taken for classes or scores: a box that is one
    vector of four numbers without a name looks the same. Sample weights are
    treated as labels.

    Args:
        augmentation: A function, or `None`.
        data: `tf.data.Dataset` of single examples.
        argument: What the caller calls the data.

    Raises:
        ValueError: If an example has such labels, and the augmentation does
            not leave all pixels in place, or it is not known whether it does.
    """
    found = moving(augmentation)
    if not found:
        return
    for element in data.take(1):
        for name, shape in _positional(element):
            raise ValueError(
                "`augmentation` must leave all pixels in place where labels "
                "belong to places, since only `x` is augmented, and they "
                f"would no longer fit. Received: {found}, and {argument} with "
                f"{name} of shape {shape} for an example. Augment pairs of "
                f"both with `{argument}.map`, before they are cached, or "
                "leave `augmentation` out."
            )


def moving(augmentation):
    """Describes the part of an augmentation that may move pixels.

    Args:
        augmentation: A function, or `None`.

    Returns:
        Text for an error; empty if all pixels stay.
    """
    if augmentation is None or getattr(augmentation, "keeps_positions", False):
        return ""
    if not isinstance(augmentation, Augmentation):
        return _unknown("the function", augmentation)
    for layer in _all_layers(augmentation.layers):
        name = type(layer).__name__
        is_of_keras = type(layer) is getattr(keras.layers, name, None)
        if getattr(layer, "keeps_positions", False):
            continue
        if not is_of_keras or name not in (*STAY, *MOVE):
            return _unknown("the layer", layer)
        if name in MOVE:
            return f"`{name}`, which moves pixels"
    return ""


def _all_layers(layers):
    for layer in layers:
        name = type(layer).__name__
        if name in CONTAINERS or isinstance(layer, keras.Sequential):
            yield from _all_layers(layer.layers)
        else:
            yield layer


def _unknown(kind, given):
    name = getattr(given, "__qualname__", type(given).__name__)
    return (
        f"{kind} `{name}`, of which nothing says that it leaves pixels in "
        "place (if it does, set its attribute `keeps_positions` to True)"
    )


def _positional(element):
    """Yields names and shapes of positional labels of an example."""
    for part, others in zip(
        ("labels", "sample weights"), elements.others_of(element), strict=False
    ):
        for path, leaf in keras.tree.flatten_with_path(others):
            if leaf is None:
                continue
            shape = tf.TensorShape(leaf.shape)
            name = "/".join(str(step) for step in path)
            is_named = any(word in name.lower() for word in _PLACES)
            if is_named or shape.rank is None or shape.rank >= 2:
                yield f"{part} {name!r}" if name else part, tuple(shape)
