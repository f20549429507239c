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


class ReverseSoftTargetsTest(parameterized.TestCase):
    @parameterized.parameters(1.0, 3.0)
    def test_equals_the_formula(self, temperature):
        logit_cases.assert_equal(
            lambda: losses.ReverseSoftTargets(temperature),
            lambda teacher, student: (
                temperature**2
                * sequences.reverse_divergence(teacher, student, temperature)
            ),
        )

    @parameterized.parameters(1.0, 50.0)
    def test_float32_keeps_its_digits_when_the_student_is_close(self, t):
        student = TEACHER + 0.01 * STUDENT
        actual = losses.ReverseSoftTargets(t)(TEACHER, student)
        expected = sequences.reverse_divergence(TEACHER, student, t) * t**2
        np.testing.assert_allclose(actual, expected, rtol=1e-2)

    def test_the_gradient_counts_what_the_student_finds_likely(self):
        # d KL(q || p) / d student = q (log q - log p - KL(q || p)), where that
        # of `SoftTargets` is q - p, also where q is near 0.
        student = STUDENT.copy()
        student[:, 0] -= 12
        result = precision.run(losses.ReverseSoftTargets, TEACHER, student)
        q = reference.softmax(student)
        ratio = reference.log_softmax(student) - reference.log_softmax(TEACHER)
        mean = np.sum(q * ratio, axis=-1, keepdims=True)
        np.testing.assert_allclose(
            result.gradient, q * (ratio - mean), rtol=1e-3, atol=1e-6
        )


if __name__ == "__main__":
    absltest.main()
