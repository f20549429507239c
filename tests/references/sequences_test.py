"""Numbers by hand and identities of the references of language models."""

import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from tests import reference
from tests.references import sequences

# 3/4 1/4 and 1/2 1/2.
TEACHER = np.log([[3.0, 1.0]])
STUDENT = np.zeros((1, 2))
FORWARD = 3 / 4 * math.log(3 / 2) + 1 / 4 * math.log(1 / 2)
REVERSE = math.log(2 / 3) / 2 + math.log(2) / 2


def example(classes=5):
    return np.random.default_rng(4).normal(size=(2, 3, 4, classes))


class DivergencesTest(parameterized.TestCase):
    @parameterized.parameters(1.0, 2.0)
    def test_reverse_by_hand(self, temperature):
        # No factor temperature^2.
        actual = sequences.reverse_divergence(
            temperature * TEACHER, STUDENT, temperature
        )
        np.testing.assert_allclose(actual, [REVERSE])

    def test_jensen_shannon_by_hand(self):
        # Teacher's share 1/4: 9/16 7/16.
        actual = sequences.jensen_shannon(TEACHER, STUDENT, 0.25)
        teacher = 3 / 4 * math.log(4 / 3) + 1 / 4 * math.log(4 / 7)
        student = (math.log(8 / 9) + math.log(8 / 7)) / 2
        np.testing.assert_allclose(actual, [teacher / 4 + student * 3 / 4])

    def test_jensen_shannon_of_random_logits(self):
        # As printed by a program of its own for these logits.
        student, teacher = np.random.default_rng(1).normal(size=(2, 6, 5))
        for beta, expected in (0.5, 0.11752589722024796), (0, 0.58730248546484):
            actual = sequences.jensen_shannon(teacher, student, beta)
            self.assertAlmostEqual(actual.mean(), expected, 12)

    def test_jensen_shannon_ends_by_definition(self):
        np.testing.assert_allclose(
            sequences.jensen_shannon(TEACHER, STUDENT, 0), [FORWARD]
        )
        np.testing.assert_allclose(
            sequences.jensen_shannon(TEACHER, STUDENT, 1), [REVERSE]
        )

    def test_jensen_shannon_jumps_by_beta_at_its_ends(self):
        teacher, student = example()
        for beta, end in (1e-6, 0), (1 - 1e-6, 1):
            np.testing.assert_allclose(
                sequences.jensen_shannon(teacher, student, beta) / 1e-6,
                sequences.jensen_shannon(teacher, student, end),
                rtol=1e-4,
            )

    def test_jensen_shannon_of_what_excludes_each_other_is_ln_2(self):
        actual = sequences.jensen_shannon([0.0, -1e4], [-1e4, 0.0])
        self.assertAlmostEqual(actual, math.log(2))

    def test_jensen_shannon_at_a_temperature(self):
        teacher, student = example()
        np.testing.assert_allclose(
            sequences.jensen_shannon(teacher, student, 0.3, 2.0),
            sequences.jensen_shannon(teacher / 2, student / 2, 0.3),
        )

    def test_skewed_by_hand(self):
        # The teacher's share 1/2: 5/8 3/8.
        actual = sequences.skewed_divergence(TEACHER, STUDENT, 0.5)
        expected = 3 / 4 * math.log(6 / 5) + 1 / 4 * math.log(2 / 3)
        np.testing.assert_allclose(actual, [expected])

    def test_skewed_reverse_by_hand(self):
        # The student's share 1/4: 1/8 + 9/16 and 1/8 + 3/16.
        actual = sequences.skewed_reverse_divergence(TEACHER, STUDENT, 0.25)
        expected = (math.log(8 / 11) + math.log(8 / 5)) / 2
        np.testing.assert_allclose(actual, [expected])

    def test_without_skew_they_are_the_divergences(self):
        np.testing.assert_allclose(
            sequences.skewed_divergence(TEACHER, STUDENT, 0), [FORWARD]
        )
        np.testing.assert_allclose(
            sequences.skewed_reverse_divergence(TEACHER, STUDENT, 0), [REVERSE]
        )


