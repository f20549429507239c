"""Boxes and points of an image, moved as its pixels were."""

import tensorflow as tf

from keras_kd.losses.box_soft_targets import corners

# How far a place may be off, in pixels, by the rounding of its numbers.
SLACK = 1e-3
# Pixels that an image must show for its places to be known.
_LEAST_PIXELS = 6
OUTSIDE = (
    "`y` must have boxes and points within the image, since they are to follow "
    "its pixels. Received: one beyond its edge. Correct the labels, the order "
    "of x and y, or `box_format`; or give "
    '`Augmentation(outside="clip")`, which brings them to the edge.'
)


def size_of(image):
    """Width and height."""
    return tf.cast(tf.shape(image)[:2][::-1], "float32")


def image(size):
    """An image of the middle of each pixel, x and y, and of ones."""
    x, y = tf.meshgrid(tf.range(size[0]) + 0.5, tf.range(size[1]) + 0.5)
    return tf.stack([x, y, tf.ones_like(x)], axis=-1)


def matrix(moved, size):
    """The affine map of places that moved an image of places, `(3, 2)`.

    Args:
        moved: What a layer made of `image(size)`.
        size: Width and height before.
    """
    old, is_seen = moved[..., :2], moved[..., 2] > 1 - SLACK
    # At the edge, a place may have been repeated.
    inside = (old > 0.5 + SLACK) & (old < size - 0.5 - SLACK)
    is_seen &= tf.reduce_all(inside, axis=-1)
    rows = tf.boolean_mask(_with_one(old, size), is_seen)
    new = tf.boolean_mask(image(size_of(moved))[..., :2], is_seen)
    rows, new = tf.cast(rows, "float64"), tf.cast(new, "float64")
    # Never singular: of no pixels, the result is not used.
    square = tf.matmul(rows, rows, transpose_a=True)
    square += 1e-9 * tf.eye(3, dtype="float64")
    found = tf.linalg.solve(square, tf.matmul(rows, new, transpose_a=True))
    nowhere = tf.constant([[0.0, 0.0], [0.0, 0.0], [-1e9, -1e9]], "float64")
    is_known = tf.shape(rows)[0] >= _LEAST_PIXELS
    return tf.cast(tf.where(is_known, found, nowhere), "float32")


def _with_one(places, size):
    """Places from -1/2 to 1/2, which keeps digits, and a one."""
    return tf.concat(
        [places / size - 0.5, tf.ones_like(places[..., :1])], axis=-1
    )


def _checked(tensor, is_right):
    """A tensor, behind a check that all are right."""
    right = tf.raw_ops.Assert(
        condition=tf.reduce_all(is_right), data=[OUTSIDE], summarize=1
    )
    with tf.control_dependencies([right] if right is not None else []):
        return tf.identity(tensor)


def _within(low, high, size):
    inside = (low >= -SLACK) & (high <= size + SLACK)
    return tf.reduce_all(inside, axis=-1)


class Points:
    """Points `(number, 2)` of x and y; nan where there is none."""

    def __init__(self, places, size, clips):
        places = tf.cast(places, "float32")
        if not clips:
            is_none = tf.reduce_any(tf.math.is_nan(places), axis=-1)
            right = is_none | _within(places, places, size)
            places = _checked(places, right)
        # Of nan, what is clipped need not be nan.
        is_none = tf.math.is_nan(places)
        self.places = tf.where(
            is_none, places, tf.clip_by_value(places, 0.0, size)
        )
        self.size = size

    def moved(self, matrix, size):
        places = tf.matmul(_with_one(self.places, self.size), matrix)
        is_seen = _within(places, places, size)[:, None]
        places = tf.where(is_seen, places, float("nan"))
        return Points(places, size, True)


class Boxes:
    """Boxes by two corners; those without area are none."""

    def __init__(self, boxes, box_format, size, clips):
        self.given = tf.cast(boxes, "float32")
        low, high = corners(self.given, box_format)
        if box_format == "yxyx":
            low, high = low[:, ::-1], high[:, ::-1]
        size_given = high - low
        if box_format.endswith("xywh"):
            size_given = self.given[:, 2:]  # Negative where it is padding.
        self.is_none = tf.reduce_any(size_given <= 0, axis=-1, keepdims=True)
        if not clips:
            low = _checked(low, self.is_none[:, 0] | _within(low, high, size))
        self.low, self.high = (
            tf.clip_by_value(corner, 0.0, size) for corner in (low, high)
        )
        self.size = size

    def moved(self, matrix, size):
        (x, y), (right, bottom) = (
            tf.unstack(corner, axis=-1) for corner in (self.low, self.high)
        )
        four = tf.stack(
            [
                tf.stack(pair, axis=-1)
                for pair in ((x, y), (right, y), (x, bottom), (right, bottom))
            ],
            axis=1,
        )
        four = tf.einsum("ncp,pq->ncq", _with_one(four, self.size), matrix)
        self.low, self.high = (
            tf.clip_by_value(corner, 0.0, size)
            for corner in (tf.reduce_min(four, 1), tf.reduce_max(four, 1))
        )
        is_seen = tf.reduce_all(
            self.high - self.low > SLACK, axis=-1, keepdims=True
        )
        # A box that no pixel shows has no area from here on.
        self.low = tf.where(is_seen, self.low, 0.0)
        self.high = tf.where(is_seen, self.high, 0.0)
        self.size = size
        return self

    def as_given(self, box_format):
        low, high = self.low, self.high
        if box_format == "yxyx":
            low, high = low[:, ::-1], high[:, ::-1]
        if box_format == "center_xywh":
            low, high = (low + high) / 2, high - low
        elif box_format == "xywh":
            high = high - low
        boxes = tf.concat([low, high], axis=-1)
        return tf.where(self.is_none, self.given, boxes)
