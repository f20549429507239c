"""Sums of rows that come in parts."""

import numpy as np
from absl.testing import absltest

from keras_kd.transfer_sets._tables.component_sums import ComponentSums
from keras_kd.transfer_sets._tables.mixed_table import MixedTable


class ComponentSumsTest(absltest.TestCase):
    def test_adds_up_what_belongs_to_each_component(self):
        x = np.array([[1.0, 7], [2.0, 9], [3.0, 7]])
        near = np.array([[1.0, 0.0], [0.5, 0.5], [0.25, 0.75]])
        sums = ComponentSums(MixedTable(x, [1]), 2)
        for part in ([0, 2], [1]):
            sums.add(near[part], x[part, :1], part)
        np.testing.assert_allclose(sums.total, [1.75, 1.25])
        np.testing.assert_allclose(sums.numbers, [[2.75], [3.25]])
        np.testing.assert_allclose(sums.squares, [[5.25], [8.75]])
        # The value 7, of the first and last row, and the value 9.
        np.testing.assert_allclose(sums.counts[1], [[1.25, 0.75], [0.5, 0.5]])
        np.testing.assert_allclose(sums.shares()[1], [2 / 3, 1 / 3])


if __name__ == "__main__":
    absltest.main()
