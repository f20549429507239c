import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies
from hypothesis.extra import numpy as arrays

from keras_kd import losses
from tests import reference
from tests.losses import precision

TEACHER = np.array([[2.0, 1.0, -1.0], [0.5, 0.5, 3.0]])
STUDENT = np.array([[1.0, 1.5, 0.0], [-0.5, 2.0, 1.0]])
EXTREME = np.array([[1e4, -1e4, 0.0], [1e4, 9984.0, -1e4]])

PAIRS = arrays.arrays(
    np.float64, (2, 3, 4), elements=strategies.floats(-1e4, 1e4, width=32)
)
DTYPES = strategies.sampled_from(["float32", "float16", "bfloat16"])


def run(teacher, student, center, *args):
    return precision.run(
        lambda: losses.LogitRegression(center), teacher, student, *args
    )


class LogitRegressionTest(parameterized.TestCase):
    def test_by_hand(self):
        # (1 + 0 + 4) / 2; centred, the teacher is (-1, 0, 1): (4 + 4 + 16) / 2.
        pair = [[1, 2, 3]], [[2, 2, 5]]
        np.testing.assert_allclose(run(*pair, center=False).value, [2.5])
        np.testing.assert_allclose(run(*pair, center=True).value, [14.5])

    @hypothesis.given(PAIRS, strategies.booleans(), DTYPES)
    @precision.reproducible
    def test_equals_the_reference(self, pair, center, dtype):
        result = run(*pair, center, dtype)
        expected = reference.logit_regression(
            result.teacher, result.student, center
        )
        precision.assert_precise(result, expected)

    @parameterized.named_parameters(*precision.POLICIES)
    def test_equals_the_reference_under_every_policy(self, policy, dtype):
        for pair in (TEACHER, STUDENT), (EXTREME, -EXTREME):
            for center in (False, True):
                result = run(*pair, center, dtype, policy)
                expected = reference.logit_regression(
                    result.teacher, result.student, center
                )
                precision.assert_precise(result, expected)

    def test_gradient_is_the_difference(self):
        for teacher, student in (TEACHER, STUDENT), (EXTREME, -EXTREME):
            actual = run(teacher, student, False).gradient
            np.testing.assert_allclose(actual, student - teacher, rtol=1e-6)

    def test_is_zero_when_the_student_equals_the_teacher(self):
        for logits in (TEACHER, EXTREME):
            actual = run(logits, logits, False).value
            np.testing.assert_array_equal(actual, [0, 0])

    def test_centring_ignores_the_teachers_offset(self):
        np.testing.assert_allclose(
            run(TEACHER + 16, STUDENT, True).value,
            run(TEACHER, STUDENT, True).value,
            rtol=1e-5,
        )

    def test_rejects_different_numbers_of_classes(self):
        with self.assertRaisesRegex(
            ValueError, r"`LogitRegression` must.*\(2, 3\).*\(2, 4\)"
        ):
            losses.LogitRegression()(TEACHER, np.zeros((2, 4)))


if __name__ == "__main__":
    absltest.main()
