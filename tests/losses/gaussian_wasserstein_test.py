import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from tests.losses import precision
from tests.references import maps

WKD = losses.GaussianWasserstein


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class GaussianWassersteinTest(parameterized.TestCase):
    def test_by_hand(self):
        # Means 2 and 5; variances of two numbers, 2 and 18 (and not 1 and 9,
        # which divide by 2): deviations root 2 and 3 root 2.
        teacher = np.array([[[1.0], [3.0]]])
        student = np.array([[[2.0], [8.0]]])
        np.testing.assert_allclose(
            WKD(mean_weight=0.5)(teacher, student), [4.5 + 8], rtol=1e-5
        )

    @parameterized.named_parameters(
        ("one_size", (3, 4, 2, 5), (3, 4, 2, 5), 1),
        ("two_sizes", (3, 4, 2, 5), (3, 3, 3, 5), 1),
        ("grid", (3, 4, 4, 5), (3, 8, 4, 5), 2),
    )
    def test_equals_the_reference(self, theirs, ours, grid):
        result = precision.run(
            lambda: WKD(grid=grid), normal(*theirs), normal(*ours, seed=1)
        )
        expected = maps.gaussian_transport(
            result.teacher, result.student, grid=grid
        )
        np.testing.assert_allclose(result.value, expected, rtol=1e-5)

    def test_channels_may_differ(self):
        loss = WKD()
        self.assertEqual(
            loss(normal(2, 4, 4, 3), normal(2, 8, 8, 5)).shape, (2,)
        )
        self.assertEqual(loss.projector.count_params(), 5 * 3 + 3)

    def test_a_constant_channel_has_a_finite_gradient(self):
        student = np.full((1, 4, 4, 2), 1e4 / 3)
        result = precision.run(WKD, student + 1, student)
        # The means differ by 1, as float32 has them, in two channels.
        gap = np.float32(1e4 / 3 + 1) - np.float64(np.float32(1e4 / 3))
        np.testing.assert_allclose(result.value, [8 * gap**2], rtol=1e-3)
        self.assertTrue(np.all(np.isfinite(result.gradient)))

    def test_a_single_position_has_no_deviation(self):
        teacher, student = normal(2, 1, 3), normal(2, 1, 3, seed=1)
        expected = 4 * np.sum((teacher - student) ** 2, axis=(1, 2))
        np.testing.assert_allclose(WKD()(teacher, student), expected, rtol=1e-5)

    def test_masked_steps_do_not_count(self):
        teacher, student = normal(2, 5, 3), normal(2, 5, 3, seed=1)
        teacher[:, 3:] = 1e6
        student[:, 3:] = 0
        masked = keras.layers.Masking()(ops.array(student, "float32"))
        np.testing.assert_allclose(
            WKD()(teacher, masked),
            WKD()(teacher[:, :3], student[:, :3]),
            rtol=1e-5,
        )

    def test_positions_count_by_the_ratios_of_their_weights(self):
        teacher, student = normal(2, 4, 3), normal(2, 4, 3, seed=1)
        weights = np.array([[3.0, 1.0, 0.0, 2.0]] * 2)

        def statistics(features):
            mean = np.average(features, axis=1, weights=weights[0])
            square = (features - mean[:, None]) ** 2
            variance = np.average(square, axis=1, weights=weights[0])
            # Of a sample of the three that count.
            return mean, np.sqrt(1.5 * variance + 1e-5)

        (mean, deviation), (ours, our_deviation) = map(
            statistics, (teacher, student)
        )
        expected = 4 * (ours - mean) ** 2 + (our_deviation - deviation) ** 2
        for scale in (1.0, 0.01):
            np.testing.assert_allclose(
                WKD()(teacher, student, position_weights=scale * weights),
                expected.sum(axis=-1),
                rtol=1e-5,
            )

    def test_a_cell_without_positions_that_count_is_zero(self):
        teacher, student = normal(1, 4, 3), normal(1, 4, 3, seed=1)
        weights = np.array([[1.0, 1.0, 0.0, 0.0]])
        half = WKD()(teacher[:, :2], student[:, :2])
        actual = WKD(grid=2)(teacher, student, position_weights=weights)
        np.testing.assert_allclose(actual, half / 2, rtol=1e-5)

    def test_rejects_a_grid_that_does_not_divide(self):
        with self.assertRaisesRegex(ValueError, "`grid` must divide.*grid=3"):
            WKD(grid=3).build((None, 6, 6, 2), (None, 6, 4, 2))

    def test_rejects_other_channels_without_a_projector(self):
        with self.assertRaisesRegex(ValueError, 'projector="infer"'):
            WKD(projector=None).build((None, 6, 2), (None, 6, 3))

    def test_rejects_features_without_positions(self):
        with self.assertRaisesRegex(ValueError, r"\(None, 4\).*positions"):
            WKD().build((None, 4), (None, 4))


if __name__ == "__main__":
    absltest.main()
