"""Changes of images, and how to undo them in predictions.

A teacher gives three predictions for an image, its mirror image and a larger
copy. To compare them, each is changed back to the original image: a map of
places is mirrored and resized.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_positive
from keras_kd._core.kinds import check_list
from keras_kd._core.kinds import check_pair
from keras_kd._types import Tensor

__all__ = ["Chain", "Flip", "Identity", "Scale", "Shift"]


def check_transforms(argument: str, transforms: Any) -> None:
    """Validates that an argument is a list of transforms.

    Args:
        argument: The caller's argument.
        transforms: What was given.
    """
    for one in check_list(argument, transforms, "transforms"):
        for method in ("apply", "invert"):
            if isinstance(one, type) or not hasattr(one, method):
                raise TypeError(
                    f"`{argument}` must have objects with `apply` and "
                    "`invert`, since predictions are changed back. Received: "
                    f"{one!r}. See `transfer_sets.transforms`."
                )


@dataclasses.dataclass(frozen=True)
class Identity:
    """Leaves images and predictions as they are."""

    def apply(self, images: Tensor) -> np.ndarray:
        """The images, `(images, height, width, channels)`."""
        return images

    def invert(self, predictions: Tensor) -> np.ndarray:
        """The predictions."""
        return predictions


@dataclasses.dataclass(frozen=True)
class Chain:
    """Several transforms in a row, such as a flip of each scale.

    Attributes:
        transforms: In the order in which they change an image; what is
            predicted is changed back in the opposite order.
    """

    transforms: Sequence[Any]

    def __post_init__(self) -> None:
        check_transforms("transforms", self.transforms)

    def apply(self, images: Tensor) -> np.ndarray:
        """Images that all have changed, `(images, height, width, channels)`."""
        for transform in self.transforms:
            images = transform.apply(images)
        return images

    def invert(self, predictions: Tensor) -> np.ndarray:
        """Predictions of the images as they were."""
        for transform in reversed(self.transforms):
            predictions = transform.invert(predictions)
        return predictions


@dataclasses.dataclass(frozen=True)
class Flip:
    """Mirrors images, left to right.

    Attributes:
        swap: Pairs of places on the last axis of the predictions that change
            their meaning: a left hand becomes a right one. Defaults to none.
    """

    swap: Sequence[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        for pair in check_list("swap", self.swap, "pairs of places"):
            for place in check_pair("swap", pair, "two places"):
                check_count("swap", place, "places from 0", 0)

    def apply(self, images: Tensor) -> np.ndarray:
        """Mirrored images, `(images, height, width, channels)`."""
        return _checked(images)[:, :, ::-1]

    def invert(self, predictions: Tensor) -> np.ndarray:
        """Predictions of the images as they were.

        Args:
            predictions: Scores of classes, `(images, classes)`, or maps,
                `(images, height, width, classes)`, which are mirrored.
        """
        predictions = np.asarray(predictions)
        if predictions.ndim > 2:
            predictions = predictions[:, :, ::-1]
        order = np.arange(predictions.shape[-1])
        if np.max(self.swap, initial=-1) >= len(order):
            raise ValueError(
                "`swap` must have places on the last axis of the predictions. "
                f"Received: swap={self.swap!r} for {len(order)} of them."
            )
        for one, other in self.swap:
            order[[one, other]] = order[[other, one]]
        return predictions[..., order]


@dataclasses.dataclass(frozen=True)
class Scale:
    """Resizes images, for a model that takes any size.

    Attributes:
        factor: Float > 0.
    """

    factor: float

    def __post_init__(self) -> None:
        check_positive("factor", self.factor, "a factor on the size")

    def apply(self, images: Tensor) -> np.ndarray:
        """Images of `factor` times the height and width, rounded."""
        images = _checked(images)
        size = [max(1, round(self.factor * n)) for n in images.shape[1:3]]
        return _resize(images, size)

    def invert(self, predictions: Tensor) -> np.ndarray:
        """Predictions of the images as they were.

        Args:
            predictions: Scores, or maps, which are resized. A size that is odd
                and halved does not come back.
        """
        predictions = np.asarray(predictions)
        if predictions.ndim == 2:
            return predictions
        size = [round(n / self.factor) for n in predictions.shape[1:3]]
        return _resize(predictions, size)


@dataclasses.dataclass(frozen=True)
class Shift:
    """Moves images by whole pixels; what comes in is 0.

    Attributes:
        down: Pixels.
        right: Pixels.
    """

    down: int
    right: int

    def __post_init__(self) -> None:
        for name, pixels in (("down", self.down), ("right", self.right)):
            if isinstance(pixels, bool) or not isinstance(
                pixels, int | np.integer
            ):
                raise TypeError(
                    f"`{name}` must be a whole number of pixels, since images "
                    f"are moved by such. Received: {name}={pixels!r}."
                )

    def apply(self, images: Tensor) -> np.ndarray:
        """Moved images, `(images, height, width, channels)`."""
        return _moved(_checked(images), self.down, self.right)

    def invert(self, predictions: Tensor) -> np.ndarray:
        """Predictions of the images as they were.

        Args:
            predictions: Scores, or maps of the images' size, which are moved
                back. What was moved out of them is 0.
        """
        predictions = np.asarray(predictions)
        if predictions.ndim == 2:
            return predictions
        return _moved(predictions, -self.down, -self.right)


def _checked(images):
    """Images as an array, after a check of their shape."""
    images = np.asarray(images)
    if images.ndim != 4:
        raise ValueError(
            "`images` must be (images, height, width, channels), since their "
            f"places are changed. Received: images of shape {images.shape}. "
            "For others, `Identity` leaves them as they are."
        )
    return images


def _resize(images, size):
    resized = ops.image.resize(
        images, size, interpolation="bilinear", data_format="channels_last"
    )
    return ops.convert_to_numpy(resized)


def _moved(images, down, right):
    images = np.asarray(images)
    moved = np.zeros_like(images)
    height, width = images.shape[1:3]
    if abs(down) >= height or abs(right) >= width:
        return moved
    target, source = (
        (
            slice(max(0, sign * down), height + min(0, sign * down)),
            slice(max(0, sign * right), width + min(0, sign * right)),
        )
        for sign in (1, -1)
    )
    moved[:, *target] = images[:, *source]
    return moved
