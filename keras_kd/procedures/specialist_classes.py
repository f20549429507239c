"""Chooses the classes of each specialist."""

import numpy as np

from keras_kd.procedures.specialist_inference import softmax


def cluster_classes(logits, num_specialists, classes_per_specialist, seed):
    """Groups classes that a model often predicts together.

    Columns of the covariance matrix of its predictions are clustered by online
    K-means. No labels are needed.

    Reference: [Hinton et al., 2015](https://arxiv.org/abs/1503.02531),
    section 5.3.

    Args:
        logits: The model's, `(examples, classes)`.
        num_specialists: Number of sets.
        classes_per_specialist: Number of classes in a set, those whose columns
            are nearest to the centre of its cluster. `None` for the clusters
            themselves.
        seed: Seed of the clustering.

    Returns:
        A tuple of tuples of ascending class numbers.

    Raises:
        ValueError: If a cluster is empty.
    """
    from sklearn.cluster import MiniBatchKMeans

    covariance = np.cov(softmax(logits), rowvar=False)
    # Of the order of 1 / classes, which the tolerances of K-means are not for.
    columns = covariance.T / np.max(np.abs(covariance))
    kmeans = MiniBatchKMeans(num_specialists, random_state=seed, n_init=10)
    distances = kmeans.fit_transform(columns)
    if classes_per_specialist is None:
        members = [
            np.flatnonzero(kmeans.labels_ == m) for m in range(num_specialists)
        ]
    else:
        order = np.argsort(distances, axis=0, kind="stable")
        members = np.sort(order[:classes_per_specialist].T, axis=-1)
    if not all(map(len, members)):
        raise ValueError(
            "`num_specialists` must be small enough to give each specialist a "
            "cluster of classes, since the generalist confuses no more groups "
            f"than that. Received: num_specialists={num_specialists}, of which "
            f"{sum(not len(m) for m in members)} would have no class."
        )
    return tuple(tuple(map(int, classes)) for classes in members)
