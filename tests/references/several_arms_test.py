"""The reference of several arms, against the one of two and by hand."""

import math

import numpy as np
from absl.testing import absltest
from scipy import stats

from tests import reference
from tests.references import several_arms


class SeveralArmsTest(absltest.TestCase):
    def test_two_arms_have_the_interval_of_two(self):
        before, after = [[0, 0, 1], [0, 0, 1]], [[1, 1, 1], [1, 0, 1]]
        np.testing.assert_allclose(
            several_arms.interval([before, after], 0, 1, level=0.9),
            reference.two_way_interval(before, after, level=0.9),
        )

    def test_a_third_arm_lends_its_spread(self):
        # First and second differ by .1 in each cell: nothing of seeds and of
        # examples. The third is at 0 and at .6 of two seeds and two examples:
        # mean square .36 of its pairs, so .24 over all and .18 over those of
        # the first; 2 ** .5 degrees of freedom.
        arms = np.zeros((3, 2, 2))
        arms[1] += 0.1
        arms[2, 1] += 0.6
        margin = stats.t.ppf(0.9, math.sqrt(2)) * math.sqrt(0.24 / 4)
        mean, low, high = several_arms.interval(arms, 0, 1, level=0.8)
        np.testing.assert_allclose([mean, low, high], [0.1, 0, 0.1 + margin])


if __name__ == "__main__":
    absltest.main()
