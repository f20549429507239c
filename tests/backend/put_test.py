"""Parts that are written into a tensor, on every backend."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import backend


class PutTest(parameterized.TestCase):
    @parameterized.parameters(((0, 0),), ((1, 2),), ((2, 3),))
    def test_the_rest_stays(self, place):
        part = np.array([[1.0, 2.0]], "float32")
        expected = np.full((3, 5), 7, "float32")
        row, column = place
        expected[row, column : column + 2] = [1, 2]
        tensor = ops.convert_to_tensor(np.full((3, 5), 7, "float32"))
        actual = backend.put(tensor, ops.convert_to_tensor(part), place)
        np.testing.assert_array_equal(ops.convert_to_numpy(actual), expected)


if __name__ == "__main__":
    absltest.main()
