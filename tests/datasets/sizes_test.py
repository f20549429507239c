import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.datasets import sizes


class WithinTest(parameterized.TestCase):
    @parameterized.parameters(
        # Nothing is left out.
        (100, [7, 3], 2, [7, 3]),
        (10, [7, 3], 2, [7, 3]),
        # As many as are needed, of a group that has no more too.
        (4, [7, 3], 2, [2, 2]),
        (3, [9, 1], 2, [2, 1]),
        # Half of what is beyond that: 2 + 3 and 2 + 1.
        (8, [8, 4], 2, [5, 3]),
    )
    def test_keeps_of_each_group_alike(self, limit, counts, least, expected):
        np.testing.assert_array_equal(
            sizes.within(limit, counts, least), expected
        )

    def test_keeps_as_many_as_the_limit_has(self):
        random = np.random.default_rng(0)
        for _ in range(100):
            counts = random.integers(1, 50, size=9)
            least = np.repeat([2, 1, 3], 3)
            lowest = np.minimum(counts, least).sum()
            limit = int(random.integers(lowest, counts.sum() + 1))
            kept = sizes.within(limit, counts, least)
            self.assertEqual(kept.sum(), limit)
            self.assertTrue(np.all(kept <= counts))
            self.assertTrue(np.all(kept >= np.minimum(counts, least)))


if __name__ == "__main__":
    absltest.main()
