"""Numbers by hand and identities of the references of relations."""

import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from scipy import special

from tests.references import contrasts
from tests.references import relations
from tests.references import rows

ROOT = math.sqrt(2)
CROSS = np.eye(2)  # Two vectors at a right angle.
SAME = np.ones((2, 1))  # Two that are one.

RELATIONS = (
    relations.correlations,
    relations.distances,
    relations.angles,
    relations.similarities,
    relations.neighbour_probabilities,
    contrasts.in_batch,
)
# Copies of an example are at no distance, for which the text has its own rule.
COUNTED = tuple(r for r in RELATIONS if r is not relations.distances)


def example(batch=6, width=4):
    return np.random.default_rng(1).normal(size=(2, batch, width))


def maps():
    return example(6, 12).reshape(2, 6, 2, 3, 2)


class WeightsTest(parameterized.TestCase):
    @parameterized.parameters(*RELATIONS)
    def test_an_excluded_example_is_in_no_pair(self, relation):
        teacher, student = example()
        kept = np.array([True, True, False, True, False, True])
        teacher[2] = student[2] = np.nan

        actual = relation(teacher, student, weights=kept)

        np.testing.assert_allclose(
            actual[kept], relation(teacher[kept], student[kept])
        )
        np.testing.assert_array_equal(actual[~kept], 0)

    @parameterized.parameters(*COUNTED)
    def test_a_weight_of_2_is_a_copy(self, relation):
        teacher, student = example()
        weights = np.array([2, 1, 1, 3, 0, 1])
        copies = np.repeat(np.arange(6), weights)

        actual = relation(teacher, student, weights=weights)

        of_copies = relation(teacher[copies], student[copies])
        np.testing.assert_allclose(actual[copies], of_copies, 1e-9, 1e-12)
        self.assertAlmostEqual(
            rows.mean(actual, weights), rows.mean(of_copies), 12
        )

    def test_a_distance_counts_by_both_weights(self):
        # Points 0 1 3 with weights 1 1 2: pairs 1, 3, 3, 2, 2 and mean 11/5.
        # The student's 0 1 2: pairs 1, 2, 2, 1, 1 and mean 7/5. Of the two at 3
        # none is a pair. At 0: terms 0, 5/7 - 5/11 and twice 10/7 - 15/11.
        actual = relations.distances(
            [[0.0], [1.0], [3.0]], [[0.0], [1.0], [2.0]], [1, 1, 2]
        )
        terms = (5 / 7 - 5 / 11) ** 2 + 2 * (10 / 7 - 15 / 11) ** 2
        np.testing.assert_allclose(actual[0], terms / 2 / 4)


class PapersNumbersTest(absltest.TestCase):
    """Means of rows are what the papers write for a whole batch."""

    def test_similarities(self):
        def gram(x):
            product = x @ x.T
            return product / np.linalg.norm(product, axis=1, keepdims=True)

        teacher, student = example()
        distance = np.linalg.norm(gram(teacher) - gram(student), "fro")
        self.assertAlmostEqual(
            relations.similarities(teacher, student).mean(), distance**2 / 36
        )

    def test_angles(self):
        def cosines(x):
            e = x[np.newaxis] - x[:, np.newaxis]
            e /= np.maximum(np.linalg.norm(e, axis=2, keepdims=True), 1e-12)
            return np.einsum("ijd,ikd->ijk", e, e)

        teacher, student = example()
        difference = cosines(student) - cosines(teacher)
        self.assertAlmostEqual(
            relations.angles(teacher, student).mean(),
            special.huber(1, difference).mean(),
        )


class CorrelationsTest(absltest.TestCase):
    def test_by_hand(self):
        # Rows rise and fall as the teacher's: 1; or the other way round: -1.
        # The student's columns are constant: correlation 0 with all.
        actual = relations.correlations(
            np.log([[3.0, 1.0], [1.0, 3.0]]), np.log([[2.0, 1.0]] * 2)
        )
        np.testing.assert_allclose(actual, [0 + 1, 2 + 1], atol=1e-6)

    def test_equals_numpys(self):
        x, y = example()
        np.testing.assert_allclose(
            relations.correlation(x, y),
            [np.corrcoef(*pair)[0, 1] for pair in zip(x, y, strict=True)],
            rtol=1e-7,
        )

    def test_parts_have_factors(self):
        teacher, student = example()

        def loss(*factors):
            return relations.correlations(teacher, student, 4.0, *factors)

        np.testing.assert_allclose(
            loss(2, 3), 2 * loss(1, 0) + 3 * loss(0, 1), rtol=1e-12
        )
        self.assertEqual(np.ptp(loss(0, 1)), 0)

    def test_temperature(self):
        # T x logits at T are the logits at 1, but for the factor T^2.
        teacher, student = example()
        np.testing.assert_allclose(
            relations.correlations(4 * teacher, 4 * student, 4.0),
            16 * relations.correlations(teacher, student),
        )

    def test_is_nearly_0_at_equality(self):
        # 1e-8 by the product of lengths, of which the smallest is over .01.
        teacher, _ = example()
        actual = relations.correlations(teacher, teacher)
        self.assertLess(actual.max(), 2e-6)
        self.assertGreater(actual.min(), 0)


