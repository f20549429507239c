"""Interpolation between positions, of values, masks and labels."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd._core import resizing
from tests.references import resizing as reference


def numbers(tensor):
    return ops.convert_to_numpy(tensor)


def rows(*values, dtype="float32"):
    return ops.convert_to_tensor(np.array([values], dtype))


class LinearTest(parameterized.TestCase):
    @parameterized.parameters(
        ((5,), (8,)), ((8,), (3,)), ((1,), (4,)), ((4, 6), (8, 3)),
        ((2, 3, 4), (3, 3, 2)),
    )  # fmt: skip
    def test_is_that_between_the_middles_of_cells(self, old, new):
        values = np.random.default_rng(0).normal(size=(2, *old, 3))
        actual = resizing.linear(
            ops.convert_to_tensor(values.astype("float32")), new
        )
        np.testing.assert_allclose(
            numbers(actual), reference.linear(values, *new), atol=1e-6
        )

    def test_two_positions_as_four(self):
        # Middles 1/8, 3/8, 5/8, 7/8 between those of 0 and 4 at 1/4 and 3/4.
        actual = resizing.linear(rows(0.0, 4.0), (4,))
        np.testing.assert_allclose(numbers(actual), [[0, 1, 3, 4]], rtol=1e-6)

    def test_only_the_two_nearest_have_a_share(self):
        actual = resizing.linear(rows(9.0, 0.0, 2.0, 9.0), (1,))
        np.testing.assert_allclose(numbers(actual), [[1]], rtol=1e-6)

    def test_what_has_no_share_may_be_infinite(self):
        values = rows(1.0, 2.0, np.inf, np.nan)
        kept = resizing.linear(values, (4,))
        np.testing.assert_array_equal(numbers(kept)[:, :2], [[1, 2]])
        # The middle of three is that of one.
        middle = resizing.linear(rows(np.nan, 5.0, np.inf), (1,))
        np.testing.assert_array_equal(numbers(middle), [[5]])


class CoveredTest(absltest.TestCase):
    def check(self, mask, expected):
        actual = resizing.covered(rows(*mask, dtype=bool), (len(expected),))
        np.testing.assert_array_equal(numbers(actual), [expected])
        by_values = reference.covered([mask], len(expected))
        np.testing.assert_array_equal(by_values, [expected])

    def test_what_a_hidden_position_has_a_share_in_is_hidden(self):
        self.check([True, True, False, True], [True, False])
        self.check([True, False], [True, False, False, False])

    def test_a_hidden_position_without_a_share_hides_nothing(self):
        self.check([False, True, False], [True])


class NearestTest(absltest.TestCase):
    def test_takes_the_later_of_two(self):
        for given, expected in (
            ([5, 7], [5, 5, 7, 7]),
            ([1, 2, 3, 4], [2, 4]),
            ([1, 2, 3], [2]),
        ):
            labels = rows(*given, dtype="int32")
            actual = resizing.nearest(labels, (len(expected),))
            np.testing.assert_array_equal(numbers(actual), [expected])


class AlignTest(absltest.TestCase):
    def test_the_mask_follows(self):
        class Compared:
            resize = "student"

        embedding = keras.layers.Embedding(5, 3, mask_zero=True)
        student = embedding(np.array([[1, 0]]))
        _, resized = resizing.align(
            Compared, ops.ones((1, 4, 3)), student, "float32"
        )
        np.testing.assert_array_equal(
            numbers(resizing.reduction.read_mask(resized)),
            [[True, False, False, False]],
        )


if __name__ == "__main__":
    absltest.main()
