"""Wrong uses of reports on embeddings."""

import functools
import math

import numpy as np

from keras_kd import report
from tests.conformance.misuse_rows import wrong


def rows():
    """All of them."""
    vectors, nan = np.eye(3), np.full((3, 2), math.nan)
    call = functools.partial(
        report.retrieval, labels=[0, 0, 1], embeddings=vectors
    )
    of = "report.retrieval"
    rows = wrong(of, call, "embeddings", "ab", {"a": 1}, shown="of type ")
    given = np.ones(3), nan, np.ones((0, 2))
    rows += wrong(of, call, "embeddings", *given, shown="shape (")
    rows += wrong(of, call, "embeddings", np.eye(2), shown="labels of shape")
    rows += wrong(of, call, "labels", ["a", "b", "c"], shown="of type list")
    rows += wrong(
        of, call, "labels", [0, 1, 2], shown="all different", remedy=[0, 0, 1]
    )
    rows += wrong(of, call, "ranks", 1, None, shown="ranks=")
    rows += wrong(of, call, "ranks", [0], [1.5], [True], shown="ranks=")
    rows += wrong(of, call, "gallery", 1, [[0], vectors, 1], shown="gallery=")
    rows += wrong(of, call, "gallery", ([0, 0], np.eye(2)), shown="(2, 2)")
    of = "report.neighbour_overlap"
    call = functools.partial(
        report.neighbour_overlap, teacher=vectors, student=vectors, k=2
    )
    rows += wrong(of, call, "teacher", "ab", shown="of type ")
    rows += wrong(of, call, "student", nan, np.ones((2, 2)), shown="(")
    rows += wrong(of, call, "k", 0, 1.5, remedy=1)
    rows += wrong(of, call, "k", 3, shown="k=3")
    return rows
