"""Batches with a fixed part of each kind."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.procedures._data_distillation.mixed_batches import MixedBatches


def make(batch_size=10, share=0.6, steps=4, labelled=7, generated=30):
    def kind(count, sign):
        x = np.arange(1, count + 1)
        return sign * x, 10 * sign * x

    return MixedBatches(
        kind(labelled, 1), kind(generated, -1), batch_size, share, steps, 3
    )


def run(batches, epochs):
    found = []
    for epoch in epochs:
        batches.begin_epoch(epoch)
        found += [batches[i] for i in range(len(batches))]
    return found


class MixedBatchesTest(parameterized.TestCase):
    @parameterized.parameters(
        (10, 0.6, 6), (10, 0.01, 1), (10, 0.99, 9), (2, 0.5, 1)
    )
    def test_holds_a_fixed_part_of_each(self, size, share, labelled):
        for x, y in run(make(size, share), range(3)):
            self.assertLen(x, size)
            self.assertEqual(np.sum(x > 0), labelled)
            np.testing.assert_array_equal(y, 10 * x)

    def test_goes_through_each_kind_as_often_as_it_can(self):
        seen = np.concatenate([x for x, _ in run(make(), range(7))])
        # 28 batches: 168 of 7 labelled ones, 112 of 30 generated ones.
        counts = np.bincount(seen[seen > 0], minlength=8)[1:]
        np.testing.assert_array_equal(counts, 24)
        counts = np.bincount(-seen[seen < 0], minlength=31)[1:]
        self.assertContainsSubset(counts, [3, 4])

    def test_a_later_epoch_does_not_depend_on_those_before(self):
        expected = run(make(), range(4))[12:]
        for (x, _), (other, _) in zip(run(make(), [3]), expected, strict=True):
            np.testing.assert_array_equal(x, other)


if __name__ == "__main__":
    absltest.main()
