"""Distances of rows with continuous and nominal attributes."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.transfer_sets._tables.mixed_table import MixedTable
from keras_kd.transfer_sets._tables.mixed_table import nearest_others


class SquaresTest(absltest.TestCase):
    def test_adds_squares_of_scaled_numbers_and_names_that_differ(self):
        x = np.array([[0.0, 5, 10, 1], [2.0, 5, 30, 2], [8.0, 6, 50, 1]])
        table = MixedTable(x, [1, 3])
        # Scaled: 0, 1/4, 1 and 0, 1/2, 1.
        expected = [
            [0, 1 / 16 + 1 / 4 + 1, 1 + 1 + 1],
            [1 / 16 + 1 / 4 + 1, 0, 9 / 16 + 1 / 4 + 2],
        ]
        np.testing.assert_allclose(
            table.squares([0, 1], slice(0, 3)), expected, atol=1e-12
        )

    def test_takes_tables_of_one_kind(self):
        x = np.array([[0.0, 3.0], [4.0, 3.0], [1.0, 3.0]])
        every = slice(0, 3)
        np.testing.assert_allclose(
            MixedTable(x, []).squares([0], every), [[0, 1, 1 / 16]]
        )
        np.testing.assert_allclose(
            MixedTable(x, [0, 1]).squares([0], every), [[0, 1, 1]]
        )

    def test_tells_more_names_apart_than_a_byte_can(self):
        x = np.arange(70_000.0)[:, None]
        table = MixedTable(x, [0])
        np.testing.assert_array_equal(
            table.squares([0], [0, 256, 65_536]), [[0, 1, 1]]
        )


class ScaledTest(absltest.TestCase):
    def test_is_near_and_far_from_zero_the_same(self):
        # Float64 has 2e-7 of 1.7e9, which is 2e-9 of a range of 100.
        x = np.random.default_rng(0).uniform(0, 100, (200, 1))
        np.testing.assert_allclose(
            MixedTable(x + 1.7e9, []).scaled,
            (x - x.min()) / np.ptp(x),
            atol=1e-7,
        )

    def test_takes_numbers_beyond_float32(self):
        x = np.array([[1e39], [2e39], [5e39]])
        np.testing.assert_allclose(
            MixedTable(x, []).scaled, [[0], [0.25], [1]], rtol=1e-6
        )


def all_squares(x, nominal):
    """The distance of the docstring of `munge`, of each row with each."""
    names = np.isin(np.arange(x.shape[1]), nominal)
    numbers = x[:, ~names].astype("float64")
    scaled = (numbers - numbers.min(0)) / np.ptp(numbers, axis=0)
    squares = np.zeros((len(x), len(x)))
    for column in scaled.T:
        squares += (column[:, None] - column) ** 2
    for column in x[:, names].T:
        squares += column[:, None] != column
    np.fill_diagonal(squares, np.inf)
    return squares


class NearestOthersTest(parameterized.TestCase):
    # Rows of one tile and of several, the last not full; few attributes and
    # more than scikit-learn builds a tree for.
    @parameterized.product(
        count=(2, 300, 512, 1300), width=(2, 20), nominal=([], [1], [0, 1])
    )
    def test_is_the_nearest_by_the_mixed_distance(self, count, width, nominal):
        random = np.random.default_rng(count + width)
        x = random.normal(size=(count, width))
        x[:, nominal] = random.integers(0, 4, (count, len(nominal)))
        if len(nominal) == width:
            x = np.column_stack([x, random.normal(size=count)])
        squares = all_squares(x, nominal)
        found = nearest_others(MixedTable(x, nominal))
        # Scaled numbers of float32 are off by 3e-8 each.
        np.testing.assert_allclose(
            squares[np.arange(count), found],
            squares.min(axis=1),
            atol=width * 1e-6,
        )
        self.assertTrue(np.all(found != np.arange(count)))

    @parameterized.parameters(([],), ([1],))
    def test_is_the_same_far_from_zero(self, nominal):
        random = np.random.default_rng(0)
        x = random.uniform(0, 100, (200, 1)) + 1.7e9
        x = np.column_stack([x, random.integers(0, 2, 200)])
        np.testing.assert_array_equal(
            nearest_others(MixedTable(x, nominal)),
            all_squares(x, nominal).argmin(axis=1),
        )

    def test_goes_through_a_long_table_in_parts(self):
        # The neighbour of each even number is the odd one above it.
        pairs = np.arange(9000) // 2 * 10.0 + np.arange(9000) % 2
        order = np.random.default_rng(0).permutation(9000)
        found = nearest_others(MixedTable(pairs[order][:, None], []))
        np.testing.assert_array_equal(order[found], order ^ 1)

    @parameterized.parameters(([],), ([0],), ([0, 1],))
    def test_equal_rows_are_neighbours(self, nominal):
        x = np.random.default_rng(0).integers(0, 50, (40, 2)).astype(float)
        for times in (2, 3):
            rows = np.tile(x, (times, 1))
            found = nearest_others(MixedTable(rows, nominal))
            np.testing.assert_array_equal(rows[found], rows)
            self.assertTrue(np.all(found != np.arange(len(rows))))


if __name__ == "__main__":
    absltest.main()
