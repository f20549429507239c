"""Positions of feature maps: brought to one size, left out, weighted."""

import math

from keras import ops

from keras_kd.losses.shapes import shapes_agree


def check_positions(loss, teacher_shape, student_shape):
    """Validates that two maps have the same axes of positions.

    Args:
        loss: The loss, for the error.
        teacher_shape: Shape of the teacher's map, `(batch, ..., channels)`.
        student_shape: Shape of the student's map.
    """
    axes = len(teacher_shape) - 2
    if axes != len(student_shape) - 2 or axes < 1:
        raise ValueError(
            f"{loss.comparison(teacher_shape, student_shape)} Both must "
            "have the same axes of positions between batch and channels, "
            "at least one, since it compares what is there. Tap layers "
            "before the pooling over all positions."
        )


def pooling(loss, teacher_shape, student_shape):
    """Finds by how many positions to average the larger of two maps.

    Args:
        loss: The loss, for the error.
        teacher_shape: Shape of the teacher's map, `(batch, ..., channels)`.
        student_shape: Shape of the student's map.

    Returns:
        Two tuples with a number for each axis of positions: the teacher's and
        the student's.
    """
    teacher_lengths, student_lengths = (
        tuple(shape[1:-1]) for shape in (teacher_shape, student_shape)
    )
    check_positions(loss, teacher_shape, student_shape)
    sizes = []
    for theirs, ours in zip(teacher_lengths, student_lengths, strict=True):
        # What one side does not know is found equal or not when it runs.
        theirs, ours = theirs or ours or 1, ours or theirs or 1
        if max(theirs, ours) % min(theirs, ours):
            raise ValueError(
                f"{loss.comparison(teacher_shape, student_shape)} The "
                "larger map must be a whole number of times the smaller, "
                "since it is average-pooled to that size. Tap layers of "
                'other sizes, or interpolate one side by `resize="student"`.'
            )
        smaller = min(theirs, ours)
        sizes.append((theirs // smaller, ours // smaller))
    return tuple(zip(*sizes, strict=True))


def pool(features, sizes):
    """Averages groups of neighbouring positions.

    Args:
        features: `(batch, ..., channels)`.
        sizes: The number of positions of a group, for each axis.
    """
    if max(sizes) == 1:
        return features
    return ops.average_pool(
        features, sizes, strides=sizes, data_format="channels_last"
    )


def check_unpooled(loss, teacher, student, *masks):
    """Validates that masked maps need not be brought to one size.

    Args:
        loss: The loss, for the error.
        teacher: The teacher's map, `(batch, ..., channels)`.
        student: The student's map.
        *masks: Of both, such as the student's Keras mask, or `None`.
    """
    agree = shapes_agree(teacher.shape[:-1], student.shape[:-1])
    if not agree and any(mask is not None for mask in masks):
        remedy = 'Interpolate one side by `resize="student"`, or tap'
        if isinstance(loss.teacher_tap, tuple):
            remedy = "Tap"  # Several have no side to interpolate.
        raise ValueError(
            f"{loss.comparison(teacher.shape, student.shape)} Masked maps "
            "must have equal sizes, since pooling would mix positions "
            f"that count with positions that do not. {remedy} other layers."
        )


def cover(loss, teacher, student, mask):
    """Puts zeros at the positions that a mask hides, in both models.

    Args:
        loss: The loss, for the error.
        teacher: The teacher's map, `(batch, ..., channels)`.
        student: The student's map.
        mask: Boolean, the student's Keras mask, or `None`.

    Returns:
        Both maps.
    """
    check_unpooled(loss, teacher, student, mask)
    if mask is None:
        return teacher, student
    while len(mask.shape) < len(student.shape):
        mask = ops.expand_dims(mask, axis=-1)
    return ops.where(mask, teacher, 0), ops.where(mask, student, 0)


def flat(features):
    """All positions on one axis, `(batch, positions, channels)`.

    Args:
        features: `(batch, ..., channels)`, or `None`, which stays.
    """
    if features is None:
        return None
    *lengths, channels = features.shape[1:]
    # A number where it is known, for what depends on it.
    positions = -1 if None in lengths else math.prod(lengths)
    batch = ops.shape(features)[0] if None in lengths else -1
    return ops.reshape(features, (batch, positions, channels))


def counts(student, mask=None, weights=None):
    """Weight of each position.

    Args:
        student: The student's map, `(batch, ..., channels)`.
        mask: Boolean, the student's Keras mask, or `None`.
        weights: Numbers of at least 0, or `None`.

    Both are `(batch, ...)`, of no more axes than the map has positions.

    Returns:
        `(batch, ..., 1)`, of the student's dtype; `None` if all count alike.
    """
    if mask is None and weights is None:
        return None
    found = ops.ones_like(student[..., :1])
    for factor in (mask, weights):
        if factor is not None:
            factor = ops.cast(factor, student.dtype)
            while len(factor.shape) < len(found.shape):
                factor = ops.expand_dims(factor, axis=-1)
            found = found * factor
    return found


def average(features, weights=None, axis=1):
    """Mean over the positions, weighted.

    Args:
        features: `(batch, ..., positions, channels)`.
        weights: `(batch, ..., positions, 1)`, or `None` for 1.
        axis: The axis of the positions. Defaults to `1`.

    Returns:
        The shape of the features without that axis; 0 where nothing counts.
    """
    if weights is None:
        return ops.mean(features, axis=axis)
    # Not a product alone: what does not count may be infinite.
    total = ops.sum(ops.where(weights > 0, weights * features, 0), axis=axis)
    return ops.divide_no_nan(total, ops.sum(weights, axis=axis))
