"""Two processes train to the numbers of one."""

import numpy as np
import pytest
from absl.testing import absltest

import keras_kd
from tests import support
from tests import worker


@pytest.mark.slow
class TwoWorkersTest(absltest.TestCase):
    def test_two_workers_equal_one_process(self):
        folder = support.folder(self)
        strategy = keras_kd.distribution.strategy("one_device")
        alone = worker.train(strategy, folder / "cache")

        found = worker.run_workers(folder)

        self.assertEqual([one["is_chief"] for one in found], [True, False])
        for name, expected in alone.items():
            # Otherwise nothing was trained, and nothing is compared.
            self.assertNotAlmostEqual(*expected["history"]["loss"], 3)
            for one in found:
                self.assertEqual(
                    list(one[name]["history"]), list(expected["history"])
                )
                for key, values in expected["history"].items():
                    np.testing.assert_allclose(
                        one[name]["history"][key], values, 1e-5, 1e-6, key
                    )
                np.testing.assert_allclose(
                    one[name]["answers"], expected["answers"], 1e-5, 1e-5
                )
                difference = support.largest_difference(
                    [np.array(v) for v in one[name]["weights"]],
                    [np.array(v) for v in expected["weights"]],
                )
                self.assertLess(difference, 1e-6)


if __name__ == "__main__":
    absltest.main()
