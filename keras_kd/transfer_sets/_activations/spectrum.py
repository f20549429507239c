"""Frequencies of a network, and compressed signals on it.

Formulas are in float64 and NumPy: they are needed once for a record and once
for a reconstruction, never in a step.
"""

import math

import numpy as np

from keras_kd.transfer_sets._activations.moments import cholesky_factor


def adjacency(matrices):
    """Weights between all nodes of a network.

    Each edge is there in both directions. With the direction in which a
    network computes, the matrix would be nilpotent: all its eigenvalues were
    zero, and it had no basis of eigenvectors.

    Args:
        matrices: Weights from each group of nodes to the next.

    Returns:
        Symmetric float64 `(nodes, nodes)`.
    """
    sizes = [len(matrix) for matrix in matrices] + [matrices[-1].shape[1]]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    weights = np.zeros((starts[-1], starts[-1]))
    for index, matrix in enumerate(matrices):
        rows = slice(starts[index], starts[index + 1])
        columns = slice(starts[index + 1], starts[index + 2])
        weights[rows, columns] = matrix
        weights[columns, rows] = matrix.T
    return weights


def eigenbasis(weights):
    """Eigenvectors of a network, the same ones on each machine.

    The network has more nodes in one half of its groups than in the other, so
    there are many eigenvectors for the eigenvalue zero, and any rotation of
    them is as good. Which one a library returns is chance, and a record would
    mean something else on the next machine. A pivoted Cholesky factor of the
    projection on that space is a basis too, and there is one only.

    Args:
        weights: As `adjacency` returns them.

    Returns:
        float64 `(nodes, nodes)`, an eigenvector in each column, orthonormal.
    """
    values, vectors = np.linalg.eigh(weights)
    scale = np.abs(values).max() or 1.0
    is_zero = np.abs(values) <= scale * len(values) * np.finfo("float64").eps
    null = vectors[:, is_zero]
    if null.shape[1]:
        projection = null @ null.T
        factor = cholesky_factor((projection + projection.T) / 2)
        vectors[:, is_zero] = factor[:, : null.shape[1]]
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[largest, np.arange(len(vectors))])
    return vectors * signs


def compress(signals, basis, kept):
    """Keeps the largest coefficients of signals.

    Args:
        signals: `(signals, nodes)`.
        basis: As `eigenbasis` returns it.
        kept: Which part of the coefficients is kept, rounded up to a number.

    Returns:
        `(coefficients, frequencies)`: float32 and int32 `(signals, number)`,
        frequencies rising.
    """
    coefficients = np.asarray(signals, "float64") @ basis
    number = math.ceil(kept * basis.shape[1])
    order = np.argsort(-np.abs(coefficients), axis=1, kind="stable")
    frequencies = np.sort(order[:, :number], axis=1)
    chosen = np.take_along_axis(coefficients, frequencies, axis=1)
    return chosen.astype("float32"), frequencies.astype("int32")


def expand(coefficients, frequencies, basis):
    """Computes the signals of some coefficients.

    Args:
        coefficients: `(signals, number)`.
        frequencies: The column of `basis` that each belongs to.
        basis: As `eigenbasis` returns it.

    Returns:
        float32 `(signals, nodes)`.
    """
    full = np.zeros((len(coefficients), basis.shape[1]))
    np.put_along_axis(full, frequencies, coefficients, axis=1)
    return (full @ basis.T).astype("float32")
