"""Means and covariances of vectors that come in batches."""

import numpy as np


class Moments:
    """Gathers the mean and the covariance of vectors.

    Batches are merged around their own means, in float64: the difference of a
    mean square and a squared mean would lose the digits of a small variance.

    Args:
        size: Number of components.
        is_full: Whether to gather covariances, or variances alone.
    """

    def __init__(self, size, is_full):
        self.count = 0
        self.mean = np.zeros(size)
        self._is_full = is_full
        self._spread = np.zeros((size, size) if is_full else size)

    def add(self, vectors):
        """Takes a batch in, `(vectors, size)`."""
        vectors = np.asarray(vectors, "float64")
        mean = vectors.mean(axis=0)
        centred = vectors - mean
        moved = mean - self.mean
        total = self.count + len(vectors)
        weight = self.count * len(vectors) / total
        if self._is_full:
            self._spread += centred.T @ centred
            self._spread += weight * np.outer(moved, moved)
        else:
            self._spread += np.sum(centred**2, axis=0) + weight * moved**2
        self.mean = self.mean + moved * len(vectors) / total
        self.count = total

    def covariance(self):
        """The unbiased covariance, or the variances if that is all there is.

        Returns:
            float64 `(size, size)`, or `(size,)`. At least two vectors must
            have been added.
        """
        return self._spread / (self.count - 1)


def cholesky_factor(covariance):
    """A factor L with `L @ L.T` equal to a covariance, singular or not.

    Covariances of activations are singular: a unit that never fires has none,
    and no more directions vary than there were examples. The plain algorithm
    fails there. With pivoting it stops at the rank instead, and nothing needs
    to be added to the diagonal.

    Args:
        covariance: Symmetric, positive semi-definite float64 `(size, size)`.

    Returns:
        float64 `(size, rank)`: lower triangular up to the order of its rows.
    """
    from scipy.linalg import lapack

    packed, pivots, rank, _ = lapack.dpstrf(covariance, lower=1)
    factor = np.zeros((len(covariance), rank))
    factor[pivots - 1] = np.tril(packed)[:, :rank]
    return factor
