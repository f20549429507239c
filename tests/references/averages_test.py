"""Numbers by hand of the references of averaged teachers."""

import math

import numpy as np
from absl.testing import absltest

from tests.references import averages

# 3/4 1/4 and 1/2 1/2.
TEACHER = np.log([[3.0, 1.0]])
STUDENT = np.zeros((1, 2))


class AveragesTest(absltest.TestCase):
    def test_the_ramp_makes_a_plain_mean(self):
        # 1/2, 2/3, 3/4 of what was: each of the values counts the same.
        values = [7.0, 1.0, 4.0, 6.0]
        average = values[0]
        for step, value in enumerate(values[1:], 1):
            decay = averages.ramped_decay(step)
            average = averages.moving_average(average, value, decay)
        np.testing.assert_allclose(average, np.mean(values))

    def test_the_ramp_ends(self):
        # 1 - 1/100 is reached by step 99.
        self.assertLess(averages.ramped_decay(98), 0.99)
        self.assertEqual(averages.ramped_decay(100), 0.99)

    def test_consistency_by_hand(self):
        # (1/4)^2 twice, over two classes.
        np.testing.assert_allclose(
            averages.consistency(TEACHER, STUDENT), [1 / 16]
        )

    def test_weight_of_consistency(self):
        # exp(-5), exp(-5/4) and 1.
        actual = [averages.consistency_weight(e) for e in (0, 2.5, 5, 9)]
        np.testing.assert_allclose(
            actual, 100 * np.exp([-5.0, -1.25, 0.0, 0.0])
        )

    def test_generations_are_averaged_as_probabilities(self):
        # 3/4 1/4 and 1/4 3/4 make 1/2 1/2, of 1/4 3/4: ln 2 + 1/2 ln(4/3).
        members = np.stack([TEACHER, -TEACHER], axis=1)
        np.testing.assert_allclose(
            averages.generations(members, -TEACHER),
            [math.log(2) + math.log(4 / 3) / 2],
        )
        # 9/10 and 1/2 make 7/10; logits would make 3/4.
        members = np.stack([2 * TEACHER, STUDENT], axis=1)
        actual = averages.generations(members, TEACHER)
        np.testing.assert_allclose(
            actual, [0.7 * math.log(4 / 3) + 0.3 * math.log(4)]
        )


if __name__ == "__main__":
    absltest.main()
