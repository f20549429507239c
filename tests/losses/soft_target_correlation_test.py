import functools

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from keras_kd.losses.soft_target_correlation import batch_correlation_distance
from keras_kd.losses.soft_target_correlation import correlation_distance
from tests import reference
from tests.losses import logit_cases
from tests.losses import precision
from tests.losses.logit_cases import STUDENT
from tests.losses.logit_cases import TEACHER
from tests.references.relations import correlations


class SoftTargetCorrelationTest(parameterized.TestCase):
    @parameterized.parameters((1.0, 1.0, 1.0), (4.0, 2.0, 0.5))
    def test_equals_the_formula(self, temperature, inter, intra):
        logit_cases.assert_equal(
            lambda: losses.SoftTargetCorrelation(
                temperature, inter_weight=inter, intra_weight=intra
            ),
            lambda teacher, student: correlations(
                teacher, student, temperature, inter, intra
            ),
        )

    def test_is_zero_at_equality_but_for_what_keeps_it_finite(self):
        actual = losses.SoftTargetCorrelation()(TEACHER, TEACHER)
        np.testing.assert_allclose(
            actual, correlations(TEACHER, TEACHER), rtol=1e-3, atol=1e-9
        )
        self.assertLess(np.max(actual), 1e-6)

    def test_float32_keeps_its_digits_when_the_student_is_close(self):
        # Correlations of 1 - 1e-7, which are 1 or the number before.
        student = TEACHER + 1e-3 * STUDENT
        actual = losses.SoftTargetCorrelation()(TEACHER, student)
        np.testing.assert_allclose(
            actual, correlations(TEACHER, student), rtol=2e-2
        )

    @parameterized.parameters(4.0, 16.0)
    def test_positions_are_the_batch(self, temperature):
        actual = losses.SoftTargetCorrelation(temperature)(
            *(np.reshape(x, (2, 3, 5)) for x in (TEACHER, STUDENT))
        )
        expected = np.reshape(
            correlations(TEACHER, STUDENT, temperature), (2, 3)
        )
        np.testing.assert_allclose(actual, expected, rtol=1e-4)

    def test_masked_positions_are_no_part_of_the_batch(self):
        mask = np.array([[True, True, False], [True, True, False]])
        teacher, student = (
            np.reshape(x, (2, 3, 5)).copy() for x in (TEACHER, STUDENT)
        )
        teacher[~mask], student[~mask] = 9.0, np.arange(5)
        actual = losses.SoftTargetCorrelation()(
            teacher, student, student_mask=mask
        )
        np.testing.assert_allclose(
            np.asarray(actual)[mask],
            correlations(teacher[mask], student[mask]),
            rtol=1e-5,
        )

    @parameterized.named_parameters(
        ("one_example", TEACHER[:1], STUDENT[:1]),
        ("all_alike", TEACHER[[0] * 4], STUDENT[[0] * 4]),
    )
    def test_a_batch_that_does_not_vary_has_no_correlation(self, *pair):
        result = precision.run(losses.SoftTargetCorrelation, *pair)
        np.testing.assert_allclose(result.value, correlations(*pair), rtol=1e-5)
        alone = precision.run(
            lambda: losses.SoftTargetCorrelation(intra_weight=0.0), *pair
        )
        np.testing.assert_allclose(
            result.gradient, alone.gradient, rtol=1e-5, atol=1e-7
        )

    def test_a_student_without_opinion_has_no_gradient(self):
        # Rounding of 1/3 and its mean would give one of 1e7.
        result = precision.run(
            losses.SoftTargetCorrelation, TEACHER[:, :3], np.zeros((6, 3))
        )
        np.testing.assert_allclose(result.value, 2.0, rtol=1e-6)
        np.testing.assert_array_equal(result.gradient, 0)

    def test_a_missing_class_counts_one(self):
        # Both give it 0, so the column is constant: 1 of 5 in the mean.
        teacher, student = (
            np.concatenate([x, np.full((6, 1), -1e4)], axis=-1)
            for x in (TEACHER[:, :4], STUDENT[:, :4])
        )
        result = precision.run(losses.SoftTargetCorrelation, teacher, student)
        np.testing.assert_allclose(
            result.value, correlations(teacher, student), rtol=1e-5
        )
        self.assertTrue(np.all(np.isfinite(result.gradient)))

    @parameterized.parameters(1.0, 5.0)
    def test_equals_the_reference_of_weights(self, scale):
        weights = np.array([1.0, 0.5, 0.0, 2.0, 1.0, 3.0])
        actual = losses.SoftTargetCorrelation()(
            TEACHER, STUDENT, example_weights=scale * weights
        )
        np.testing.assert_allclose(
            actual, correlations(TEACHER, STUDENT, weights=weights), rtol=1e-5
        )

    def test_an_example_of_no_weight_is_not_looked_at(self):
        weights = np.array([1.0, 1, 1, 1, 1, 0])
        changed = STUDENT.copy()
        changed[-1] = np.nan
        results = [
            precision.run(
                lambda: functools.partial(
                    losses.SoftTargetCorrelation(), example_weights=weights
                ),
                TEACHER,
                student,
            )
            for student in (STUDENT, changed)
        ]
        for found in ("value", "gradient"):
            np.testing.assert_array_equal(
                *(getattr(result, found) for result in results)
            )

    def test_weights_of_positions_are_those_of_examples(self):
        weights = np.array([1.0, 0.5, 0.0, 2.0, 1.0, 3.0], "float32")
        expected = losses.SoftTargetCorrelation()(
            TEACHER, STUDENT, example_weights=weights
        )
        by_three = np.reshape(weights, (2, 3))
        mean = np.mean(by_three, axis=1)
        actual = losses.SoftTargetCorrelation()(
            *(np.reshape(x, (2, 3, 5)) for x in (TEACHER, STUDENT)),
            example_weights=mean,
            position_weights=by_three / mean[:, None],
        )
        np.testing.assert_allclose(
            np.ravel(actual), expected, rtol=1e-5, atol=1e-7
        )


class CorrelationDistanceTest(parameterized.TestCase):
    P, Q = (reference.softmax(x).astype("float32") for x in (TEACHER, STUDENT))

    def test_ignores_scale_and_offset(self):
        np.testing.assert_allclose(
            correlation_distance(3 * self.P + 1, self.Q, axis=-1),
            correlation_distance(self.P, self.Q, axis=-1),
            rtol=1e-4,
        )

    @parameterized.parameters(0, -1)
    def test_is_two_for_opposites(self, axis):
        np.testing.assert_allclose(
            correlation_distance(self.P, 1 - self.P, axis), 2.0, rtol=1e-5
        )

    def test_a_weight_of_two_is_an_example_seen_twice(self):
        rows = [0, 0, 1, 3, 3, 4]
        np.testing.assert_allclose(
            batch_correlation_distance(
                self.P, self.Q, np.array([2, 1, 0, 2, 1, 0], "float32")
            ),
            batch_correlation_distance(self.P[rows], self.Q[rows]),
            rtol=1e-5,
        )

    def test_an_example_without_weight_is_not_looked_at(self):
        weights = keras.ops.convert_to_tensor([1.0, 1, 1, 1, 1, 0])
        changed = self.Q.copy()
        changed[-1] = np.nan
        np.testing.assert_array_equal(
            batch_correlation_distance(self.P, changed, weights),
            batch_correlation_distance(self.P, self.Q, weights),
        )


if __name__ == "__main__":
    absltest.main()
