import numpy as np
from absl.testing import absltest

from keras_kd.procedures.shuffled import Shuffled


def rows(data):
    return [batch[0].tolist() for batch in (data[i] for i in range(len(data)))]


class ShuffledTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.arrays = (np.arange(10), 10 * np.arange(10))
        self.data = Shuffled(self.arrays, 4, seed=1)

    def test_an_epoch_has_each_example_once(self):
        batches = rows(self.data)
        self.assertEqual([len(batch) for batch in batches], [4, 4, 2])
        self.assertEqual(sorted(sum(batches, [])), list(range(10)))

    def test_rows_stay_together(self):
        first, second = self.data[1]
        np.testing.assert_array_equal(second, 10 * first)

    def test_the_epoch_decides_the_order(self):
        first = rows(self.data)
        self.data.begin_epoch(1)
        second = rows(self.data)
        self.assertNotEqual(first, second)
        # As after an interruption.
        resumed = Shuffled(self.arrays, 4, seed=1)
        resumed.begin_epoch(1)
        self.assertEqual(rows(resumed), second)
        self.assertNotEqual(rows(Shuffled(self.arrays, 4, seed=2)), first)


if __name__ == "__main__":
    absltest.main()
