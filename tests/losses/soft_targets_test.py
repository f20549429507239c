import hypothesis
import keras
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
EXTREME_TEACHER = np.array([[1e4, -1e4, 0.0], [1e4, 9984.0, -1e4]])
EXTREME_STUDENT = np.array([[-1e4, 1e4, 0.0], [9984.0, 1e4, -1e4]])

LOGITS = strategies.one_of(
    strategies.floats(-1e4, 1e4, width=32), strategies.floats(-9, 9, width=32)
)
PAIRS = arrays.arrays(np.float64, (2, 3, 5), elements=LOGITS)
TEMPERATURES = strategies.sampled_from([0.5, 1.0, 3.0, 4.0, 20.0, 1000.0])
DTYPES = strategies.sampled_from(["float32", "float16", "bfloat16"])


def run(teacher, student, temperature, *args):
    return precision.run(
        lambda: losses.SoftTargets(temperature), teacher, student, *args
    )


class SoftTargetsTest(parameterized.TestCase):
    def test_by_hand(self):
        # T = 2 makes the odds 3 : 1 of odds 9 : 1, and T^2 = 4:
        # 4 (3/4 ln(3/2) + 1/4 ln(1/2)) = 3 ln(3/2) - ln 2 = 0.523248.
        loss = losses.SoftTargets(temperature=2.0)
        actual = loss(np.log([[9.0, 1.0]]), np.zeros((1, 2)))
        np.testing.assert_allclose(actual, [0.523248], rtol=1e-5)

    @hypothesis.given(PAIRS, TEMPERATURES, DTYPES)
    @precision.reproducible
    def test_equals_the_reference(self, pair, temperature, dtype):
        result = run(*pair, temperature, dtype)
        expected = reference.soft_targets(
            result.teacher, result.student, temperature
        )
        precision.assert_precise(result, expected, temperature)

    @parameterized.named_parameters(*precision.POLICIES)
    def test_equals_the_reference_under_every_policy(self, policy, dtype):
        for temperature in (0.5, 1.0, 4.0, 1000.0):
            for pair in (
                (TEACHER, STUDENT),
                (EXTREME_TEACHER, EXTREME_STUDENT),
            ):
                result = run(*pair, temperature, dtype, policy)
                expected = reference.soft_targets(
                    result.teacher, result.student, temperature
                )
                precision.assert_precise(result, expected, temperature)

    @parameterized.parameters(0.5, 1.0, 4.0, 20.0)
    def test_gradient_is_temperature_times_the_probability_gap(self, t):
        for pair in (TEACHER, STUDENT), (EXTREME_TEACHER, EXTREME_STUDENT):
            expected = reference.soft_targets_gradient(*pair, t)
            np.testing.assert_allclose(
                run(*pair, t).gradient, expected, rtol=1e-4, atol=1e-5
            )

    @parameterized.parameters(1.0, 4.0, 20.0, 50.0)
    def test_float32_keeps_its_digits_when_the_student_is_close(self, t):
        # Where plain p (log p - log q) has none left: divergences of 1e-8.
        student = TEACHER + 0.01 * STUDENT
        expected = reference.soft_targets(TEACHER, student, t)
        actual = run(TEACHER, student, t).value
        np.testing.assert_allclose(actual, expected, rtol=1e-2)

    @parameterized.parameters(20.0, 50.0)
    def test_is_within_one_percent_of_matching_centred_logits(self, t):
        # The next term is smaller by the largest logit / T: 0.2 / 20.
        teacher, student = 0.1 * TEACHER / 1.5, 0.1 * STUDENT
        expected = reference.centred_logit_match(teacher, student)
        actual = run(teacher, student, t).value
        np.testing.assert_allclose(actual, expected, rtol=1e-2)

    def test_tends_to_matching_centred_logits_in_float64(self):
        expected = reference.centred_logit_match(TEACHER, STUDENT)
        near, far = (
            losses.SoftTargets(t, dtype="float64")(TEACHER, STUDENT) - expected
            for t in (1e3, 2e3)
        )
        np.testing.assert_allclose(near, 0, atol=2e-3)
        np.testing.assert_allclose(near / far, 2, rtol=5e-3)

    @hypothesis.given(PAIRS, TEMPERATURES)
    @precision.reproducible
    def test_is_zero_when_the_student_equals_the_teacher(self, pair, t):
        np.testing.assert_array_equal(run(pair[0], pair[0], t).value, 0)

    @hypothesis.given(PAIRS, TEMPERATURES)
    @precision.reproducible
    def test_is_at_least_zero(self, pair, t):
        slack = 1e-6 * t**2 * (1 + np.abs(pair).max() / t)
        self.assertGreaterEqual(run(*pair, t).value.min(), -slack)

    def test_ignores_a_constant_added_to_all_logits(self):
        np.testing.assert_allclose(
            run(TEACHER + 8, STUDENT - 16, 2.0).value,
            run(TEACHER, STUDENT, 2.0).value,
            rtol=1e-5,
        )

    def test_keeps_the_positions_of_a_sequence(self):
        teacher, student = (
            np.stack([x, x[::-1]], axis=1) for x in (TEACHER, STUDENT)
        )
        actual = run(teacher, student, 3.0).value
        expected = reference.soft_targets(teacher, student, 3.0)
        self.assertEqual(actual.shape, (2, 2))
        np.testing.assert_allclose(actual, expected, rtol=1e-5)

    def test_is_the_class_of_keras_where_that_is_right(self):
        # `keras.distillation` with an instance of the loss, one example each.
        loss = keras.distillation.LogitsDistillation(
            temperature=3.0, loss=keras.losses.KLDivergence()
        )
        for teacher, student in zip(TEACHER, STUDENT, strict=True):
            theirs = loss.compute_loss(
                keras.ops.array([teacher], "float32"),
                keras.ops.array([student], "float32"),
            )
            ours = run([teacher], [student], 3.0).value
            np.testing.assert_allclose(ours, [theirs], rtol=1e-4)

    @parameterized.parameters(
        0.0, -1.0, float("nan"), float("inf"), None, "4", 1e39, 1e25, 1e-40
    )
    def test_rejects_temperature(self, temperature):
        with self.assertRaises(ValueError) as caught:
            losses.SoftTargets(temperature)
        self.assertStartsWith(
            str(caught.exception),
            "`temperature` must be a number from 0.001 to 1e+06",
        )
        self.assertEndsWith(
            str(caught.exception), f"Received: temperature={temperature!r}."
        )

    @parameterized.parameters(1e-3, 1e6)
    def test_is_finite_at_the_ends_of_the_range(self, temperature):
        loss = losses.SoftTargets(temperature)
        value = loss(np.array([[9.0, -7.0]]), np.array([[-8.0, 6.0]]))
        self.assertTrue(np.isfinite(value.numpy()).all())

    def test_a_class_that_the_teacher_rules_out(self):
        # p = (0, 1/4, 3/4) of logits (-inf, 0, ln 3) at T = 1; q is uniform:
        # KL = 1/4 ln(3/4) + 3/4 ln(9/4), and a term of p = 0 adds nothing.
        teacher = np.array([[-np.inf, 0.0, np.log(3.0)]])
        actual = losses.SoftTargets(1.0)(teacher, np.zeros((1, 3)))
        expected = 0.25 * np.log(0.75) + 0.75 * np.log(2.25)
        np.testing.assert_allclose(actual, [expected], rtol=1e-6)

    @parameterized.parameters(1.0, 4.0)
    def test_the_gradient_where_a_class_is_ruled_out(self, temperature):
        teacher = np.array([[-np.inf, 0.5, 3.0], [1.0, -np.inf, -np.inf]])
        result = run(teacher, STUDENT, temperature)
        p = np.exp(teacher / temperature)
        p /= p.sum(axis=-1, keepdims=True)
        q = reference.softmax(STUDENT, temperature)
        np.testing.assert_allclose(
            result.gradient, temperature * (q - p), rtol=1e-5, atol=1e-6
        )

    def test_both_may_rule_out_the_same_class(self):
        teacher, student = TEACHER.copy(), STUDENT.copy()
        teacher[:, 1] = student[:, 1] = -np.inf
        actual = run(teacher, student, 2.0)
        expected = reference.soft_targets(TEACHER[:, ::2], STUDENT[:, ::2], 2.0)
        np.testing.assert_allclose(actual.value, expected, rtol=1e-5)
        self.assertTrue(np.isfinite(actual.gradient).all())

    def test_rejects_different_numbers_of_classes(self):
        with self.assertRaisesRegex(
            ValueError, r"same classes.*\(2, 3\).*\(2, 4\).*`Hint`"
        ):
            losses.SoftTargets()(TEACHER, np.zeros((2, 4)))

    def test_rejects_a_single_class(self):
        with self.assertRaisesRegex(
            ValueError, r"at least two classes.*\(2, 1\).*`BinarySoftTargets`"
        ):
            losses.SoftTargets()(np.zeros((2, 1)), np.zeros((2, 1)))


if __name__ == "__main__":
    absltest.main()