class InterpolatedTargetTest(absltest.TestCase):
    def test_ends(self):
        teacher, student = example()
        np.testing.assert_array_equal(
            sequences.interpolated_target(teacher, student, 0), 0
        )
        np.testing.assert_allclose(
            sequences.interpolated_target(teacher, student, 1),
            reference.kl_divergence(teacher, student),
        )

    def test_logits_are_mixed_not_probabilities(self):
        # Half of log 9 is log 3: odds of 3, while the mean of 9/10 and 1/2 is
        # 7/10.
        actual = sequences.interpolated_target(2 * TEACHER, STUDENT, 0.5)
        np.testing.assert_allclose(actual, [FORWARD])

    def test_share_follows_the_line_at_least(self):
        # .4 + .6 / 2.
        share, _ = sequences.next_share(0.4, 0.0, 2.0, 2.0, 0.5)
        self.assertAlmostEqual(share, 0.7)

    def test_share_runs_ahead_by_the_momentum(self):
        # Change (4 - 1) / 4; momentum .9 ln 3 / .9 + .1 .75 with decay .9.
        before = (math.log(3) - 0.1 * 0.75) / 0.9
        share, momentum = sequences.next_share(
            0.6, before, 4.0, 1.0, 0.0, step_size=0.5, decay=0.9
        )
        self.assertAlmostEqual(momentum, math.log(3))
        # sigmoid(ln 3) = 3/4: .6 + .5 .75 .4.
        self.assertAlmostEqual(share, 0.75)

    def test_the_first_loss_changes_nothing(self):
        actual = sequences.next_share(0.4, 0.0, None, 2.0, 0.5)
        self.assertEqual(actual, (0.4, 0.0))

    def test_share_ends(self):
        share, _ = sequences.next_share(1.0, 0.0, 2.0, 2.0, 1.2)
        self.assertEqual(share, 1)


class RelationsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        # Head one: products 2 ln 3 and 0, by sqrt(4). Rows 3/4 1/4 and 1/2
        # 1/2. Head two: zeros.
        self.queries = np.zeros((1, 2, 8))
        self.queries[0, 0, :4] = math.sqrt(math.log(3) / 2)
        self.zeros = np.zeros((1, 2, 6))

    def test_by_hand(self):
        # The mean over two heads, the sum over two of queries, keys, values.
        actual = sequences.self_attention_relations(
            [self.queries, self.queries], [self.zeros, self.zeros], 2
        )
        np.testing.assert_allclose(actual, [[FORWARD, 0]])

    def test_padding_is_no_column(self):
        padded = np.pad(self.queries, ((0, 0), (0, 1), (0, 0)))
        padded[0, 2] = np.nan
        actual = sequences.self_attention_relations(
            [padded], [np.zeros((1, 3, 6))], 2, [[True, True, False]]
        )
        np.testing.assert_allclose(actual, [[FORWARD / 2, 0, 0]])

    def test_a_rotation_within_heads_does_not_matter(self):
        teacher, student = example(6)
        turn = np.zeros((6, 6))
        turn[:3, :3] = turn[3:, 3:] = np.linalg.qr(teacher[0, :3, :3])[0]
        np.testing.assert_allclose(
            sequences.self_attention_relations([teacher], [student @ turn], 2),
            sequences.self_attention_relations([teacher], [student], 2),
        )


class SortedDistanceTest(absltest.TestCase):
    # 1/2 1/4 1/4 and 3/4 1/4, in any order: 1/4 + 0 + 1/4.
    teacher = np.log([[1.0, 2.0, 1.0]])
    student = np.log([[1.0, 3.0]])

    def test_by_hand_both_ways(self):
        for pair in [
            (self.teacher, self.student),
            (self.student, self.teacher),
        ]:
            np.testing.assert_allclose(sequences.sorted_distance(*pair), [0.5])

    def test_order_of_words_does_not_matter(self):
        teacher, student = example()
        np.testing.assert_allclose(
            sequences.sorted_distance(teacher, student[..., ::-1]),
            sequences.sorted_distance(teacher, student),
        )

    def test_answers_meet_at_their_beginnings(self):
        # The teacher's answer is its positions 1 and 2, the student's 0, 2
        # and 3; the third has no partner. The second example has no answer.
        even = np.zeros((1, 3))
        teacher = np.stack([even, self.teacher, even], 1).repeat(2, 0)
        pairs = [self.student, np.full((1, 2), np.nan)]
        pairs += [np.zeros((1, 2)), self.student]
        student = np.stack(pairs, 1).repeat(2, 0)
        actual = sequences.aligned_sorted_distance(
            *(teacher, student),
            np.array([[0, 1, 1], [0, 0, 0]]),
            np.array([[1, 0, 1, 1], [1, 0, 1, 1]]),
        )
        # 1/3 1/3 1/3 against 1/2 1/2 0: 2/3.
        np.testing.assert_allclose(actual, [(1 / 2 + 2 / 3) / 2, 0])


if __name__ == "__main__":
    absltest.main()
