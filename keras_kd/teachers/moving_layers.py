"""Layers of Keras by whether they move pixels, and layers that move alike."""

from collections.abc import Iterator
from typing import Any

import keras

from keras_kd._core.arguments import check_count

KINDS = ("mask", "boxes", "points")

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
# Straight lines stay straight, and parallels parallel.
AFFINE = (
    "CenterCrop",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
)
BENT = ("RandomElasticTransform", "RandomPerspective")
# A pixel of theirs has several places, or none.
MIXED = ("AugMix", "CutMix", "MixUp", "RandAugment")
MOVE = (*AFFINE, *BENT, *MIXED)
# What they do is what the layers in them do.
CONTAINERS = ("Pipeline",)


def all_layers(
    layers: list[keras.layers.Layer],
) -> Iterator[keras.layers.Layer]:
    """Layers in their order, with those of containers in their place."""
    for layer in layers:
        name = type(layer).__name__
        if name in CONTAINERS or isinstance(layer, keras.Sequential):
            yield from all_layers(layer.layers)
        else:
            yield layer


def name_of(layer: keras.layers.Layer) -> str | None:
    """The name in the tables above of a layer; `None` for one of the user's."""
    name = type(layer).__name__
    is_of_keras = type(layer) is getattr(keras.layers, name, None)
    return name if is_of_keras and name in (*STAY, *MOVE) else None


def stays(layer: keras.layers.Layer) -> bool:
    """Whether a layer leaves all pixels in place, as far as is known."""
    is_said = getattr(layer, "keeps_positions", False)
    return is_said or name_of(layer) in STAY


def alike(layer: keras.layers.Layer, **options) -> keras.layers.Layer:
    """A layer that moves pixels in the same way, given equal draws.

    Args:
        layer: One of Keras's that moves pixels.
        **options: Other arguments, of which only those count that it has.
    """
    # Not by its config: Keras 3.15 makes no `RandomShear` of that. It has the
    # generator of the layer, whose draws are given where it is used.
    made = object.__new__(type(layer))
    vars(made).update(vars(layer))
    for name, value in options.items():
        if name in vars(layer):
            setattr(made, name, value)
    # Places must be exact in half precision too.
    made.dtype_policy = keras.DTypePolicy("float32")
    return made


class Followers:
    """Layers that take along what belongs to the pixels of an image.

    Attributes:
        least: Height and width that the image must have.
        labels: Moves masks of class numbers.
        weights: Moves weights of pixels.
        places: Moves an image of places, and leaves 0 where there were none.

    Args:
        layer: Moves the image; one of Keras's.
        void: What masks have where the image had nothing.
    """

    def __init__(self, layer: keras.layers.Layer, void: int):
        # From a smaller image, `RandomCrop` interpolates one of its size.
        is_crop = name_of(layer) == "RandomCrop"
        self.least = (layer.height, layer.width) if is_crop else (0, 0)
        nearest = {"interpolation": "nearest", "antialias": False}
        self.labels = alike(layer, fill_value=float(void), **nearest)
        self.weights = alike(layer, fill_value=0.0, **nearest)
        self.places = alike(
            layer,
            fill_mode="constant",
            fill_value=0.0,
            interpolation="bilinear",
            antialias=False,
        )


def followers(
    layers: list[keras.layers.Layer], void: int
) -> list[tuple[keras.layers.Layer, Followers | None]]:
    """Each layer in its order, with its followers if it moves pixels.

    There must be no `obstacle`.
    """
    return [
        (layer, None if stays(layer) else Followers(layer, void))
        for layer in all_layers(layers)
    ]


def check(labels: Any, void: int, outside: str) -> None:
    """Validates what an `Augmentation` is told of labels.

    Args:
        labels: See there.
        void: See there.
        outside: See there.

    Raises:
        ValueError: If an argument is none of those.
    """
    declared = kinds(labels)
    if labels not in ("infer", None) and not (
        declared and declared <= set(KINDS)
    ):
        raise ValueError(
            '`labels` must say "mask", "boxes" or "points" of each part of `y` '
            "that belongs to places, and None of others, since each follows in "
            f"its own way. Received: labels={labels!r}. Leave it out, if there "
            "are no such parts."
        )
    check_count("void", void, "the label of what is not in the image", 0)
    if outside not in ("refuse", "clip"):
        raise ValueError(
            '`outside` must be "refuse" or "clip", since boxes and points can '
            "only follow pixels. Received: "
            f'outside={outside!r}. Write "clip" to bring them to the edge.'
        )


def kinds(labels: Any) -> set[str]:
    """The kinds of label that a declaration has."""
    return set(keras.tree.flatten(labels)) - {None}


def obstacle(
    layers: list[keras.layers.Layer], declared: set[str]
) -> str | None:
    """The layer that labels cannot follow, in words; `None` without one.

    Args:
        layers: See `Augmentation`.
        declared: Kinds of labels.
    """
    for layer in all_layers(layers):
        shown, name = f"`{type(layer).__name__}`", name_of(layer)
        if stays(layer):
            continue
        if name is None:
            return f"{shown}, of which nothing says where it moves pixels"
        if name in MIXED:
            return f"{shown}, which mixes pixels of several places"
        if name in BENT and declared & {"boxes", "points"}:
            return f"{shown}, which bends what boxes and points are part of"
        if getattr(layer, "data_format", None) == "channels_first":
            return f'{shown} with data_format="channels_first"'
    return None
