import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from keras_kd.losses.softened_loss import standardized
from tests import reference
from tests.losses import logit_cases
from tests.losses import precision
from tests.losses.logit_cases import STUDENT
from tests.losses.logit_cases import TEACHER
from tests.references import logits


class StandardizedTest(absltest.TestCase):
    def test_by_hand(self):
        # Mean 3, squares 1 + 0 + 1, over 3 - 1: the deviation is 1.
        np.testing.assert_allclose(
            standardized(np.array([[2.0, 3.0, 4.0]], "float32")),
            [[-1.0, 0.0, 1.0]],
            rtol=1e-6,
        )

    def test_does_not_divide_by_the_number_of_classes(self):
        # As `ops.std` does, with which all would be sqrt(5 / 4) as large.
        square = np.sum(np.square(standardized(TEACHER.astype("float32"))), -1)
        np.testing.assert_allclose(square, 4.0, rtol=1e-5)

    def test_ignores_scale_and_offset(self):
        small = TEACHER.astype("float32")
        np.testing.assert_allclose(
            standardized(3 * small + 2), standardized(small), atol=1e-5
        )


class StandardizableLossTest(parameterized.TestCase):
    @parameterized.parameters(1.0, 2.0, 8.0)
    def test_equals_soft_targets_of_standardised_logits(self, temperature):
        logit_cases.assert_equal(
            lambda: losses.SoftTargets(temperature, standardize_logits=True),
            lambda teacher, student: logits.standardised_soft_targets(
                teacher, student, temperature
            ),
        )

    def test_equal_logits_have_no_gradient(self):
        # 0.1 is not exact: its mean over five need not be 0.1.
        student = np.full_like(STUDENT, 0.1)
        result = precision.run(
            lambda: losses.SoftTargets(2.0, standardize_logits=True),
            TEACHER,
            student,
        )
        np.testing.assert_array_equal(result.gradient, 0)
        expected = logits.standardised_soft_targets(TEACHER, 0 * student)
        np.testing.assert_allclose(result.value, expected, rtol=1e-5)

    def test_averages_members_at_a_temperature_of_one(self):
        members = {
            "member_logits": np.stack([TEACHER, STUDENT], 1).astype("float32"),
            "member_log_weights": np.zeros((6, 2), "float32"),
        }
        mean = np.log(
            (reference.softmax(TEACHER) + reference.softmax(STUDENT)) / 2
        )
        student = STUDENT[::-1].copy()
        actual = losses.SoftTargets(4.0, standardize_logits=True)(
            members, student
        )
        expected = logits.standardised_soft_targets(mean, student, 4.0)
        np.testing.assert_allclose(actual, expected, rtol=1e-4)

    def test_takes_no_teacher_that_rules_classes_out(self):
        for flag in (False, True):
            for make in (losses.SoftTargets, losses.DecoupledSoftTargets):
                loss = make(standardize_logits=flag)
                self.assertEqual(loss.accepts_minus_infinity, not flag)


if __name__ == "__main__":
    absltest.main()
