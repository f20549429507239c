import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.losses.mixtures import divergence_from_mixture
from tests import reference
from tests.losses.logit_cases import STUDENT
from tests.losses.logit_cases import TEACHER

LOG_P, LOG_Q = reference.log_softmax(TEACHER), reference.log_softmax(STUDENT)


class DivergenceFromMixtureTest(parameterized.TestCase):
    @parameterized.parameters(0.001, 0.1, 0.5, 0.999)
    def test_equals_the_formula(self, share):
        p, q = np.exp(LOG_P), np.exp(LOG_Q)
        mixture = share * p + (1 - share) * q
        np.testing.assert_allclose(
            divergence_from_mixture(LOG_P, LOG_Q, np.float64(share)),
            np.sum(p * np.log(p / mixture), axis=-1),
            rtol=1e-6,
        )

    @parameterized.parameters(0.1, 0.5)
    def test_float32_keeps_its_digits_where_both_are_close(self, share):
        # To second order, (1 - share)^2 / 2 sum (q - p)^2 / p.
        log_q = reference.log_softmax(TEACHER + 1e-3 * STUDENT)
        p = np.exp(LOG_P)
        square = np.sum((np.exp(log_q) - p) ** 2 / p, axis=-1)
        actual = divergence_from_mixture(
            LOG_P.astype("float32"), log_q.astype("float32"), share
        )
        np.testing.assert_allclose(
            actual, (1 - share) ** 2 / 2 * square, rtol=2e-2
        )

    def test_is_exactly_zero_at_equality(self):
        logs = LOG_P.astype("float32")
        np.testing.assert_array_equal(
            divergence_from_mixture(logs, logs, 0.3), 0
        )

    def test_classes_that_one_of_them_rules_out(self):
        # p = (0, 1), q = (1, 0): -log(share) of what p has alone.
        logs = np.log(np.array([[1e-320, 1.0], [1.0, 1e-320]]))
        logs[logs < -700] = -np.inf
        np.testing.assert_allclose(
            divergence_from_mixture(logs[:1], logs[1:], 0.25),
            [np.log(4)],
            rtol=1e-6,
        )


if __name__ == "__main__":
    absltest.main()
