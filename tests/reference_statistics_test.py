"""Checks the references of metrics and intervals, by hand and with scipy."""

import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from scipy import stats

from tests import reference

TEACHER = np.array([[2.0, 1.0, -1.0], [0.5, 0.5, 3.0]])
STUDENT = np.array([[1.0, 1.5, 0.0], [-0.5, 2.0, 1.0]])


class TopKAgreementTest(parameterized.TestCase):
    @parameterized.parameters((1, 1 / 3), (2, 2 / 3), (3, 1))
    def test_by_hand(self, k, expected):
        # The teacher's class 0 is first, second, third for the student.
        teacher = [[3, 1, 2]] * 3
        student = [[9, 1, 2], [5, 9, 2], [0, 1, 2]]
        actual = reference.top_k_agreement(teacher, student, k)
        np.testing.assert_allclose(actual, expected)

    def test_ties_count_in_favour(self):
        self.assertEqual(
            reference.top_k_agreement([[0, 0, 1]], [[4] * 3], 1), 1
        )


class ExpectedCalibrationErrorTest(parameterized.TestCase):
    def test_by_hand(self):
        # Bins (.5, .75] and (.75, 1], two cases each: accuracy 1/2 at
        # confidence .65 and 1 at .85, so (.15 + .15) / 2.
        right = np.array([0.6, 0.7, 0.8, 0.9])
        actual = reference.expected_calibration_error(
            [0, 1, 0, 0], np.stack([right, 1 - right], axis=-1), num_bins=4
        )
        np.testing.assert_allclose(actual, 0.15)

    @parameterized.parameters((3, 9 / 15), (5, 9 / 15), (15, 9 / 15), (2, 0.5))
    def test_an_edge_belongs_to_the_bin_below(self, num_bins, edge):
        # A wrong answer on the edge of `num_bins`, if it is one, and a right
        # one just above it. In one bin their gaps -edge and 1 - edge partly
        # cancel: |1 - 2 edge| / 2. In two they add up to 1 / 2.
        confidence = np.array([edge, edge + 1e-9])
        together = not (edge * num_bins).is_integer()
        actual = reference.expected_calibration_error(
            [1, 0], np.stack([confidence, 1 - confidence], -1), num_bins
        )
        expected = abs(1 - 2 * edge) / 2 if together else 1 / 2
        np.testing.assert_allclose(actual, expected, atol=1e-8)

    def test_certain_and_wrong_is_one(self):
        actual = reference.expected_calibration_error([1], [[1.0, 0.0]])
        self.assertEqual(actual, 1)


class TIntervalTest(parameterized.TestCase):
    @parameterized.parameters(0.5, 0.9, 0.95)
    def test_two_differences_by_hand(self, level):
        # One degree of freedom is Cauchy's distribution, with the quantile
        # tan(pi level / 2); of 1 and 5 the mean is 3, its standard error 2.
        margin = 2 * math.tan(math.pi * level / 2)
        actual = reference.t_interval([1.0, 5.0], level)
        np.testing.assert_allclose(actual, [3, 3 - margin, 3 + margin])

    def test_equals_scipys_paired_test(self):
        teacher, student = TEACHER.ravel(), STUDENT.ravel()
        expected = stats.ttest_rel(student, teacher).confidence_interval(0.9)
        _, low, high = reference.t_interval(student - teacher, 0.9)
        np.testing.assert_allclose([low, high], [expected.low, expected.high])

    def test_rejects_a_single_difference(self):
        with self.assertRaisesRegex(ValueError, "at least 2.*Received: 1 entr"):
            reference.t_interval([1.0])


class TwoWayIntervalTest(absltest.TestCase):
    def test_by_hand(self):
        # Differences 1 1 0 and 1 0 0. Rows 2/3 and 1/3, columns 1, 1/2 and 0,
        # mean 1/2: squares 1/6 of one, 1 of two degrees of freedom, and of the
        # 3/2 in all 1/3 is left for two. Mean squares 1/6, 1/2, 1/6.
        # Student's quantiles at .95: tan(.45 pi) of one degree of freedom,
        # .9 / sqrt(2 .95 .05) of two.
        one, two = math.tan(0.45 * math.pi), 0.9 / math.sqrt(0.095)
        both = one**2 / 6 + two**2 * (1 / 2 - 1 / 6)
        margin = math.sqrt(both / 6)

        actual = reference.two_way_interval(
            [[0, 0, 1], [0, 0, 1]], [[1, 1, 1], [1, 0, 1]], level=0.9
        )

        # Above, no more than 2/3 is possible, since 1/3 is right before.
        np.testing.assert_allclose(actual, [1 / 2, -1 / 3, 2 / 3])
        self.assertGreater(margin, 5 / 6)
        uncut = reference.two_way_interval(
            [[0.5] * 3] * 2, [[0.6, 0.6, 0.5], [0.6, 0.5, 0.5]], level=0.9
        )
        np.testing.assert_allclose(
            uncut, [0.05, 0.05 - margin / 10, 0.05 + margin / 10]
        )

    def test_equal_seeds_leave_the_luck_of_the_examples(self):
        # Of 4 examples one gains, for both seeds: squares of the columns 2
        # (9 + 3) / 16 of three degrees of freedom, mean square 1/2.
        margin = stats.t.ppf(0.975, 3) * math.sqrt(1 / 2 / 8)
        before = np.full((2, 4), 0.5)
        after = before + [0.0, 0.1, 0.0, 0.0]
        actual = reference.two_way_interval(before, after)
        np.testing.assert_allclose(
            actual, [0.025, 0.025 - margin / 10, 0.025 + margin / 10]
        )


if __name__ == "__main__":
    absltest.main()
