"""Embeddings: what is found among their nearest neighbours."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import as_array
from keras_kd._core.kinds import check_list
from keras_kd._core.kinds import check_pair
from keras_kd._types import Tensor

# Queries whose similarities to all others are in memory at once.
BLOCK = 512


@dataclasses.dataclass(frozen=True)
class Retrieval:
    """Quality of the neighbours that embeddings have.

    Attributes:
        recall: For each rank `k`, the part of the queries that have an example
            of their label among their `k` nearest.
        mean_average_precision: Mean over the queries of the average precision,
            over the whole order of the others.
        queries: Number of queries: examples that have another of their label.
    """

    recall: dict[int, float]
    mean_average_precision: float
    queries: int


def retrieval(
    labels: Tensor,
    embeddings: Tensor,
    *,
    ranks: Sequence[int] = (1, 5, 10),
    gallery: tuple[Tensor, Tensor] | None = None,
) -> Retrieval:
    """Searches each example's label among its nearest neighbours.

    Near is a small angle. This is a function of a whole set and no metric of
    `fit`, since a mean over batches would search in batches: the fewer the
    others, the easier it is to be found.

    Args:
        labels: A number for each example, `(examples,)`.
        embeddings: Vectors of the examples, `(examples, width)`, as `predict`
            gives them. Their lengths do not count.
        ranks: Numbers of neighbours among which to search. Defaults to
            `(1, 5, 10)`.
        gallery: Labels and embeddings in which to search. Defaults to `None`:
            among the other examples.

    Returns:
        A `Retrieval`. Examples whose label nothing else has are no queries.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If the shapes do not fit, numbers are not finite, a rank is
            no count, or no label is there twice.

    Example:

    The first two are nearest to each other; the others have both of them
    between, and find each other last of three.

    >>> found = keras_kd.report.retrieval(
    ...     [0, 0, 1, 1], [[1, 0], [1, 0.1], [1, 1], [1, -1]], ranks=(1, 3))
    >>> found.recall
    {1: 0.5, 3: 1.0}
    """
    ranks = check_list("ranks", ranks, "numbers of neighbours")
    for rank in ranks:
        check_count("ranks", rank, "neighbours")
    labels, vectors = _labelled(labels, embeddings)
    others = labels, vectors
    if gallery is not None:
        gallery = check_pair("gallery", gallery, "labels and embeddings")
        others = _labelled(*gallery, of="gallery")
    _check_widths(vectors, others[1], "gallery")
    firsts, precisions = [], []
    for start, order in _orders(vectors, others[1], gallery is None):
        own = labels[start : start + BLOCK, None]
        hits = others[0][order] == own
        if gallery is None:
            hits[:, -1] = False  # The example itself.
        hits = hits[hits.any(axis=1)]
        firsts.append(hits.argmax(axis=1))
        found = np.cumsum(hits, axis=1)
        precision = found / np.arange(1, hits.shape[1] + 1)
        precisions.append((precision * hits).sum(axis=1) / found[:, -1])
    first, precision = np.concatenate(firsts), np.concatenate(precisions)
    if not len(first):
        raise ValueError(
            "`labels` must have one that another example has too, since that "
            "is what is searched. Received: labels that are all different. "
            "Give those of classes."
        )
    return Retrieval(
        {int(k): float(np.mean(first < k)) for k in ranks},
        float(precision.mean()),
        len(first),
    )


def neighbour_overlap(teacher: Tensor, student: Tensor, k: int = 10) -> float:
    """Compares the neighbours that examples have in two embeddings.

    It needs no labels, and the embeddings may differ in width.

    Args:
        teacher: Vectors of the examples, `(examples, width)`.
        student: Vectors of the same examples in the same order.
        k: Number of neighbours, by angle. Defaults to `10`.

    Returns:
        The part of an example's `k` nearest in one that are among its `k`
        nearest in the other, mean over the examples. At random it is
        `k / (examples - 1)`.

    Raises:
        TypeError: If an argument is not an array of numbers.
        ValueError: If the shapes do not fit, numbers are not finite, or there
            are not more than `k` examples.

    Example:

    >>> line = np.stack([np.ones(6), np.arange(6)], axis=1)
    >>> keras_kd.report.neighbour_overlap(line, line[:, ::-1], k=2)
    1.0
    """
    check_count("k", k, "neighbours")
    teacher, student = _unit("teacher", teacher), _unit("student", student)
    if len(teacher) != len(student) or len(teacher) <= k:
        raise ValueError(
            "`teacher` and `student` must be of the same examples, more than "
            f"`k`. Received: shapes {teacher.shape} and {student.shape}, k={k}."
        )
    parts = []
    for (_, one), (_, other) in zip(
        _orders(teacher, teacher, True),
        _orders(student, student, True),
        strict=True,
    ):
        parts += [
            len(np.intersect1d(*pair)) / k
            for pair in zip(one[:, :k], other[:, :k], strict=True)
        ]
    return float(np.mean(parts))


def _orders(vectors, others, are_same):
    """Yields starts of blocks and the order of the others, nearest first.

    Args:
        vectors: Of length 1, `(queries, width)`.
        others: Of length 1, `(number, width)`.
        are_same: Whether each is its own other; it comes last then.
    """
    for start in range(0, len(vectors), BLOCK):
        similarity = vectors[start : start + BLOCK] @ others.T
        if are_same:
            rows = np.arange(len(similarity))
            similarity[rows, start + rows] = -np.inf
        yield start, np.argsort(-similarity, axis=1, kind="stable")


def _labelled(labels, embeddings, of=None):
    """Labels and embeddings of length 1, checked."""
    names = ("labels", "embeddings") if of is None else (of, of)
    labels = as_array(names[0], labels, "a label for each example")
    vectors = _unit(names[1], embeddings)
    if labels.shape != vectors.shape[:1]:
        raise ValueError(
            f"`{names[1]}` must have a row for each label. Received: labels of "
            f"shape {labels.shape}, embeddings of shape {vectors.shape}."
        )
    return labels, vectors


def _unit(name, vectors):
    """Vectors of length 1, checked; zeros stay."""
    vectors = as_array(name, vectors, "a vector for each example")
    if vectors.ndim != 2 or not len(vectors) or not np.isfinite(vectors).all():
        raise ValueError(
            f"`{name}` must have vectors (examples, width) of finite numbers. "
            f"Received: shape {vectors.shape}, with "
            f"{np.sum(~np.isfinite(vectors))} that are not finite."
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def _check_widths(vectors, others, name):
    if vectors.shape[1] != others.shape[1]:
        raise ValueError(
            f"`{name}` must have embeddings of one width with the queries'. "
            f"Received: shapes {vectors.shape} and {others.shape}."
        )
