"""Rows that look like others: marginals, dependence, nominal values."""

import contextlib
import io
import tracemalloc

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st
from scipy import stats

from keras_kd.transfer_sets import synthetic
from tests import support


def table(count=2000, seed=0):
    """Two continuous attributes that go together, and one nominal of four.

    The nominal one tells the sign of the first, but for a tenth of the rows.
    """
    random = np.random.default_rng(seed)
    first = random.normal(size=count)
    second = 0.9 * first + np.sqrt(1 - 0.81) * random.normal(size=count)
    sign = np.where(random.random(count) < 0.9, first > 0, first <= 0)
    value = 2 * sign + random.integers(0, 2, count)
    return np.stack([first, 100 * second, 3.0 * value], axis=1)


def clusters(count=600):
    """Three clusters, ten standard deviations from where two of them meet."""
    random = np.random.default_rng(0)
    kind = np.arange(count) % 3
    x = 20.0 * kind[:, None] + random.normal(size=(count, 2))
    return np.column_stack([x, 20 * kind])


def munge(x, count, **kwargs):
    return synthetic.munge(x, count, **{"nominal": [2], "verbose": 0} | kwargs)


def naive_bayes(x, count, **kwargs):
    defaults = {"nominal": [2], "verbose": 0}
    return synthetic.naive_bayes(x, count, **defaults | kwargs)


def random(x, count, **kwargs):
    return synthetic.random(x, count, **kwargs)


GENERATORS = (
    ("munge", munge),
    ("naive_bayes", naive_bayes),
    ("random", random),
)


