"""Reads the data of specialists, and refuses other data."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.procedures._specialists import checks
from tests import support


class ReadTest(parameterized.TestCase):
    def test_a_data_set_is_read_whole(self):
        x, y = support.data(count=10)
        data = tf.data.Dataset.from_tensor_slices(({"a": x}, y)).batch(4)
        read_x, read_y = checks.read(data, "data")
        np.testing.assert_array_equal(read_x["a"], x)
        np.testing.assert_array_equal(read_y, y)

    def test_labels_may_be_a_column(self):
        x, y = support.data(count=10)
        _, read_y = checks.read((x, y[:, np.newaxis]), "data")
        np.testing.assert_array_equal(read_y, y)

    @parameterized.named_parameters(
        ("weights", lambda x, y: (x, y, y), "`data` must be.*3 parts"),
        ("no_labels", lambda x, y: (x, None), "`data` must.*NoneType"),
        ("list", lambda x, y: ([x, x], y), "a dict of arrays.*list of 2"),
        ("lengths", lambda x, y: (x, y[:3]), r"one label.*\(10, 4\), \(3,\)"),
        (
            "infinite",
            lambda x, y: tf.data.Dataset.from_tensors((x, y)).repeat(),
            "must end.*Take `repeat` away",
        ),
    )
    def test_refuses(self, make, message):
        with self.assertRaisesRegex(ValueError, message):
            checks.read(make(*support.data(count=10)), "data")


if __name__ == "__main__":
    absltest.main()
