"""Numbers that are in range, and those that are not."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd._core import arguments


class ArgumentsTest(parameterized.TestCase):
    @parameterized.parameters(1, 0.5, np.float32(2.0), 1e300)
    def test_takes_positive_numbers(self, value):
        arguments.check_positive("rate", value, "a rate")

    @parameterized.parameters(
        0, -1.0, float("inf"), float("nan"), True, "1", None, ([1],)
    )
    def test_refuses_others(self, value):
        with self.assertRaisesRegex(ValueError, "`rate` .* a rate.*rate="):
            arguments.check_positive("rate", value, "a rate")

    @parameterized.parameters((1, 1), (0, 0), (np.int64(7), 2))
    def test_takes_counts(self, value, least):
        arguments.check_count("epochs", value, "epochs", least)

    @parameterized.parameters(
        (0, 1), (-1, 0), (1, 2), (2.0, 1), (True, 1), ("3", 1), (None, 0)
    )
    def test_refuses_what_counts_nothing(self, value, least):
        with self.assertRaisesRegex(
            ValueError, f"`epochs` .* least {least}, since it counts epochs"
        ):
            arguments.check_count("epochs", value, "epochs", least)

    def test_none_counts_nothing_unless_it_is_allowed(self):
        arguments.check_counts("epochs", is_optional=True, first=None, last=3)
        with self.assertRaisesRegex(ValueError, "`last` must .*last=None"):
            arguments.check_counts("epochs", first=3, last=None)

    @parameterized.named_parameters(
        ("array", np.zeros((0, 4))),
        ("tuple", (np.zeros((0, 4)), np.zeros(0))),
        ("dict", {"a": np.zeros((0, 4))}),
        ("data_set", tf.data.Dataset.from_tensor_slices(np.zeros((0, 4)))),
        ("taken", tf.data.Dataset.range(3).take(0).batch(2)),
    )
    def test_refuses_data_of_nothing(self, data):
        with self.assertRaisesRegex(
            ValueError, "`data` must have at least one example.*Received: data"
        ):
            arguments.check_not_empty("data", data)

    @parameterized.named_parameters(
        ("array", np.zeros((1, 4))),
        ("scalar_beside", (np.zeros((2, 4)), np.float32(3))),
        ("unknown", tf.data.Dataset.range(3).filter(lambda i: i > 5)),
        ("infinite", tf.data.Dataset.range(3).repeat()),
        ("list", [1, 2]),
    )
    def test_takes_data_of_something_and_what_cannot_be_told(self, data):
        arguments.check_not_empty("data", data)


if __name__ == "__main__":
    absltest.main()
