"""Batches that an interruption does not change."""

import numpy as np
from absl.testing import absltest

from keras_kd._runs.seeded_batches import SeededBatches


def epochs(batches, numbers):
    """The labels of all batches of some epochs."""
    found = []
    for epoch in numbers:
        batches.begin_epoch(epoch)
        found.append([batches[i][1].tolist() for i in range(len(batches))])
    return found


def make(count=10, **kwargs):
    x = np.arange(count)
    return SeededBatches({"a": x}, 2 * x, 4, (1, 2), **kwargs)


class SeededBatchesTest(absltest.TestCase):
    def test_an_epoch_is_a_pass_through_all_examples(self):
        found = epochs(make(), range(3))
        for batches in found:
            self.assertEqual([len(b) for b in batches], [4, 4, 2])
            self.assertCountEqual(sum(batches, []), range(0, 20, 2))
        self.assertNotEqual(found[0], found[1])

    def test_inputs_and_labels_stay_together(self):
        batches = make()
        for index in range(len(batches)):
            x, y = batches[index]
            np.testing.assert_array_equal(2 * x["a"], y)

    def test_passes_go_on_over_epochs_of_another_length(self):
        found = sum(epochs(make(steps=2), range(6)), [])
        self.assertLen(found, 12)
        for start in range(0, 12, 3):
            seen = sum(found[start : start + 3], [])
            self.assertCountEqual(seen, range(0, 20, 2))

    def test_a_later_epoch_does_not_depend_on_those_before(self):
        for steps in (None, 2, 7):
            expected = epochs(make(steps=steps), range(4))
            self.assertEqual(epochs(make(steps=steps), [3, 1]), expected[3::-2])

    def test_without_labels_it_gives_inputs(self):
        (x,) = SeededBatches(np.arange(3), None, 4, (0,))[0]
        self.assertCountEqual(x, range(3))


if __name__ == "__main__":
    absltest.main()
