"""Numbers by hand and identities of the contrastive references."""

import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from tests.references import contrasts

CROSS = np.eye(2)


class InBatchTest(parameterized.TestCase):
    def test_pairs_that_fit(self):
        # Each against one at a right angle: log(1 + exp(-scale)). Lengths and
        # the bias do not matter, and both softmaxes are the same.
        actual = contrasts.in_batch(3 * CROSS, 5 * CROSS, 2.0, bias=7.0)
        np.testing.assert_allclose(actual, [math.log1p(math.exp(-2))] * 2)

    def test_the_softmax_over_students_comes_first(self):
        # Logits s -s for both students with exp(2 s) = 3: over teachers 3/4
        # 1/4, over students 1/2 1/2, whose divergence from the former is
        # 1/2 ln(2/3) + 1/2 ln 2.
        actual = contrasts.in_batch(
            [[1.0], [-1.0]], [[1.0], [1.0]], math.log(3) / 2, consistency=3.0
        )
        divergence = math.log(4 / 3) / 2
        np.testing.assert_allclose(actual, 3 * divergence + np.log([4 / 3, 4]))

    def test_rows_of_the_second_part_belong_to_the_example(self):
        # Written out, entry by entry; the logits of student i are row i.
        logits = np.array([[1.0, 0.0, 0.6], [0.0, 1.0, 0.8], [0.8, 0.6, 0.96]])
        teacher = [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]
        student = [[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]]
        weights = np.exp(logits)
        expected = []
        for i in range(3):
            first = weights[:, i] / weights[:, i].sum()
            second = weights[i] / weights[i].sum()
            divergence = sum(
                p * math.log(p / q) for p, q in zip(first, second, strict=True)
            )
            expected.append(divergence / 2 - math.log(second[i]))
        actual = contrasts.in_batch(teacher, student, 1.0)
        np.testing.assert_allclose(actual, expected)

    def test_scale_has_a_limit(self):
        np.testing.assert_array_equal(
            contrasts.in_batch(CROSS, CROSS, 99.0),
            contrasts.in_batch(CROSS, CROSS, 10.0),
        )


class QueueTest(absltest.TestCase):
    def test_by_hand(self):
        # Teacher e_0 at 1/a, student e_1 at 1/b: with p = sigmoid(a) for entry
        # 0, -log q is b + log(1 + exp(-b)) there and the latter at entry 1.
        a, b = 1 / 0.5, 1 / 0.25
        p = 1 / (1 + math.exp(-a))
        actual = contrasts.queue_relation(
            [[3.0, 0.0]], [[0.0, 4.0]], CROSS, 0.5, 0.25
        )
        np.testing.assert_allclose(actual, [p * b + math.log1p(math.exp(-b))])

    def test_default_temperatures_are_the_sharp_teachers(self):
        given = [[1.0, 2.0]], [[2.0, 1.0]], CROSS
        np.testing.assert_array_equal(
            contrasts.queue_relation(*given),
            contrasts.queue_relation(*given, 0.02, 0.1),
        )

    def test_divergence_is_the_cross_entropy_less_the_entropy(self):
        teacher, student, queue = [[1.0, 2.0]], [[2.0, 1.0]], CROSS
        np.testing.assert_allclose(
            contrasts.queue_relation_divergence(teacher, student, queue, 0.3),
            contrasts.queue_relation(teacher, student, queue, 0.3, 0.3)
            - contrasts.queue_relation(teacher, teacher, queue, 0.3, 0.3),
        )

    def test_the_oldest_leave(self):
        queue = np.array([[1.0, 0.0], [0.0, 1.0]])
        new = [[0.0, -5.0], [9.0, 9.0], [3.0, 4.0]]
        actual = contrasts.enqueue(queue, new, 3, weights=[1, 0, 1])
        np.testing.assert_allclose(actual, [[0, 1], [0, -1], [0.6, 0.8]])


class BankTest(absltest.TestCase):
    # Scores, exp(similarity) by Z: e / e for the own entry, 1 / e for another.
    bank = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])

    def test_by_hand(self):
        # K / N = 2/3: h = 1 / (1 + 2/3), twice (2/3) / (1/e + 2/3). The other
        # net's is anchored at e_1, 1 / e for its own and 1 for e_1.
        actual = contrasts.bank_contrast(
            *([[0.0, 2.0]], [[2.0, 0.0]], self.bank, self.bank),
            *([[0, 1, 2]], math.e, math.e, 1.0),
        )
        one, other = 1, math.exp(-1)
        third = math.exp(-2)  # Of the opposite of e_1.
        student = (one + 2 / 3) / one * (other * 3 / 2 + 1) ** 2
        teacher = (other + 2 / 3) / other * (one * 3 / 2 + 1)
        teacher *= third * 3 / 2 + 1
        expected = math.log(student * teacher)
        np.testing.assert_allclose(actual, [expected], rtol=1e-6)

    def test_each_net_has_its_normaliser_and_the_others_bank(self):
        indices, far = [[0, 1, 2]], np.roll(self.bank, 1, axis=0)
        given = self.bank, far, indices, 2.0, 3.0, 1.0
        actual = contrasts.bank_contrast([[1.0, 0.0]], [[0.0, 1.0]], *given)
        np.testing.assert_allclose(
            actual,
            contrasts.bank_side([[0.0, 1.0]], self.bank, indices, 3.0, 1.0)
            + contrasts.bank_side([[1.0, 0.0]], far, indices, 2.0, 1.0),
        )

    def test_normaliser_is_the_mean_times_the_entries(self):
        actual = contrasts.bank_normaliser(
            [[2.0, 0.0]], self.bank, np.array([[0, 1]]), temperature=0.5
        )
        self.assertAlmostEqual(actual, 3 * (math.exp(2) + 1) / 2)

    def test_update_by_hand(self):
        # e_0 / 2 + e_1 / 2 at length 1; an example of weight 0 stays out.
        actual = contrasts.updated_bank(
            self.bank, [[0.0, 3.0], [1.0, 0.0]], [0, 1], weights=[1, 0]
        )
        half = math.sqrt(1 / 2)
        np.testing.assert_allclose(actual, [[half, half], *self.bank[1:]])
        np.testing.assert_array_equal(self.bank[0], [1, 0])


if __name__ == "__main__":
    absltest.main()
