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

LOGITS = strategies.one_of(
    strategies.floats(-1e4, 1e4, width=32), strategies.floats(-9, 9, width=32)
)
PAIRS = arrays.arrays(np.float64, (2, 3, 4), elements=LOGITS)
TEMPERATURES = strategies.sampled_from([0.5, 1.0, 3.0, 4.0, 20.0, 1000.0])
DTYPES = strategies.sampled_from(["float32", "float16", "bfloat16"])


def run(teacher, student, temperature, *args):
    return precision.run(
        lambda: losses.BinarySoftTargets(temperature), teacher, student, *args
    )


class BinarySoftTargetsTest(parameterized.TestCase):
    def test_by_hand(self):
        # The second label agrees, the first is 3 ln(3/2) - ln 2 = 0.523248 as
        # for `SoftTargets`. The mean of the two halves it.
        loss = losses.BinarySoftTargets(temperature=2.0)
        actual = loss(np.array([[np.log(9.0), 5.0]]), np.array([[0.0, 5.0]]))
        np.testing.assert_allclose(actual, [0.523248 / 2], rtol=1e-5)

    @hypothesis.given(PAIRS, TEMPERATURES, DTYPES)
    @precision.reproducible
    def test_equals_the_reference(self, pair, temperature, dtype):
        result = run(*pair, temperature, dtype)
        expected = reference.binary_soft_targets(
            result.teacher, result.student, temperature
        )
        precision.assert_precise(result, expected, temperature)

    @parameterized.named_parameters(*precision.POLICIES)
    def test_equals_the_reference_under_every_policy(self, policy, dtype):
        for temperature in (0.5, 1.0, 4.0, 1000.0):
            for pair in (TEACHER, STUDENT), (EXTREME, -EXTREME):
                result = run(*pair, temperature, dtype, policy)
                expected = reference.binary_soft_targets(
                    result.teacher, result.student, temperature
                )
                precision.assert_precise(result, expected, temperature)

    @parameterized.parameters(0.5, 1.0, 4.0, 20.0)
    def test_gradient_is_temperature_times_the_probability_gap(self, t):
        # Of one label that is T (q - p); there are three in the mean.
        for teacher, student in (TEACHER, STUDENT), (EXTREME, -EXTREME):
            gap = reference.sigmoid(student / t) - reference.sigmoid(
                teacher / t
            )
            np.testing.assert_allclose(
                run(teacher, student, t).gradient,
                t * gap / 3,
                rtol=1e-4,
                atol=1e-5,
            )

    def test_one_unit_is_soft_targets_over_two_classes(self):
        teacher, student = (
            np.stack([x[:, 0], 0 * x[:, 0]], axis=-1)
            for x in (TEACHER, STUDENT)
        )
        np.testing.assert_allclose(
            run(TEACHER[:, :1], STUDENT[:, :1], 3.0).value,
            losses.SoftTargets(3.0)(teacher, student),
            rtol=1e-5,
        )

    @hypothesis.given(PAIRS, TEMPERATURES)
    @precision.reproducible
    def test_is_zero_when_the_student_equals_the_teacher(self, pair, t):
        np.testing.assert_array_equal(run(pair[0], pair[0], t).value, 0)

    def test_does_not_change_when_yes_and_no_change_places(self):
        np.testing.assert_allclose(
            run(-TEACHER, -STUDENT, 2.0).value,
            run(TEACHER, STUDENT, 2.0).value,
            rtol=1e-6,
        )

    @parameterized.parameters(
        0.0, -1.0, float("nan"), float("inf"), None, "4", 1e39, 1e25, 1e-40
    )
    def test_rejects_temperature(self, temperature):
        with self.assertRaises(ValueError) as caught:
            losses.BinarySoftTargets(temperature)
        self.assertStartsWith(
            str(caught.exception),
            "`temperature` must be a number from 0.001 to 1e+06",
        )
        self.assertEndsWith(
            str(caught.exception), f"Received: temperature={temperature!r}."
        )

    @parameterized.parameters(1e-3, 1e6)
    def test_is_finite_at_the_ends_of_the_range(self, temperature):
        loss = losses.BinarySoftTargets(temperature)
        value = loss(np.array([[9.0, -7.0]]), np.array([[-8.0, 6.0]]))
        self.assertTrue(np.isfinite(value.numpy()).all())

    def test_a_label_that_the_teacher_rules_out(self):
        # p = 0 beside q = 1/2: KL = ln 2, whatever the temperature.
        loss = losses.BinarySoftTargets(2.0)
        actual = loss(np.array([[-np.inf]]), np.zeros((1, 1)))
        np.testing.assert_allclose(actual, [4 * np.log(2)], rtol=1e-6)

    def test_rejects_different_numbers_of_labels(self):
        with self.assertRaisesRegex(
            ValueError, r"`BinarySoftTargets` must.*\(2, 3\).*\(2, 4\)"
        ):
            losses.BinarySoftTargets()(TEACHER, np.zeros((2, 4)))


if __name__ == "__main__":
    absltest.main()
