import numpy as np
from absl.testing import absltest
from sklearn import metrics
from sklearn import neighbors

from keras_kd import report
from keras_kd.report import embeddings

RANDOM = np.random.default_rng(0)
# More than a block of queries.
LABELS = RANDOM.integers(0, 12, embeddings.BLOCK + 90)
VECTORS = RANDOM.normal(size=(len(LABELS), 4)) + np.stack(
    [3 * np.cos(LABELS), 3 * np.sin(LABELS), LABELS / 9, -LABELS / 9], axis=1
)


def by_scikit_learn(labels, vectors, others, other_labels, same):
    """Places of the first hit, from 0, and average precisions of queries."""
    similarity = 1 - metrics.pairwise.cosine_distances(vectors, others)
    firsts, precisions = [], []
    for place, (row, label) in enumerate(zip(similarity, labels, strict=True)):
        kept = np.ones(len(row), bool)
        kept[place] = not same
        hits, near = other_labels[kept] == label, row[kept]
        if hits.any():
            firsts.append(np.sum(near > near[hits].max()))
            precisions.append(metrics.average_precision_score(hits, near))
    return np.array(firsts), precisions


class RetrievalTest(absltest.TestCase):
    def check(self, found, firsts, precisions):
        for rank, recall in found.recall.items():
            self.assertAlmostEqual(recall, np.mean(firsts < rank))
        self.assertAlmostEqual(
            found.mean_average_precision, np.mean(precisions), 6
        )
        self.assertEqual(found.queries, len(firsts))

    def test_equals_scikit_learn(self):
        found = report.retrieval(LABELS, 3 * VECTORS)
        self.assertBetween(found.recall[1], 0.2, 0.8)
        self.check(
            found, *by_scikit_learn(LABELS, VECTORS, VECTORS, LABELS, True)
        )

    def test_a_gallery_is_searched_in_place_of_the_others(self):
        few, many = slice(0, 40), slice(40, None)
        found = report.retrieval(
            LABELS[few],
            VECTORS[few],
            ranks=[2],
            gallery=(LABELS[many], VECTORS[many]),
        )
        self.assertEqual(list(found.recall), [2])
        self.check(
            found,
            *by_scikit_learn(
                LABELS[few], VECTORS[few], VECTORS[many], LABELS[many], False
            ),
        )

    def test_what_nothing_else_has_is_no_query(self):
        found = report.retrieval(
            [0, 0, 7], [[1, 0], [1, 0.1], [1, 0.05]], ranks=(1, 2)
        )
        # The third lies between the two.
        self.assertEqual(found.recall, {1: 0.0, 2: 1.0})
        self.assertEqual(found.mean_average_precision, 0.5)
        self.assertEqual(found.queries, 2)


class NeighbourOverlapTest(absltest.TestCase):
    def test_equals_scikit_learn(self):
        other = VECTORS[:, :2] + 0.3 * RANDOM.normal(size=(len(VECTORS), 2))
        near = []
        for vectors in (VECTORS, other):
            search = neighbors.NearestNeighbors(n_neighbors=5, metric="cosine")
            near.append(search.fit(vectors).kneighbors(return_distance=False))
        expected = np.mean(
            [len(set(a) & set(b)) / 5 for a, b in zip(*near, strict=True)]
        )
        found = report.neighbour_overlap(VECTORS, other, k=5)
        self.assertAlmostEqual(found, expected)
        self.assertBetween(found, 0.05, 0.9)

    def test_a_turn_and_a_scale_change_no_neighbour(self):
        turn, _ = np.linalg.qr(RANDOM.normal(size=(4, 4)))
        self.assertEqual(
            report.neighbour_overlap(VECTORS, 7 * VECTORS @ turn), 1
        )


if __name__ == "__main__":
    absltest.main()
