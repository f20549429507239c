"""Validates the arguments of `co_training`."""

import keras
import numpy as np

from keras_kd._core.arguments import check_count
from keras_kd.procedures._co_training import learners as learning
from keras_kd.procedures._co_training.pool import CONFLICTS


def check(learners, views, labels, iterations, pool_size, conflict):
    """Validates the arguments, which are as in `co_training`.

    Returns:
        The labels, as an array of integers.
    """
    _check_pairs(learners, views)
    labels = _check_labels(labels)
    for place, learner in enumerate(learners):
        learning.check(learner, place, int(labels.max()) + 1)
    learning.check_pair(learners)
    for place, view in enumerate(views):
        counts = {part.shape[0] for part in keras.tree.flatten(view)}
        if counts != {len(labels)}:
            raise ValueError(
                "`views` must have a row for each of `labels`, with -1 for "
                f"unlabelled examples. Received: {sorted(counts)} rows in "
                f"views[{place}], for {len(labels)} labels."
            )
    check_count("iterations", iterations, "rounds of labelling", 0)
    check_count("pool_size", pool_size, "examples to look at")
    if conflict not in CONFLICTS:
        raise ValueError(
            f"`conflict` must be one of {', '.join(map(repr, CONFLICTS))}. "
            f"Received: conflict={conflict!r}."
        )
    return labels


def _check_pairs(learners, views):
    for name, value in (("learners", learners), ("views", views)):
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError(
                f"`{name}` must be a pair, since co-training has two views. "
                f"Received: {name}={type(value).__name__}."
            )
    for place, view in enumerate(views):
        if not all(hasattr(a, "shape") for a in keras.tree.flatten(view)):
            raise TypeError(
                "`views` must be arrays or sparse matrices with a row for "
                f"each example. Received: views[{place}] of type "
                f"{type(view).__name__}. Use `np.asarray`."
            )


def _check_labels(labels):
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not labels.size:
        raise ValueError(
            "`labels` must be class numbers, one for each example, with -1 "
            "for unlabelled examples. Received: an array of shape "
            f"{labels.shape} and dtype {labels.dtype}."
        )
    found = np.unique(labels[labels >= 0])
    if labels.min() < -1 or len(found) < 2 or found[-1] >= len(found):
        raise ValueError(
            "`labels` must have every class from 0 up to the largest, at "
            "least two, since a learner cannot label a class that it never "
            f"saw. Received: {np.unique(labels).tolist()}. Number the classes "
            "from 0, and label an example of each."
        )
    return labels.astype("int64")


def quotas(per_class, labels, pool_size):
    """Chooses the number of labels per class and iteration of a learner.

    Args:
        per_class: As in `co_training`.
        labels: Class numbers, and -1.
        pool_size: Number of examples that it chooses from.

    Returns:
        List of integers, one for each class.
    """
    counts = np.bincount(labels[labels >= 0])
    if per_class is None:
        per_class = np.floor(counts / counts.min() + 0.5).astype(int)
    numbers = np.asarray(per_class)
    if (
        numbers.shape != counts.shape
        or numbers.dtype.kind not in "iu"
        or numbers.min() < 0
        or numbers.max() == 0
    ):
        raise ValueError(
            "`per_class` must have an integer of at least 0 for each of the "
            f"{len(counts)} classes, and not only zeros. Received: per_class="
            f"{per_class!r}."
        )
    if numbers.sum() > pool_size:
        raise ValueError(
            "`per_class` must have a sum of at most `pool_size`, since a "
            "learner chooses the most certain of the pool and not all. "
            f"Received: per_class={numbers.tolist()}, pool_size={pool_size}. "
            "Pass `per_class`, or a larger pool."
        )
    return numbers.tolist()
