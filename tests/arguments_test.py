"""Numbers that are in range, and those that are not."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import arguments


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


if __name__ == "__main__":
    absltest.main()
