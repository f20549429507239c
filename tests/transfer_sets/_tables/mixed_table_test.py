"""Distances of rows with continuous and nominal attributes."""

import numpy as np
from absl.testing import absltest

from keras_kd.transfer_sets._tables.mixed_table import MixedTable


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


if __name__ == "__main__":
    absltest.main()
