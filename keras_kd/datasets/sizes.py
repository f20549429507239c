"""Sizes of images and of sets: what is resized, left out, or does not fit."""

import numpy as np
import tensorflow as tf

# For sets whose images differ in size.
DEFAULT_IMAGE_SIZE = (64, 64)
MAX_BYTES = 8 * 2**30
# Of each class, with a limit: one to train on and one to hold out of that, and
# one to test on.
LEAST_TRAIN, LEAST_TEST = 2, 1


def scale(image, size):
    """Brings an image to float32 in [0, 1] and to a size."""
    image = tf.image.convert_image_dtype(image, tf.float32)
    if tuple(image.shape[:2]) != tuple(size):
        image = tf.image.resize(image, size, antialias=True)
        image = tf.clip_by_value(image, 0.0, 1.0)
    return image


def check_image_size(size):
    """Validates a size that all images are resized to, or `None`."""
    is_pair = isinstance(size, list | tuple) and len(size) == 2
    if size is not None and not (
        is_pair and all(isinstance(n, int) and n >= 1 for n in size)
    ):
        raise ValueError(
            "`image_size` must be two positive integers, (height, width). "
            f"Received: image_size={size!r}."
        )


def check_memory(name, count, shape):
    """Validates that images fit in memory."""
    size = 4 * count * int(np.prod(shape))
    if size > MAX_BYTES:
        raise ValueError(
            f"`image_size` must let all images fit in {MAX_BYTES / 2**30:.0f} "
            "GiB, since they are kept in memory. Received: "
            f"{count} images of {tuple(shape)} in {name}, "
            f"{size / 2**30:.0f} GiB. Choose a smaller size, or fewer images "
            "with `limit`."
        )


def check_limit(limit, num_classes):
    """Validates the highest number of images, or `None`."""
    if limit is None:
        return
    lowest = num_classes * (LEAST_TRAIN + LEAST_TEST)
    is_integer = isinstance(limit, int) and not isinstance(limit, bool)
    if not is_integer or limit < lowest:
        raise ValueError(
            f"`limit` must be an integer of at least {lowest} here, since each "
            f"of the {num_classes} classes needs an image to train on, one to "
            f"validate and one to test. Received: limit={limit!r}."
        )


def within(limit, counts, least):
    """Number of images of each group that are kept within a limit.

    Args:
        limit: Highest number of images of all groups together.
        counts: Number of images of each group.
        least: Number that is kept of each group at least, if it has so many.

    Returns:
        Int array, of each group about the same part; its sum is the limit, or
        the number of all images if there are fewer.
    """
    counts = np.asarray(counts)
    least = np.minimum(counts, least)
    more = counts - least
    spare = min(limit, counts.sum()) - least.sum()
    ends = np.cumsum(more) * spare // max(more.sum(), 1)
    return least + np.diff(ends, prepend=0)


def rows_within(limit, labels, num_classes):
    """Rows of the images that are kept within a limit, of each class alike.

    Args:
        limit: Highest number of images of both parts together, or `None`.
        labels: Class numbers of the training images, and of the test images.
        num_classes: Number of classes.

    Returns:
        A list of rows for each part: the first ones of each class.

    Raises:
        ValueError: If the limit is not an integer that is high enough.
    """
    check_limit(limit, num_classes)
    groups = [
        np.flatnonzero(np.asarray(part) == label)
        for part in labels
        for label in range(num_classes)
    ]
    counts = [len(rows) for rows in groups]
    if limit is not None:
        least = np.repeat([LEAST_TRAIN, LEAST_TEST], num_classes)
        counts = within(limit, counts, least)
    kept = [rows[:n] for rows, n in zip(groups, counts, strict=True)]
    halves = kept[:num_classes], kept[num_classes:]
    return [np.sort(np.concatenate(half)) for half in halves]
