"""Validates the image shape of a network."""


def check_image_shape(image_shape):
    """Validates that a shape is that of an image, channels last."""
    if len(image_shape) != 3:
        raise ValueError(
            "`image_shape` must be (height, width, channels), since the "
            "layers are two-dimensional. Received: image_shape="
            f"{tuple(image_shape)}."
        )
