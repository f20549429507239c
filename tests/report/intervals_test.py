import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies
from hypothesis.extra import numpy as arrays

from keras_kd import report
from tests import reference

SHAPES = strategies.tuples(
    strategies.integers(2, 5), strategies.integers(2, 12)
)


@strategies.composite
def pairs(draw):
    """Two tables of right and wrong, of one shape."""
    shape = draw(SHAPES)
    return tuple(draw(arrays.arrays("bool", shape)) for _ in range(2))


def ends(interval):
    return interval.mean, interval.low, interval.high


class PairedIntervalTest(parameterized.TestCase):
    @parameterized.parameters(0.9, 0.95, 0.99)
    def test_equals_the_reference(self, level):
        differences = np.random.default_rng(0).normal(0.02, 0.01, size=7)

        actual = report.paired_interval(differences, level)

        expected = reference.t_interval(differences, level)
        np.testing.assert_allclose(
            (actual.mean, actual.low, actual.high), expected, rtol=1e-12
        )
        self.assertEqual((actual.count, actual.level), (7, level))

    def test_golden_value(self):
        # Mean 2, deviation sqrt(2), over two values 1 and 3: the standard
        # error is 1, and the quantile of t with one degree of freedom, which
        # is Cauchy's, is tan(.475 pi) = 12.7062.
        actual = report.paired_interval([1.0, 3.0])
        self.assertAlmostEqual(actual.low, 2 - 12.7062, places=4)
        self.assertAlmostEqual(actual.high, 2 + 12.7062, places=4)

    def test_has_no_width_where_all_differences_are_equal(self):
        actual = report.paired_interval([0.25, 0.25, 0.25])
        self.assertEqual((actual.low, actual.high), (0.25, 0.25))

    @parameterized.named_parameters(("none", []), ("one", [0.5]))
    def test_rejects_too_few_differences(self, differences):
        with self.assertRaisesRegex(
            ValueError, r"at least 2 entries.*Received: differences=\["
        ):
            report.paired_interval(differences)

    def test_rejects_nan(self):
        with self.assertRaisesRegex(
            ValueError, r"must be finite.*Received: differences=\[0.1, nan\]"
        ):
            report.paired_interval([0.1, float("nan")])

    @parameterized.parameters(0.0, 1.0, 95.0)
    def test_rejects_level(self, level):
        with self.assertRaisesRegex(
            ValueError, f"between 0 and 1.*Received: level={level}"
        ):
            report.paired_interval([0.1, 0.2], level)


class CompareTest(absltest.TestCase):
    """Scores of one number for each seed."""

    def test_is_treated_minus_baseline(self):
        actual = report.compare([0.5, 0.6], [0.6, 0.9])
        self.assertAlmostEqual(actual.mean, 0.2)

    def test_pairs_by_position(self):
        # Seeds differ by far more than the gain, which is .01 in each.
        baseline = np.array([0.2, 0.5, 0.8])
        self.assertGreater(report.compare(baseline, baseline + 0.01).low, 0)

    def test_covers_seeds_only(self):
        actual = report.compare([50, 60, 40], [55, 61, 47], comparisons=2)
        self.assertEqual((actual.covers, actual.examples), ("seeds", None))
        expected = reference.t_interval([5, 1, 7], level=0.975)
        np.testing.assert_allclose(ends(actual), expected)

    def test_ends_where_scores_do(self):
        actual = report.compare([0.9, 0.8], [0.9, 1.0], score_range=(0, 1))
        np.testing.assert_allclose(ends(actual), [0.1, -0.85, 0.15])


