"""Tensors over positions, interpolated to the positions of another."""

import keras
from keras import ops

from keras_kd._core import ensemble_logits
from keras_kd._core import reduction

SIDES = ("teacher", "student")


def check_side(side):
    """Validates the argument `resize` of a loss or metric.

    Args:
        side: `"teacher"`, `"student"` or `None`.
    """
    if side is not None and side not in SIDES:
        raise ValueError(
            '`resize` must be "student", "teacher" or None, since it names '
            "the side that is interpolated to the positions of the other. "
            f"Received: resize={side!r}. Name the one to interpolate."
        )


def align(compared, teacher, student, dtype):
    """Interpolates the side that `resize` names to the other's positions.

    Args:
        compared: A loss or metric with the attribute `resize`.
        teacher: Tensor `(batch, ..., channels)`; for the side of the student
            also the form of `top_logits`.
        student: Tensor `(batch, ..., channels)`.
        dtype: Type of the result.

    Returns:
        Both tensors. The Keras mask of the one that was resized hides each
        position that a hidden one has a share in.

    Raises:
        ValueError: If they do not have the same axes of positions.
    """
    shapes = [
        tuple(ensemble_logits.scores(t).shape) for t in (teacher, student)
    ]
    ranks = [len(shape) for shape in shapes]
    if ranks[0] != ranks[1] or ranks[0] < 3:
        raise ValueError(
            f"`resize` must be None in `{type(compared).__name__}` for tensors "
            "that do not have the same axes of positions between batch and "
            "channels, at least one, since it interpolates along these. "
            f"Received: resize={compared.resize!r}, teacher of shape "
            f"{shapes[0]}, student of shape {shapes[1]}. Leave it out, or give "
            "both the same axes."
        )
    if compared.resize == "student":
        return teacher, _aligned(
            student, ensemble_logits.scores(teacher), dtype
        )
    return _aligned(teacher, student, dtype), student


def _aligned(tensor, like, dtype):
    old, new = (tuple(one.shape[1:-1]) for one in (tensor, like))
    if isinstance(tensor, keras.KerasTensor):
        shape = (tensor.shape[0], *new, tensor.shape[-1])
        return keras.KerasTensor(shape, dtype)
    if old == new and None not in new:
        return tensor
    mask = reduction.read_mask(tensor)
    resized = linear(ops.cast(tensor, dtype), lengths(like))
    if mask is not None:
        mask = covered(mask, lengths(like))
    return reduction.with_mask(resized, mask)


def lengths(tensor):
    """Numbers of positions of `(batch, ..., channels)`, a tuple."""
    return tuple(ops.shape(tensor)[1:-1])


class Resized:
    """Two tensors that `align` brought to one size, and what goes with them.

    Attributes:
        teacher: The teacher's tensor, as it is compared.
        student: The student's tensor, as it is compared.

    Args:
        side: The one that is resized.
        teacher: Its tensor before, or the members' form.
        student: Its tensor before.
        make: Function of the two that aligns them.
    """

    def __init__(self, side, teacher, student, make):
        resized = teacher if side == "teacher" else student
        shape = ensemble_logits.logits_shape(ensemble_logits.shape(resized))
        self._old = tuple(shape[1:-1])
        self.teacher, self.student = make(teacher, student)
        self._new = lengths(self.student)

    def mask(self, mask):
        """A mask of the resized tensor, for its new positions; or `None`."""
        return self._fit(mask, covered)

    def weights(self, weights):
        """Weights of its positions, likewise."""
        return self._fit(weights, linear)

    def labels(self, labels):
        """Labels of its positions, likewise."""
        return self._fit(labels, nearest)

    def _fit(self, tensor, resize):
        positions = slice(1, 1 + len(self._old))
        if tensor is None or tuple(tensor.shape[positions]) != self._old:
            return tensor  # Of other positions, or of whole examples.
        return resize(tensor, self._new)


def linear(tensor, new):
    """Interpolates linearly along each axis of positions.

    Positions are cells of equal width that fill the same extent, and a value
    stands in the middle of its cell, as in `keras.ops.image.resize`; beyond the
    first and the last middle the value stays. Only the two nearest positions
    have a share: nothing is averaged where many become few.

    Args:
        tensor: `(batch, ...)` of floats.
        new: Numbers of positions, from axis 1.
    """
    for axis, (first, second, share) in _neighbours(tensor, new):
        start, end = (ops.take(tensor, n, axis=axis) for n in (first, second))
        share = ops.cast(share, tensor.dtype)
        # Not the sum alone: what has no share may be infinite.
        tensor = ops.where(share > 0, (1 - share) * start + share * end, start)
    return tensor


def covered(mask, new):
    """A mask for what `linear` makes: whether all that has a share counts.

    Args:
        mask: Boolean, `(batch, ...)`.
        new: Numbers of positions, from axis 1.
    """
    for axis, (first, second, share) in _neighbours(mask, new):
        start, end = (ops.take(mask, n, axis=axis) for n in (first, second))
        mask = ops.logical_and(start, ops.logical_or(end, share <= 0))
    return mask


def nearest(tensor, new):
    """Takes the nearest position along each axis, the later of two.

    Args:
        tensor: `(batch, ...)`, such as labels.
        new: Numbers of positions, from axis 1.
    """
    for axis, (first, second, share) in _neighbours(tensor, new):
        place = ops.where(ops.reshape(share, (-1,)) >= 0.5, second, first)
        tensor = ops.take(tensor, place, axis=axis)
    return tensor


def _neighbours(tensor, new):
    """Yields axes, each with what has a share in its new positions.

    Those are the two nearest positions, and the share of the second, of the
    tensor's rank.
    """
    for axis, count in enumerate(new, start=1):
        old = ops.shape(tensor)[axis]
        # The middle `(2 i + 1) / (2 count)` of a cell, in whole numbers:
        # backends round others in different ways.
        middle = (2 * ops.arange(count, dtype="int32") + 1) * old - count
        before = middle // (2 * count)
        share = (middle - 2 * count * before) / (2 * count)
        first, second = (
            ops.clip(place, 0, old - 1) for place in (before, before + 1)
        )
        shape = [1] * len(tensor.shape)
        shape[axis] = -1
        yield axis, (first, second, ops.reshape(share, shape))
