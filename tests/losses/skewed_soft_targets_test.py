import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from tests import reference
from tests.losses import logit_cases
from tests.losses import precision
from tests.losses.logit_cases import STUDENT
from tests.losses.logit_cases import TEACHER
from tests.references import sequences


class SkewedSoftTargetsTest(parameterized.TestCase):
    @parameterized.parameters(
        (1.0, 0.1, False), (3.0, 0.5, False), (1.0, 0.1, True), (2.0, 0.9, True)
    )
    def test_equals_the_formula(self, temperature, skew, reverse):
        of_order = (
            sequences.skewed_reverse_divergence
            if reverse
            else sequences.skewed_divergence
        )

        def formula(teacher, student):
            # The published ones know no temperature.
            softer = teacher / temperature, student / temperature
            return temperature**2 * of_order(*softer, skew)

        logit_cases.assert_equal(
            lambda: losses.SkewedSoftTargets(
                temperature, skew=skew, reverse=reverse
            ),
            formula,
        )

    @parameterized.parameters(False, True)
    def test_tends_to_the_divergence_without_skew(self, reverse):
        pair = (STUDENT, TEACHER) if reverse else (TEACHER, STUDENT)
        actual = losses.SkewedSoftTargets(skew=0.001, reverse=reverse)(
            TEACHER, STUDENT
        )
        np.testing.assert_allclose(
            actual, reference.kl_divergence(*pair), rtol=0.03
        )

    @parameterized.parameters(False, True)
    def test_costs_at_most_the_logarithm_of_the_skew(self, reverse):
        result = precision.run(
            lambda: losses.SkewedSoftTargets(skew=0.1, reverse=reverse),
            1e4 * TEACHER,
            -1e4 * TEACHER,
        )
        np.testing.assert_allclose(result.value, np.log(10), rtol=1e-6)
        self.assertTrue(np.all(np.isfinite(result.gradient)))


if __name__ == "__main__":
    absltest.main()
