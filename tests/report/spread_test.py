import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from scipy import stats

from keras_kd import report
from keras_kd.report import spread


def spread_of(table):
    table = np.asarray(table, "float64")
    return report.compare(
        np.zeros_like(table), table, score_range=(-1, 1)
    ).spread


def expected_margin(found, num_seeds, num_examples, level=0.95):
    """The margin of so many, from the components of variance."""
    rest = found.residual
    seed = max(found.seeds - rest, 0) / found.num_examples
    example = max(found.examples - rest, 0) / found.num_seeds
    of_seeds, of_examples = (
        stats.t.isf((1 - level) / 2, count - 1) ** 2
        for count in (num_seeds, num_examples)
    )
    # Variances of a mean over seeds, over examples and over cells.
    cells = rest / (num_seeds * num_examples)
    by_seeds = of_seeds * (seed / num_seeds + cells)
    by_examples = of_examples * example / num_examples
    return math.sqrt(
        max(by_seeds + by_examples, by_examples + of_examples * cells)
    )


class MeanSquaresTest(absltest.TestCase):
    def test_by_hand(self):
        # Rows 2/3 and 1/3, columns 1, 1/2 and 0, mean 1/2. Squares: rows
        # 3 (2 / 36), columns 2 (2 / 4), all 6 / 4, so 1/3 is left; degrees of
        # freedom 1, 2 and 2.
        found = spread_of([[1, 1, 0], [1, 0, 0]])
        np.testing.assert_allclose(
            [found.seeds, found.examples, found.residual], [1 / 6, 1 / 2, 1 / 6]
        )
        self.assertEqual(
            (found.num_seeds, found.num_examples, found.num_disputed), (2, 3, 2)
        )

    def test_squares_of_many_tables_are_those_of_each(self):
        tables = np.random.default_rng(0).normal(size=(4, 3, 7))
        together = np.transpose(spread.mean_squares(tables))
        for squares, table in zip(together, tables, strict=True):
            found = spread_of(table / 10)
            np.testing.assert_allclose(
                squares / 100, [found.seeds, found.examples, found.residual]
            )

    def test_one_row_or_column_leaves_everything_open(self):
        self.assertEqual(spread_of([[1, 0, 1]]).margin(), math.inf)
        self.assertEqual(spread_of([[1], [0]]).margin(), math.inf)


class MarginTest(parameterized.TestCase):
    def test_parts_are_those_of_the_square(self):
        found = spread_of([[1, 1, 0], [1, 0, 0]])
        # Mean squares 1/6, 1/2 and 1/6, t of one degree of freedom for two
        # seeds and of two for three examples.
        one, two = (stats.t.ppf(0.975, k) ** 2 for k in (1, 2))
        np.testing.assert_allclose(
            found.parts(), [one / 6 / 6, two * (1 / 2 - 1 / 6) / 6]
        )
        self.assertAlmostEqual(found.margin() ** 2, sum(found.parts()))

    @parameterized.parameters(2, 3, 10)
    def test_several_comparisons_share_the_error(self, comparisons):
        found = spread_of(np.eye(4)[:3])
        self.assertAlmostEqual(
            found.margin(0.95, comparisons),
            found.margin(1 - 0.05 / comparisons),
        )


class EnoughTest(absltest.TestCase):
    def assert_least(self, found, margin, seeds, examples):
        """One fewer would not do."""
        self.assertLessEqual(expected_margin(found, seeds, examples), margin)
        if seeds > found.num_seeds:
            self.assertGreater(
                expected_margin(found, seeds - 1, examples), margin
            )

    def test_more_seeds_where_they_are_short(self):
        found = spread.Spread(3, 10_000, 4.0, 0.1, 0.08, 900)
        seeds, examples = found.enough(0.01)
        self.assertEqual(examples, 10_000)
        self.assertGreater(seeds, 3)
        self.assert_least(found, 0.01, seeds, examples)

    def test_more_examples_where_they_are_short(self):
        found = spread.Spread(20, 100, 0.1, 1.0, 0.1, 50)
        seeds, examples = found.enough(0.02)
        self.assertEqual(seeds, 20)
        self.assertLessEqual(expected_margin(found, 20, examples), 0.02)
        # A number of two digits and zeros; the one before would not do.
        self.assertEqual(examples, spread.round_up(examples))
        self.assertGreater(expected_margin(found, 20, examples * 0.9), 0.02)

    def test_both_where_one_does_not_do(self):
        # With 100 examples their luck alone is more than a point.
        found = spread.Spread(3, 100, 0.5, 0.3, 0.1, 50)
        self.assertGreater(expected_margin(found, 10**6, 100), 0.02)
        self.assertGreater(expected_margin(found, 3, 10**9), 0.02)
        seeds, examples = found.enough(0.02)
        self.assertGreater(seeds, 3)
        self.assertGreater(examples, 100)
        self.assert_least(found, 0.02, seeds, examples)

    def test_nothing_where_all_that_is_feasible_does_not_do(self):
        # A seed's deviation of 30 points: 100 seeds leave 6.
        found = spread.Spread(3, 100, 9.0, 0.3, 0.1, 50)
        self.assertIsNone(found.enough(0.01))

    def test_components_below_zero_count_as_none(self):
        # Seeds more alike than the residual lets them be.
        found = spread.Spread(3, 400, 0.01, 0.3, 0.3, 90)
        seeds, examples = found.enough(0.03)
        self.assertLessEqual(expected_margin(found, seeds, examples), 0.03)


class RoundUpTest(parameterized.TestCase):
    @parameterized.parameters(
        (1, 1), (58, 58), (99, 99), (101, 110), (120, 120), (4_001, 4_100)
    )
    def test_two_digits_are_kept(self, number, expected):
        self.assertEqual(spread.round_up(number), expected)


if __name__ == "__main__":
    absltest.main()
