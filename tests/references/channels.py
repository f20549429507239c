"""Channels standardised over a batch, in float64 NumPy.

`rows.py` says what a row is and what weights do. The teacher comes first.
"""

import numpy as np

from tests import reference
from tests.references import rows


def standardised_channels(features, weights, epsilon=1e-6):
    """Channels of mean 0 and deviation 1 over examples and positions.

    The variance is that of a sample, by their number less 1; epsilon is added
    to the deviation.
    """
    channels = features.shape[-1]
    samples = features.reshape(-1, channels)
    counts = np.repeat(weights, len(samples) // len(weights))
    centred = samples - np.average(samples, axis=0, weights=counts)
    variance = counts @ centred**2 / (counts.sum() - 1)
    result = centred / (np.sqrt(variance) + epsilon)
    return result.reshape(features.shape)


def channel_correlations(teacher, student, weights=None):
    """Cao et al. 2022, PKD: half the mean square of standardised channels.

    Features `(batch, height, width, channels)` of one shape, since resizing is
    the caller's. Row i is the mean over the example's map, and the mean of the
    rows is (n - 1) / n (1 - r): r is the mean correlation of the channels over
    n = batch * height * width samples.
    """

    def relation(teacher, student, weights):
        square = np.square(
            standardised_channels(student, weights)
            - standardised_channels(teacher, weights)
        )
        return 0.5 * rows.flat(square).mean(axis=-1)

    return rows.rows_of(relation, teacher, student, weights)


def whitened(features, weights=None, epsilon=1e-5):
    """Miles et al. 2024, VkD: features of mean 0 and covariance 1.

    Of vectors `(batch, channels)`, over the batch. The text is silent on how:
    the covariance is divided by the number of examples, epsilon is added to
    its diagonal, and its symmetric inverse root is taken, which turns features
    as little as any whitening can. An example of weight 0 gives zeros.
    """

    features = reference.float64(features)
    if weights is None:
        weights = np.ones(len(features))
    weights = reference.float64(weights)
    counts = weights > 0
    kept, weights = features[counts], weights[counts]
    centred = kept - np.average(kept, axis=0, weights=weights)
    covariance = centred.T * weights @ centred / weights.sum()
    variances, axes = np.linalg.eigh(covariance)
    result = np.zeros(features.shape)
    result[counts] = centred @ (axes / np.sqrt(variances + epsilon)) @ axes.T
    return result
