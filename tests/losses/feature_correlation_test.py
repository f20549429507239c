import keras
import numpy as np
from absl.testing import absltest
from keras import ops

from keras_kd import losses
from tests.losses import precision
from tests.references import channels

PKD = losses.FeatureCorrelation


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


TEACHER = normal(4, 3, 2, 5)
STUDENT = normal(4, 3, 2, 5, seed=1)
WEIGHTS = np.array([2.0, 0.0, 1.0, 0.5])
COUNTED = WEIGHTS > 0


class FeatureCorrelationTest(absltest.TestCase):
    def test_equals_the_reference(self):
        result = precision.run(PKD, TEACHER, STUDENT)
        expected = channels.channel_correlations(result.teacher, result.student)
        np.testing.assert_allclose(result.value, expected, rtol=1e-5)

    def test_the_mean_is_one_minus_the_correlation(self):
        # Of n numbers, since the variance is that of a sample: the mean square
        # of standardised numbers is (n - 1) / n.
        value = np.mean(PKD()(TEACHER, STUDENT))
        correlations = [
            np.corrcoef(TEACHER[..., c].ravel(), STUDENT[..., c].ravel())[0, 1]
            for c in range(5)
        ]
        np.testing.assert_allclose(
            value, 23 / 24 * (1 - np.mean(correlations)), rtol=1e-5
        )

    def test_gradient_is_that_of_central_differences(self):
        actual = precision.run(PKD, TEACHER, STUDENT).gradient
        for place in ((0, 0, 0, 0), (3, 2, 1, 4)):
            shift = np.zeros(STUDENT.shape)
            shift[place] = 1e-6
            high, low = (
                channels.channel_correlations(TEACHER, STUDENT + s).sum()
                for s in (shift, -shift)
            )
            np.testing.assert_allclose(
                actual[place], (high - low) / 2e-6, rtol=1e-3, atol=1e-6
            )

    def test_no_scale_and_no_offset_of_a_channel_counts(self):
        scale, offset = np.array([1e-2, 1.0, 7.0, 1e3, 2.0]), 3.0
        np.testing.assert_allclose(
            PKD()(TEACHER, scale * STUDENT + offset),
            PKD()(TEACHER, STUDENT),
            rtol=1e-3,
        )

    def test_examples_count_by_their_weights(self):
        expected = channels.channel_correlations(
            TEACHER, STUDENT, WEIGHTS * COUNTED.sum() / WEIGHTS.sum()
        )
        for scale in (1.0, 1e-3):
            actual = PKD()(TEACHER, STUDENT, example_weights=scale * WEIGHTS)
            np.testing.assert_allclose(
                actual[COUNTED], expected[COUNTED], rtol=1e-5
            )

    def test_an_example_that_does_not_count_changes_nothing(self):
        teacher, student = TEACHER.copy(), STUDENT.copy()
        teacher[~COUNTED], student[~COUNTED] = np.inf, np.nan
        result = precision.run(
            lambda: lambda t, s: PKD()(t, s, example_weights=COUNTED),
            teacher,
            student,
        )
        alone = precision.run(PKD, TEACHER[COUNTED], STUDENT[COUNTED])
        for actual, expected in (
            (result.value, alone.value),
            (result.gradient, alone.gradient),
        ):
            np.testing.assert_allclose(
                actual[COUNTED], expected, rtol=1e-5, atol=1e-6
            )
            self.assertTrue(np.all(np.isfinite(actual)))

    def test_a_position_of_weight_2_is_two(self):
        teacher, student = normal(2, 4, 3), normal(2, 4, 3, seed=1)
        counts = np.array([2, 1, 0, 3])
        actual = PKD()(teacher, student, position_weights=[counts] * 2)
        copies = [np.repeat(x, counts, axis=1) for x in (teacher, student)]
        # All weights are divided by their mean: 6 positions are counted here
        # and 12 there, so the sample's variance has another factor.
        factor = (12 - 1) / 12 * 6 / (6 - 1)
        np.testing.assert_allclose(actual * factor, PKD()(*copies), rtol=1e-4)

    def test_masked_steps_do_not_count(self):
        teacher, student = normal(2, 5, 3), normal(2, 5, 3, seed=1)
        teacher[:, 3:] = 1e6
        student[:, 3:] = 0
        masked = keras.layers.Masking()(ops.array(student, "float32"))
        np.testing.assert_allclose(
            PKD()(teacher, masked),
            PKD()(teacher[:, :3], student[:, :3]),
            rtol=1e-5,
        )

    def test_a_constant_channel_is_zero_and_has_no_gradient(self):
        # Its mean, in float32, is not quite the number itself; and 1e-6 is
        # all that it would be divided by.
        student = STUDENT.copy()
        student[..., 0] = 1e4 / 3
        result = precision.run(PKD, TEACHER, student)
        expected = channels.channel_correlations(TEACHER, student)
        np.testing.assert_allclose(result.value, expected, rtol=1e-5)
        np.testing.assert_array_equal(result.gradient[..., 0], 0)


if __name__ == "__main__":
    absltest.main()
