"""Validates the image shape of a network."""

from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import check_list


def check_image_shape(image_shape, has_any_size=False):
    """Validates that a shape is that of an image, channels last.

    Args:
        image_shape: What was given.
        has_any_size: Whether height and width may be None. Defaults to `False`.
    """
    lengths = check_list("image_shape", image_shape, "numbers of pixels")
    if len(lengths) != 3:
        raise ValueError(
            "`image_shape` must be (height, width, channels), since the "
            "layers are two-dimensional. Received: image_shape="
            f"{tuple(image_shape)}."
        )
    for axis, length in enumerate(lengths):
        is_any = has_any_size and axis < 2
        check_count("image_shape", length, "pixels or channels", 1, is_any)
