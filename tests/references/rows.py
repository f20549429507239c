"""Rows of losses that compare the examples of a batch with each other.

A row is the value of one example. The mean of the rows, by the weights of the
examples, is the number that the papers and their code give for the batch. Most
papers know no weights. Here a weight is a count: an example of weight 2 is
worth two copies of it, in the mean and in the pairs that others form with it.
One of weight 0 is taken out of both before anything is computed, and its row
is 0. Where pairs are only to exclude, and not to count, pass `weights > 0`.
"""

import numpy as np

from tests import reference


def rows_of(relation, teacher, student, weights=None):
    """Rows of `relation(teacher, student, weights)`, shape `(batch,)`.

    It sees the examples of positive weight alone, so that not even a nan in
    the others shows.
    """
    teacher = reference.float64(teacher)
    student = reference.float64(student)
    if weights is None:
        weights = np.ones(len(teacher))
    weights = reference.float64(weights)
    counts = weights > 0
    rows = np.zeros(len(teacher))
    if counts.any():
        rows[counts] = relation(
            teacher[counts], student[counts], weights[counts]
        )
    return rows


def mean(rows, weights=None):
    """The papers' number for the batch: the mean by the weights."""
    return np.average(rows, weights=weights)


def flat(features):
    """One vector per example, shape `(batch, everything else)`."""
    return features.reshape(len(features), -1)


def unit(vectors, epsilon=1e-12):
    """Vectors of length 1 along the last axis; those of zeros stay zeros.

    The length is at least `epsilon`, as in PyTorch's `normalize`.
    """
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(length, epsilon)


def huber(difference):
    """x^2 / 2 up to 1, from there |x| - 1/2; PyTorch calls it smooth L1."""
    size = np.abs(difference)
    return np.where(size < 1, 0.5 * size**2, size - 0.5)
