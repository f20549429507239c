"""The check of logits that may rule classes out, on TensorFlow."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import backend

INF = float("inf")


class CheckFiniteTest(parameterized.TestCase):
    def check(self, rows, dtype="float32"):
        return backend.check_finite(tf.constant(rows, dtype), "Received:", True)

    def test_lets_ruled_out_classes_through(self):
        rows = [[1.0, -INF], [-INF, -INF]]
        np.testing.assert_array_equal(self.check(rows), rows)

    def test_a_sum_of_half_precision_may_be_more_than_that_can_be(self):
        rows = np.full((1, 4), 3e4, "float16")
        np.testing.assert_array_equal(self.check(rows, "float16"), rows)

    @parameterized.parameters(
        ([INF, 0.0],), ([INF, -INF],), ([float("nan"), -INF],)
    )
    def test_stops_at_all_else(self, *row):
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "Received"):
            self.check([[0.0, 1.0], *row])


if __name__ == "__main__":
    absltest.main()
