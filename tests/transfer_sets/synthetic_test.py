"""Rows that look like others: marginals, dependence, nominal values."""

import tracemalloc

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st
from scipy import stats

from keras_kd.transfer_sets import synthetic
from keras_kd.transfer_sets.tables.mixed_table import MixedTable


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


def munge(x, count, **kwargs):
    return synthetic.munge(x, count, **{"nominal": [2], "verbose": 0} | kwargs)


def naive_bayes(x, count, **kwargs):
    return synthetic.naive_bayes(x, count, **{"nominal": [2]} | kwargs)


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
        for column in range(2):
            distance = stats.ks_2samp(x[:, column], made[:, column]).statistic
            self.assertLess(distance, 0.1)
        shares = [np.bincount(a[:, 2].astype(int)) / len(a) for a in (x, made)]
        self.assertLess(np.abs(np.cumsum(shares[0] - shares[1])).max(), 0.1)

    def test_takes_nominal_values_that_were_seen(self, make):
        x = table(300)
        self.assertContainsSubset(make(x, 900)[:, 2], x[:, 2])

    def test_gives_as_many_rows_as_asked_for(self, make):
        x = table(50).astype("float32")
        for count in (1, 49, 50, 51, 130):
            made = make(x, count)
            self.assertEqual(made.shape, (count, 3))
            self.assertEqual(made.dtype, x.dtype)

    def test_changes_nothing_and_repeats_itself(self, make):
        x = table(100)
        before = x.copy()
        one, again, other = (make(x, 150, seed=seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(x, before)
        np.testing.assert_array_equal(one, again)
        self.assertGreater(np.abs(one - other).max(), 0)

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

    def test_refuses_a_count(self, make):
        for count in (0, -1, 2.5, True):
            with self.assertRaisesRegex(ValueError, "num_examples"):
                make(table(20), count)


class DependenceTest(absltest.TestCase):
    def test_random_loses_it_and_the_others_keep_it(self):
        x = table()

        def correlation(rows):
            return np.corrcoef(rows[:, 0], rows[:, 1])[0, 1]

        def agreement(rows):
            return np.mean((rows[:, 0] > 0) == (rows[:, 2] > 4))

        self.assertGreater(correlation(x), 0.88)
        # Independent rows: standard deviation 1 / sqrt(4000) = 0.016.
        self.assertLess(abs(correlation(random(x, 4000))), 0.08)
        self.assertLess(abs(agreement(random(x, 4000)) - 0.5), 0.08)
        for make in (munge, naive_bayes):
            self.assertGreater(correlation(make(x, 4000)), 0.8)
            self.assertGreater(agreement(make(x, 4000)), 0.75)


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

    def test_a_pair_changes_places(self):
        # Nearly no spread: what e has, e' gets, and back when it is e' itself.
        x = np.array([[0.0, 5.0], [1.0, 6.0], [50.0, 5.0], [51.0, 6.0]])
        made = munge(x, 4, nominal=[1], probability=1.0, local_variance=1e12)
        np.testing.assert_allclose(made, x, atol=1e-9)

    def test_spread_is_the_distance_by_the_local_variance(self):
        # Three rows: 0 and 1 are each other's nearest, 2's nearest is 1. The
        # pass changes 0 with 1, 1 with 0, and then 2 with 1: row 0 is last
        # drawn around what row 1 had been given, from N(0, 1 / s), and so is
        # from N(0, 1 / s) with one more draw around it.
        x = np.array([[0.0], [1.0], [9.0]])
        scale = 4.0
        first = np.array(
            [
                munge(
                    x,
                    3,
                    nominal=[],
                    probability=1.0,
                    local_variance=scale,
                    seed=seed,
                )[0, 0]
                for seed in range(3000)
            ]
        )
        # Row 0 -> a = 1 + u/s, row 1 -> b = 0 + v/s; then row 1 takes a and
        # row 0 takes b, each with spread |a - b| / s. With s large, row 0 has
        # mean 0 and variance 1/s^2 + E|a - b|^2/s^2 = 1/s^2 + (1 + 2/s^2)/s^2.
        variance = 1 / scale**2 + (1 + 2 / scale**2) / scale**2
        error = np.sqrt(variance / 3000)
        self.assertLess(abs(first.mean()), 4 * error)
        self.assertLess(
            abs(first.var() / variance - 1), 4 * np.sqrt(2 / 3000) * 1.5
        )

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

    def test_neighbours_are_those_of_the_mixed_distance(self):
        x = table(200)
        scaled = (x[:, :2] - x[:, :2].min(0)) / np.ptp(x[:, :2], axis=0)
        squares = ((scaled[:, None] - scaled[None]) ** 2).sum(-1)
        squares += x[:, None, 2] != x[None, :, 2]
        np.fill_diagonal(squares, np.inf)
        found = MixedTable(x, [2]).neighbours()
        np.testing.assert_allclose(
            squares[np.arange(200), found], squares.min(axis=1), atol=1e-6
        )

    def test_memory_grows_with_the_rows_and_not_their_square(self):
        x = np.random.default_rng(0).normal(size=(8000, 20)).astype("float32")
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        munge(x, 16000, nominal=[])
        _, peak = tracemalloc.get_traced_memory()
        # A matrix of all distances would be 8000**2 * 4 bytes = 256 MB.
        self.assertLess(peak, 150e6)

    @parameterized.parameters(
        ({"probability": -0.1}, "probability"),
        ({"probability": 1.1}, "probability"),
        ({"local_variance": 0.0}, "local_variance"),
        ({"local_variance": np.inf}, "local_variance"),
        ({"nominal": [3]}, "nominal.*0 to 2"),
        ({"nominal": ["age"]}, "nominal.*age"),
    )
    def test_refuses(self, kwargs, message):
        with self.assertRaisesRegex(ValueError, message):
            munge(table(20), 10, **kwargs)

    def test_refuses_a_single_row(self):
        with self.assertRaisesRegex(ValueError, "two rows"):
            munge(table(1), 10)


if __name__ == "__main__":
    absltest.main()