class CompareExamplesTest(parameterized.TestCase):
    """Scores of each example for each seed."""

    @given(pairs(), strategies.integers(1, 4), strategies.floats(0.5, 0.99))
    def test_equals_the_reference(self, pair, comparisons, level):
        actual = report.compare(*pair, level, comparisons=comparisons)
        expected = reference.two_way_interval(*pair, level, comparisons)
        np.testing.assert_allclose(ends(actual), expected, atol=1e-12)
        self.assertEqual(
            (actual.count, actual.examples, actual.comparisons, actual.covers),
            (*pair[0].shape, comparisons, "seeds and examples"),
        )

    @given(pairs())
    def test_holds_the_mean_within_what_is_possible(self, pair):
        actual = report.compare(*pair)
        control = np.mean(pair[0])
        self.assertBetween(actual.low, -control, actual.mean + 1e-12)
        self.assertBetween(actual.high, actual.mean - 1e-12, 1 - control)

    @given(pairs(), strategies.randoms())
    def test_order_of_seeds_and_examples_does_not_matter(self, pair, random):
        rows, columns = (list(range(size)) for size in pair[0].shape)
        random.shuffle(rows)
        random.shuffle(columns)
        mixed = [table[np.ix_(rows, columns)] for table in pair]
        np.testing.assert_allclose(
            ends(report.compare(*mixed)),
            ends(report.compare(*pair)),
            atol=1e-12,
        )

    @given(pairs())
    def test_exchanged_arms_mirror_it(self, pair):
        # Without ends, which are not the mirror images of each other.
        bounds = {"score_range": (-math.inf, math.inf)}
        there = report.compare(*pair, **bounds)
        back = report.compare(*pair[::-1], **bounds)
        np.testing.assert_allclose(
            [-back.mean, -back.high, -back.low], ends(there), atol=1e-12
        )

    def test_equal_seeds_leave_the_luck_of_the_examples(self):
        # One more of 40 is right, twice. Squares of the columns 2 (1 - 1/40)
        # of 39 degrees of freedom: mean square 1/20; t(39) is 2.0227.
        alone = np.arange(40) < np.array([[31], [33]])
        distilled = alone | (np.arange(40) == 39)
        margin = 2.0227 * math.sqrt(1 / 20 / 80)
        actual = report.compare(alone, distilled)
        np.testing.assert_allclose(
            ends(actual), [0.025, 0.025 - margin, 0.025 + margin], atol=1e-5
        )
        self.assertAlmostEqual(actual.margin, margin, places=5)

    def test_no_gain_above_what_the_control_gets_wrong(self):
        # 5 of 6 are right, and then all: no more than 1/6 can be gained.
        alone = np.array([[1, 1, 1], [1, 1, 0]])
        actual = report.compare(alone, np.ones_like(alone))
        np.testing.assert_allclose(ends(actual), [1 / 6, -5 / 6, 1 / 6])

    def test_one_seed_leaves_all_open_that_is_possible(self):
        actual = report.compare([[1, 0, 0, 0]], [[1, 1, 0, 0]])
        np.testing.assert_allclose(ends(actual), [0.25, -0.25, 0.75])
        self.assertEqual(actual.count, 1)

    def test_other_scores_have_their_own_range(self):
        random = np.random.default_rng(0)
        alone, distilled = random.uniform(0, 10, size=(2, 3, 5))
        actual = report.compare(alone, distilled, score_range=(0, 10))
        expected = reference.two_way_interval(alone / 10, distilled / 10)
        np.testing.assert_allclose(np.divide(ends(actual), 10), expected)


class CompareRefusesTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("seeds", [0.1, 0.2], [0.1, 0.2, 0.3], "2 and 3 entries"),
        ("examples", [[1, 0]], [[1, 0, 1]], "1 x 2 and 1 x 3 entries"),
        ("kinds", [[1, 0]], [1.0, 0.0], "1 x 2 and 2 entries"),
    )
    def test_different_shapes(self, baseline, treated, received):
        with self.assertRaisesRegex(
            ValueError, f"equally many.*Received: {received}"
        ):
            report.compare(baseline, treated)

    @parameterized.named_parameters(
        ("nan", [[0.5, float("nan")]], "nan"),
        ("percent", [[0.5, 81.0]], "81"),
        ("negative", [[-0.25, 0.5]], "-0.25"),
    )
    def test_scores_out_of_range(self, treated, received):
        with self.assertRaisesRegex(
            ValueError,
            "`treated` must hold finite numbers from 0 to 1.*Received: treated "
            f"with {received}.*score_range",
        ):
            report.compare([[0.5, 0.5]], treated)

    @parameterized.named_parameters(
        ("number", 0.5, r"shape \(\)"),
        ("cube", np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        ("text", ["a", "b"], "type <U1"),
        ("one_seed", np.array([True, False]), "type bool.*right.None"),
        ("ragged", [[1, 0], [1]], "type object"),
    )
    def test_what_is_no_table(self, baseline, received):
        with self.assertRaisesRegex(
            ValueError, rf"`baseline` must hold a number.*{received}"
        ):
            report.compare(baseline, baseline)

    def test_a_table_without_entries(self):
        with self.assertRaisesRegex(
            ValueError, r"at least 1 entry.*shape \(2, 0\)"
        ):
            report.compare(np.zeros((2, 0)), np.zeros((2, 0)))

    @parameterized.parameters((1, 0), (0, 0), (0, float("nan")), (0,))
    def test_a_range_without_order(self, *score_range):
        with self.assertRaisesRegex(
            ValueError, r"`score_range` must be.*Received: score_range=\("
        ):
            report.compare([[1, 0]], [[1, 0]], score_range=score_range)

    @parameterized.parameters(0, 1.5, True)
    def test_a_number_of_comparisons(self, comparisons):
        for scores in ([0.5, 0.7], [[0, 1]]):
            with self.assertRaisesRegex(
                ValueError,
                f"`comparisons` must be.*Received: comparisons={comparisons}",
            ):
                report.compare(scores, scores, comparisons=comparisons)

    def test_a_level(self):
        with self.assertRaisesRegex(ValueError, "between 0 and 1.*level=95"):
            report.compare([[0, 1]], [[0, 1]], 95)


if __name__ == "__main__":
    absltest.main()
