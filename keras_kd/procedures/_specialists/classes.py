"""Chooses the classes of each specialist."""

import numpy as np

# Online K-means often ends in a poor optimum; the best of so many is taken.
RESTARTS = 20


def cluster_classes(
    logits, num_specialists, classes_per_specialist, standardize, seed
):
    """Groups classes that a model often predicts together.

    Columns of the covariance matrix of its predictions are clustered by online
    K-means. No labels are needed.

    The largest number of a column is the variance of the class itself. Where
    that of one class is a few times that of another, K-means sees little else:
    of CIFAR-100 it makes clusters of one class with a high variance and one of
    all those with a low variance. So the predictions of each class can be
    standardised first, to variance 1.

    Reference: [Hinton et al., 2015](https://arxiv.org/abs/1503.02531),
    section 5.3.

    Args:
        logits: The model's, `(examples, classes)`.
        num_specialists: Number of sets.
        classes_per_specialist: Number of classes in a set, those whose columns
            are nearest to the centre of its cluster. `None` for the clusters
            themselves.
        standardize: Whether to standardise predictions; the paper does not
            specify it.
        seed: Seed of the clustering.

    Returns:
        A tuple of tuples of ascending class numbers.

    Raises:
        ValueError: If a cluster is empty.
    """
    from scipy import special
    from sklearn.cluster import MiniBatchKMeans

    predictions = special.softmax(np.asarray(logits, "float64"), axis=-1)
    columns = np.cov(predictions, rowvar=False)
    deviations = np.sqrt(np.diag(columns))
    # A class that is always as probable has a column of zeros.
    scale = np.maximum(deviations, 1e-12 * deviations.max() or 1.0)
    # Without standardisation too, numbers of the order of 1: K-means has
    # tolerances.
    scale = scale if standardize else np.full_like(scale, scale.max())
    columns = columns / np.outer(scale, scale)
    random = np.random.RandomState(seed)
    kmeans = min(
        (
            MiniBatchKMeans(num_specialists, random_state=random, n_init=1).fit(
                columns
            )
            for _ in range(RESTARTS)
        ),
        key=lambda fitted: fitted.inertia_,
    )
    if classes_per_specialist is None:
        members = [
            np.flatnonzero(kmeans.labels_ == m) for m in range(num_specialists)
        ]
    else:
        distances = kmeans.transform(columns)
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
