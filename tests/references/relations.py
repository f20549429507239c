"""Losses that compare relations between examples, in float64 NumPy.

`rows.py` says what a row is and what weights do. The teacher comes first;
widths may differ where the text does not ask for the same.
"""

import numpy as np

from tests import reference
from tests.references import rows


def correlation(x, y, weights=1.0, epsilon=1e-8):
    """Pearson's along the last axis: a cosine of what is left of the mean.

    `epsilon` is added to the product of the lengths, so that a constant has
    the correlation 0 with all, and a vector with itself slightly under 1.
    """
    weights = weights * np.ones(x.shape[-1])
    x = x - np.average(x, axis=-1, weights=weights)[..., np.newaxis]
    y = y - np.average(y, axis=-1, weights=weights)[..., np.newaxis]
    length = np.sqrt((x**2 @ weights) * (y**2 @ weights))
    return (x * y) @ weights / (length + epsilon)


def correlations(
    teacher,
    student,
    temperature=1.0,
    between_classes=1.0,
    within_class=1.0,
    weights=None,
):
    """Huang et al. 2022, DIST: T^2 (beta inter + gamma intra), `(batch,)`.

    `between_classes` is beta, `within_class` gamma, T the paper's tau. inter
    is 1 - the correlation of an example's two distributions. intra is the mean
    over the classes of 1 - the correlation of a class's probabilities over the
    batch: one number, which each row has. With weights, means and covariances
    over the batch are weighted. Their mean is the paper's loss, to which the
    published training gives the factor 2.
    """

    def relation(teacher, student, weights):
        p = reference.softmax(teacher, temperature)
        q = reference.softmax(student, temperature)
        inter = 1 - correlation(p, q)
        intra = (1 - correlation(p.T, q.T, weights)).mean()
        return temperature**2 * (between_classes * inter + within_class * intra)

    return rows.rows_of(relation, teacher, student, weights)


def mean_distances(embeddings, weights):
    """Distances by their mean over the pairs with one above 0.

    The square of a distance is at least 1e-12, as published, but for that of
    an example to itself. Silent: weights; a pair counts by their product, so
    two copies of an example, which are a pair of 1e-6, differ from weight 2.
    """
    batch = len(embeddings)
    distances = np.zeros((batch, batch))
    for i in range(batch):
        for j in range(batch):
            if i != j:
                square = np.square(embeddings[i] - embeddings[j]).sum()
                distances[i, j] = np.sqrt(max(square, 1e-12))
    pairs = np.outer(weights, weights) * (distances > 0)
    return distances * pairs.sum() / (pairs * distances).sum()


def distances(teacher, student, weights=None):
    """Park et al. 2019, RKD-D: Huber of relative distances, `(batch,)`.

    Row i is the mean over all j of the batch, i included, whose term is 0, so
    the mean of the rows is that over all batch^2 pairs. Each net has its own
    mean distance. Silent: a batch of one example; its row is 0.
    """

    def relation(teacher, student, weights):
        if len(weights) == 1:
            return 0.0
        difference = mean_distances(rows.flat(student), weights)
        difference -= mean_distances(rows.flat(teacher), weights)
        return rows.huber(difference) @ weights / weights.sum()

    return rows.rows_of(relation, teacher, student, weights)


def angles(teacher, student, weights=None):
    """Park et al. 2019, RKD-A: Huber of cosines of angles, `(batch,)`.

    Row i is the mean over all j and k of the angle at i; of j = i and k = i
    the term is 0, so the mean of the rows is that over all batch^3 triples.
    Silent: weights; a triple counts by their product.
    """

    def cosines(embeddings, i):
        directions = rows.unit(embeddings - embeddings[i])
        return directions @ directions.T

    def relation(teacher, student, weights):
        teacher, student = rows.flat(teacher), rows.flat(student)
        values = []
        for i in range(len(weights)):
            terms = rows.huber(cosines(student, i) - cosines(teacher, i))
            values.append(weights @ terms @ weights / weights.sum() ** 2)
        return values

    return rows.rows_of(relation, teacher, student, weights)


def similarities(teacher, student, weights=None):
    """Tung and Mori 2019, SP: squared distance of Gram rows by the batch.

    Features are flattened; each row of the Gram matrix over the batch gets
    length 1. Row i is (1 / B) sum_j of the squared differences, whose mean is
    ||A_T - A_S||_F^2 / B^2. Silent: a row of zeros, which stays zeros.
    """

    def relation(teacher, student, weights):
        def gram(features):
            features = rows.flat(features)
            # A copy more of an example is an entry more of the row.
            return rows.unit(features @ features.T * np.sqrt(weights))

        square = np.square(gram(student) - gram(teacher))
        return square.sum(axis=-1) / weights.sum()

    return rows.rows_of(relation, teacher, student, weights)


def neighbour_probabilities(teacher, student, weights=None, epsilon=1e-7):
    """Passalis and Tefas 2018, PKT: P log(P / Q) of cosine similarities.

    (cosine + 1) / 2 over the row's sum, the example itself included. Row i is
    the mean over j, whose mean over i is that over all batch^2 pairs; the sum
    over j is B times as much. `epsilon` is added to the lengths and to both
    sides of the ratio.
    """

    def relation(teacher, student, weights):
        def probabilities(embeddings):
            embeddings = rows.flat(embeddings)
            length = np.linalg.norm(embeddings, axis=-1, keepdims=True)
            embeddings = embeddings / (length + epsilon)
            similarity = (embeddings @ embeddings.T + 1) / 2
            return similarity / (similarity @ weights)[:, np.newaxis]

        p, q = probabilities(teacher), probabilities(student)
        terms = p * np.log((p + epsilon) / (q + epsilon))
        return terms @ weights / weights.sum()

    return rows.rows_of(relation, teacher, student, weights)
