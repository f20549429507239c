"""Sizes of vectors and differences, with a finite gradient at zero."""

from keras import ops

# The norm of a difference has no gradient at zero; this rounds its tip.
ROUNDING = 1e-7


def distance(teacher, student):
    """Euclidean distance over the last axis, with a finite gradient at zero.

    Args:
        teacher: Shape `(batch, positions)`.
        student: Same shape.

    Returns:
        Distances, `(batch,)`, at most 1e-7 too short.
    """
    square = ops.sum(ops.square(student - teacher), axis=-1)
    return ops.sqrt(square + ROUNDING**2) - ROUNDING


def unit(vectors, axis=-1, smallest=1e-12):
    """Vectors of length 1; those of zeros stay zeros.

    Args:
        vectors: A tensor.
        axis: The axis along which the vectors lie. Defaults to `-1`.
        smallest: Length that a shorter vector is divided by in place of its
            own. Defaults to `1e-12`.
    """
    square = ops.sum(ops.square(vectors), axis=axis, keepdims=True)
    return vectors / ops.sqrt(ops.maximum(square, smallest**2))


def huber(difference):
    """Half the square up to 1, from there the size less a half."""
    size = ops.abs(difference)
    return ops.where(size < 1, ops.square(difference) / 2, size - 0.5)