class DistancesTest(absltest.TestCase):
    def test_by_hand(self):
        # Distances 1 3 2 by their mean 2, and 1 2 1 by 4/3: differences 1/4, 0
        # and -1/4, of which each of two rows has one and one both. Over 3.
        actual = relations.distances(
            [[0.0], [1.0], [3.0]], [[0.0], [1.0], [2.0]]
        )
        np.testing.assert_allclose(actual, np.array([1, 2, 1]) / 96)

    def test_scale_shift_and_rotation_do_not_matter(self):
        teacher, student = example()
        turn = np.linalg.qr(teacher[:4])[0]
        np.testing.assert_allclose(
            relations.distances(3 * teacher - 1, student),
            relations.distances(teacher, student @ turn),
        )

    def test_copies_are_a_pair_of_one_millionth(self):
        # Mean (4 + 2e-6 / 2) / 6 over the six pairs of 0 0 1, of two each.
        actual = relations.mean_distances(
            np.array([[0.0], [0.0], [1.0]]), np.ones(3)
        )
        mean = (4 + 2e-6) / 6
        np.testing.assert_allclose(actual[0], [0, 1e-6 / mean, 1 / mean])

    def test_one_example_has_no_pair(self):
        self.assertEqual(relations.distances(SAME[:1], SAME[:1]), 0)


class AnglesTest(absltest.TestCase):
    def test_by_hand(self):
        # A right angle at 0, 45 degrees at the others; the student's points
        # are in a line: cosines 1, -1 and 1. Two of nine terms at each.
        actual = relations.angles(
            [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [[0.0], [1.0], [2.0]]
        )
        half = ROOT / 2
        terms = [1 / 2, half + 1 - 1 / 2, (1 - half) ** 2 / 2]
        np.testing.assert_allclose(actual, 2 * np.array(terms) / 9)

    def test_scale_shift_and_rotation_do_not_matter(self):
        teacher, student = example()
        turn = np.linalg.qr(teacher[:4])[0]
        np.testing.assert_allclose(
            relations.angles(3 * teacher - 1, student),
            relations.angles(teacher, student @ turn),
        )


class SimilaritiesTest(absltest.TestCase):
    def test_by_hand(self):
        # Rows 1 0 against 1 1 by its length: (1 - 1/sqrt(2))^2 + 1/2 over 2.
        np.testing.assert_allclose(
            relations.similarities(CROSS, SAME), [1 - ROOT / 2] * 2
        )

    def test_an_example_of_zeros_has_a_row_of_zeros(self):
        # The teacher's first row is (0, 0), the student's (1, 1) / sqrt(2).
        teacher = np.array([[0.0], [1.0]])
        expected = [1 / 2, ((1 - ROOT / 2) ** 2 + 1 / 2) / 2]
        np.testing.assert_allclose(
            relations.similarities(teacher, SAME), expected
        )

    def test_rotation_of_features_does_not_matter(self):
        teacher, student = example()
        turn = np.linalg.qr(teacher[:4])[0]
        np.testing.assert_allclose(
            relations.similarities(teacher, student @ turn),
            relations.similarities(teacher, student),
        )

    def test_maps_are_flattened(self):
        teacher, student = maps()
        np.testing.assert_allclose(
            relations.similarities(teacher, student),
            relations.similarities(*example(6, 12)),
        )


class NeighbourProbabilitiesTest(absltest.TestCase):
    def test_by_hand(self):
        # Similarities 1 and 1/2: 2/3 1/3, against 1/2 1/2. The mean over two.
        expected = (math.log(4 / 3) * 2 + math.log(2 / 3)) / 3 / 2
        np.testing.assert_allclose(
            relations.neighbour_probabilities(CROSS, SAME),
            [expected] * 2,
            rtol=1e-5,
        )

    def test_lengths_do_not_matter(self):
        teacher, student = example()
        np.testing.assert_allclose(
            relations.neighbour_probabilities(7 * teacher, student),
            relations.neighbour_probabilities(teacher, student),
            rtol=1e-5,
        )


if __name__ == "__main__":
    absltest.main()
