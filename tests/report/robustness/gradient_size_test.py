import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.report import robustness
from tests.report.robustness import small_victims

KERNEL, BIAS = small_victims.random_kernel(scale=1.0)
X = small_victims.images()


class InputGradientSizeTest(parameterized.TestCase):
    @parameterized.parameters(1.0, 7.0)
    def test_is_the_mean_of_the_jacobian(self, temperature):
        expected = [
            np.abs(
                small_victims.softmax_jacobian(x, KERNEL, BIAS, temperature)
            ).mean()
            for x in X
        ]
        actual = robustness.input_gradient_size(
            small_victims.linear(KERNEL, BIAS),
            X,
            temperature=temperature,
            batch_size=6,
        )
        np.testing.assert_allclose(actual, expected, rtol=1e-4)

    def test_images_need_no_bounds(self):
        actual = robustness.input_gradient_size(
            small_victims.linear(KERNEL, shape=(2, 6)),
            -X[:1].reshape(1, 2, 6),
        )
        jacobian = small_victims.softmax_jacobian(-X[0], KERNEL)
        np.testing.assert_allclose(actual, [np.abs(jacobian).mean()], rtol=1e-3)

    @parameterized.parameters(1.0, 200.0, 600.0)
    def test_sizes_that_float32_rounds_to_zero(self, gap):
        # Two classes, z = (gap, 0): p_1 = 1 / (1 + e^gap), and both rows of
        # the Jacobian are p_0 p_1 (w_0 - w_1) up to the sign.
        kernel = [[2.0, 1.0], [0.0, 3.0]]
        actual = robustness.input_gradient_size(
            small_victims.linear(kernel, [gap, 0.0]), np.zeros((1, 2))
        )
        expected = np.exp(-gap) / (1 + np.exp(-gap)) ** 2 * (1 + 3) / 2
        self.assertGreater(expected, 0)
        np.testing.assert_allclose(actual, [expected], rtol=1e-5)

    def test_rejects_temperature(self):
        with self.assertRaisesRegex(ValueError, "temperature.*from 0.001.*=0"):
            robustness.input_gradient_size(
                small_victims.linear(KERNEL), X, temperature=0
            )


if __name__ == "__main__":
    absltest.main()