@parameterized.named_parameters(*GENERATORS)
class EveryGeneratorTest(parameterized.TestCase):
    def test_keeps_the_marginals(self, make):
        x = table()
        made = make(x, 4000)
        # Two tables drawn from one distribution are further apart than this
        # once in a million times.
        for column in range(2):
            test = stats.ks_2samp(x[:, column], made[:, column])
            self.assertGreater(test.pvalue, 1e-6)
        counts = [np.unique_counts(rows[:, 2]).counts for rows in (x, made)]
        self.assertGreater(stats.chi2_contingency(counts).pvalue, 1e-6)

    def test_keeps_a_number_that_half_of_the_rows_share(self, make):
        x = table()
        x[::2, 1] = 0.0
        x[:, 1] = abs(x[:, 1])
        made = make(x, 4000)
        distance = stats.ks_2samp(x[:, 1], made[:, 1]).statistic
        self.assertLess(distance, 0.1)

    def test_keeps_the_marginal_where_one_number_is_far_away(self, make):
        x = table()
        x[0, 1] = 1e7
        made = make(x, 4000)
        distance = stats.ks_2samp(x[:, 1], made[:, 1]).statistic
        self.assertLess(distance, 0.1)

    def test_takes_nominal_values_that_were_seen(self, make):
        x = table(300)
        self.assertContainsSubset(make(x, 900)[:, 2], x[:, 2])

    def test_gives_as_many_rows_as_asked_for(self, make):
        x = table(50)
        for count in (1, 49, 50, 51, 130):
            self.assertEqual(make(x, count).shape, (count, 3))

    def test_keeps_floats_and_makes_numbers_between_integers(self, make):
        x = np.arange(60).reshape(20, 3)
        for dtype in ("float16", "float32", "float64"):
            self.assertEqual(make(x.astype(dtype), 30).dtype, dtype)
        for dtype in ("int64", "uint8"):
            made = make(x.astype(dtype), 30)
            # Only `random` makes no value that is not there.
            expected = dtype if make is random else "float64"
            self.assertEqual(made.dtype, expected)

    def test_changes_nothing_and_repeats_itself(self, make):
        x = table(100)
        before = x.copy()
        one, again, other = (make(x, 150, seed=seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(x, before)
        np.testing.assert_array_equal(one, again)
        self.assertGreater(np.abs(one - other).max(), 0)

    def test_memory_is_less_than_a_number_for_each_value_or_pair(self, make):
        count, values = 4000, 2000
        x = table(count).astype("float32")
        x[:, 2] = np.arange(count) % values
        make(x[:10], 10)  # What it imports is no part of it.
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        make(x, count)
        _, peak = tracemalloc.get_traced_memory()
        # One-hot codes in float32 are 32 MB, and all distances 64 MB.
        self.assertLess(peak, 4 * count * values / 2)

    def test_refuses_what_is_no_table(self, make):
        for x, message in (
            (np.zeros(3), "shape"),
            (np.zeros((2, 2, 2)), "shape"),
            (np.zeros((0, 3)), "shape"),
            (np.full((4, 3), "a"), "numbers"),
            (np.full((4, 3), np.nan), "finite.*column 0"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                make(x, 10)

    def test_refuses_counts_and_seeds(self, make):
        for count in (0, -1, 2.5, True):
            with self.assertRaisesRegex(ValueError, "num_examples"):
                make(table(20), count)
        for seed in (-1, 2.5, None):
            with self.assertRaisesRegex(ValueError, f"seed={seed}"):
                make(table(20), 10, seed=seed)


class DependenceTest(absltest.TestCase):
    def test_random_loses_it_and_the_others_keep_it(self):
        x, count = clusters(), 3000

        def agreement(rows):
            kind = np.round(rows / 20)
            return np.mean(np.all(kind == kind[:, :1], axis=1))

        self.assertEqual(agreement(x), 1.0)
        # Three independent draws of one in three agree in a ninth of all rows,
        # up to five standard errors.
        error = np.sqrt(1 / 9 * 8 / 9 / count)
        self.assertLess(abs(agreement(random(x, count)) - 1 / 9), 5 * error)
        # A neighbour is of the same cluster.
        self.assertEqual(agreement(munge(x, count)), 1.0)
        # Each component was given one row, of which two thirds have nominal
        # values of other clusters.
        wrong = 4 * (2 / 3) / 600
        error = np.sqrt(wrong / count)
        made = naive_bayes(x, count, components=4)
        self.assertGreater(agreement(made), 1 - wrong - 5 * error)


class ProgressTest(parameterized.TestCase):
    @parameterized.parameters(
        (munge, ["block", "pass"]), (naive_bayes, ["round", "components"])
    )
    def test_is_shown_unless_verbose_is_0(self, make, words):
        for verbose in (0, 1, "auto"):
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                make(table(20), 50, verbose=verbose)
            if not verbose:
                self.assertEmpty(shown.getvalue())
            for word in words if verbose else []:
                self.assertIn(word, shown.getvalue())


class NaiveBayesTest(absltest.TestCase):
    def test_one_row_needs_a_number_of_components(self):
        x = table(1)
        with self.assertRaisesRegex(ValueError, "two rows.*components=1"):
            naive_bayes(x, 10)
        made = naive_bayes(x, 10, components=1)
        np.testing.assert_allclose(made, np.tile(x, (10, 1)), atol=1e-9)


class MungeTest(parameterized.TestCase):
    def test_without_change_it_gives_the_data(self):
        x = table(60)
        np.testing.assert_array_equal(
            munge(x, 180, probability=0.0), np.tile(x, (3, 1))
        )
        part = munge(x, 70, probability=0.0)
        np.testing.assert_array_equal(part[:60], x)
        rows = [np.flatnonzero(np.all(x == row, axis=1)) for row in part[60:]]
        self.assertLen(np.unique(rows), 10)

    def test_of_rows_that_come_twice_it_makes_nothing_new(self):
        x = np.repeat(table(40), 2, axis=0)
        np.testing.assert_array_equal(munge(x, 80), x)

    def test_a_pair_changes_places(self):
        # Nearly no spread: what e has, e' gets, and back when it is e' itself.
        x = np.array([[0.0, 5.0], [1.0, 6.0], [50.0, 5.0], [51.0, 6.0]])
        made = munge(x, 4, nominal=[1], probability=1.0, local_variance=1e12)
        np.testing.assert_allclose(made, x, atol=1e-9)

    @parameterized.parameters(([],), (range(3000),))
    def test_each_attribute_changes_with_the_probability(self, nominal):
        # Of a pair, each is e once: an attribute ends in the other row if it
        # changed in one of the two steps. Here with hardly any spread.
        x = np.stack([np.zeros(3000), np.ones(3000)])
        for probability in (0.2, 0.7):
            made = munge(
                x,
                2,
                nominal=nominal,
                probability=probability,
                local_variance=1e9,
            )
            np.testing.assert_allclose(made.sum(axis=0), 1.0, atol=1e-6)
            share = 2 * probability * (1 - probability)
            error = np.sqrt(share * (1 - share) / 3000)
            moved = np.mean(made[0] > 0.5)
            self.assertLess(abs(moved - share), 5 * error)

    def test_spread_is_the_distance_by_the_local_variance(self):
        # A pass over two rows, with many attributes to measure it by. With s
        # the local variance and independent standard normal t, u, v, w, the
        # first row changes 0 and 1 to a = 1 + u/s and b = v/s; the second
        # changes these to b + D t/s and a + D w/s, where D = |a - b|. So the
        # rows are v/s + D t/s and 1 + u/s + D w/s, of which, for s = 4:
        # E D^2 = 1 + 2/s^2, E D^4 = 1 + 12/s^2 + 12/s^4 (a normal of mean 1),
        # E v^2 D^2 = E u^2 D^2 = 1 + 4/s^2, and t and w go with nothing.
        count, s = 20_000, 4.0
        x = np.stack([np.zeros(count), np.ones(count)])
        made = munge(x, 2, nominal=[], probability=1.0, local_variance=s)
        variance = (1 + 1 + 2 / s**2) / s**2
        fourth = 1 + 12 / s**2 + 12 / s**4
        mixed = 1 + 4 / s**2
        # E (v + D t)^4 and E (v + D t)^2 (u + D w)^2.
        kurtosis = (3 + 6 * mixed + 3 * fourth) / s**4
        crossed = (1 + 2 * mixed + fourth) / s**4
        one, two = made - [[0.0], [1.0]]
        for numbers, expected, error in (
            (one, 0.0, variance),
            (two, 0.0, variance),
            (one**2, variance, kurtosis - variance**2),
            (two**2, variance, kurtosis - variance**2),
            (one * two, 0.0, crossed),
        ):
            difference = abs(numbers.mean() - expected)
            self.assertLess(difference, 5 * np.sqrt(error / count))

    @hypothesis.given(
        st.integers(2, 30), st.floats(0, 1), st.integers(0, 2**32 - 1)
    )
    def test_values_of_a_nominal_attribute_only_change_places(
        self, count, probability, seed
    ):
        x = np.random.default_rng(seed).integers(0, 4, (count, 2))
        made = munge(
            x, count, nominal=[0, 1], probability=probability, seed=seed
        )
        for column in range(2):
            np.testing.assert_array_equal(
                np.sort(made[:, column]), np.sort(x[:, column])
            )

    @parameterized.parameters(
        ({"probability": -0.1}, "probability=-0.1"),
        ({"probability": 1.1}, "probability=1.1"),
        ({"local_variance": 0.0}, "local_variance=0.0"),
        ({"local_variance": np.inf}, "local_variance=inf"),
        ({"nominal": [3]}, "nominal.*0 to 2"),
        ({"nominal": ["age"]}, "nominal.*age"),
    )
    def test_refuses(self, kwargs, message):
        with self.assertRaisesRegex(ValueError, message):
            munge(table(20), 10, **kwargs)

    def test_refuses_a_single_row(self):
        with self.assertRaisesRegex(ValueError, "two rows"):
            munge(table(1), 10)


# It counts its components anew for each table.
for _name in ("test_keeps_a_number", "test_keeps_the_marginal_where"):
    support.mark_slow(EveryGeneratorTest, f"{_name}", but=["_munge", "_random"])


if __name__ == "__main__":
    absltest.main()
