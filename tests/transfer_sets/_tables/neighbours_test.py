"""Nearest other rows, against all distances in float64."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.transfer_sets._tables.mixed_table import MixedTable
from keras_kd.transfer_sets._tables.neighbours import nearest_others


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
