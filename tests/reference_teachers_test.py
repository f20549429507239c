"""The references for teachers, by hand."""

import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from tests import reference


class EnsembleTest(parameterized.TestCase):
    # Odds of 1 to 3 and of 3 to 1.
    MEMBERS = np.log([[[1.0, 3.0], [3.0, 1.0]]])

    @parameterized.parameters(
        # 0.2 (1/4, 3/4) + 0.8 (3/4, 1/4).
        ("arithmetic", [[0.65, 0.35]]),
        # Odds of (1/3)^0.2 3^0.8 = 3^0.6 to 1.
        ("geometric", [[3**0.6 / (1 + 3**0.6), 1 / (1 + 3**0.6)]]),
    )
    def test_by_hand(self, combine, expected):
        log_p = reference.ensemble_log_probabilities(
            self.MEMBERS, [0.2, 0.8], 1.0, combine
        )
        np.testing.assert_allclose(np.exp(log_p), expected)

    def test_temperature_two_takes_the_root_of_the_odds(self):
        log_p = reference.ensemble_log_probabilities(
            2 * self.MEMBERS, [0.2, 0.8], 2.0, "arithmetic"
        )
        np.testing.assert_allclose(np.exp(log_p), [[0.65, 0.35]])

    def test_divergence_from_an_even_student_by_hand(self):
        # 0.65 ln 1.3 + 0.35 ln 0.7
        actual = reference.ensemble_divergence(
            self.MEMBERS, [0.2, 0.8], np.zeros((1, 2)), 1.0, "arithmetic"
        )
        expected = 0.65 * math.log(1.3) + 0.35 * math.log(0.7)
        np.testing.assert_allclose(actual, [expected])


class NoiseOffsetTest(absltest.TestCase):
    def test_by_hand(self):
        # 0.5 * 0.2^2 * (9 + 16)
        actual = reference.noise_offset([[3, 4]], 0.2, 0.5)
        np.testing.assert_allclose(actual, [0.5])


if __name__ == "__main__":
    absltest.main()
