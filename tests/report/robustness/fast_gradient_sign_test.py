import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.report import robustness
from tests import reference
from tests import support
from tests.report.robustness import small_victims

KERNEL, BIAS = small_victims.random_kernel()
X = small_victims.images()
LABELS = np.arange(len(X)) % 4


def attack(kernel=KERNEL, bias=BIAS, x=X, labels=LABELS, **kwargs):
    return robustness.fast_gradient_sign(
        small_victims.linear(kernel, bias), x, labels, **kwargs
    )


class FastGradientSignTest(parameterized.TestCase):
    @parameterized.product(
        epsilon=(0.03, 0.3), is_targeted=(False, True), temperature=(1.0, 9.0)
    )
    def test_moves_by_the_sign_of_the_gradient(
        self, epsilon, is_targeted, temperature
    ):
        # The gradient of the cross-entropy is W (p - y) / T.
        p = reference.softmax(
            small_victims.logits(X, KERNEL, BIAS), temperature
        )
        gradient = (p - np.eye(4)[LABELS]) @ np.float64(KERNEL).T
        sign = -1 if is_targeted else 1
        expected = np.clip(X + sign * epsilon * np.sign(gradient), 0, 1)
        result = attack(
            epsilon=epsilon,
            is_targeted=is_targeted,
            temperature=temperature,
            batch_size=7,
        )
        np.testing.assert_allclose(result.adversarial, expected, atol=1e-6)
        self.assertLessEqual(result.largest.max(), epsilon * (1 + 1e-6))

    @parameterized.parameters(False, True)
    def test_success_is_what_the_model_says_of_the_image(self, is_targeted):
        result = attack(epsilon=0.1, is_targeted=is_targeted)
        classes = small_victims.logits(result.adversarial, KERNEL, BIAS)
        is_label = classes.argmax(axis=-1) == LABELS
        np.testing.assert_array_equal(
            result.is_success, is_label == is_targeted
        )
        before = small_victims.logits(X, KERNEL, BIAS).argmax(axis=-1) == LABELS
        np.testing.assert_array_equal(result.is_counted, before != is_targeted)
        # Both happen here, or nothing would have been shown.
        self.assertBetween(result.success_rate, 0.05, 0.95)

    def test_other_bounds(self):
        x = 4 * X - 2
        result = attack(x=x, epsilon=0.5, bounds=(-2.0, 2.0))
        self.assertBetween(result.adversarial.min(), -2, -2 + 1e-6)
        self.assertBetween(result.adversarial.max(), 2 - 1e-6, 2)

    def test_large_logits_hide_the_gradient_and_a_temperature_finds_it(self):
        kernel = 1e4 * KERNEL
        labels = small_victims.logits(X, kernel).argmax(axis=-1)
        hidden = attack(kernel, 0 * BIAS, labels=labels, epsilon=0.3)
        self.assertEqual(hidden.success_rate, 0)
        np.testing.assert_array_equal(hidden.adversarial, X)
        found = attack(
            kernel, 0 * BIAS, labels=labels, epsilon=0.3, temperature=1e4
        )
        self.assertGreater(found.success_rate, 0.5)

    @parameterized.named_parameters(
        ("epsilon", {"epsilon": 0.0}, r"epsilon.*positive.*epsilon=0\.0"),
        ("temperature", {"temperature": -1.0}, "temperature.*=-1"),
        ("images", {"x": X + 0.5}, r"from 0\.0 to 1\.0.*Received: from 0\.5"),
        ("no_images", {"x": X[:0], "labels": LABELS[:0]}, "one image.*none"),
        ("label", {"labels": LABELS + 1}, r"`labels`.*0 to 3.*\[1, 2, 3, 4, 1"),
        (
            "one_hot",
            {"labels": np.eye(4)[LABELS]},
            r"`labels`.*float64.*\(20, 4",
        ),
        ("count", {"labels": LABELS[1:]}, r"20 images.*Received.*\(19,\)"),
        ("bounds", {"bounds": (1.0, 0.0)}, r"bounds.*Received.*\(1\.0, 0\.0\)"),
        ("batch_size", {"batch_size": 0}, "at least 1.*batch_size=0"),
    )
    def test_rejects(self, kwargs, message):
        with self.assertRaisesRegex(ValueError, message):
            attack(**{"epsilon": 0.1} | kwargs)

    def test_rejects_probabilities(self):
        model = support.dense(4, activation="softmax")
        with self.assertRaisesRegex(ValueError, "logits.*probabilities"):
            robustness.fast_gradient_sign(model, X[:, :4], LABELS, epsilon=0.1)

    def test_rejects_one_output(self):
        with self.assertRaisesRegex(ValueError, r"two classes.*\(None, 1\)"):
            attack(KERNEL[:, :1], BIAS[:1], labels=0 * LABELS, epsilon=0.1)

    def test_rejects_several_inputs(self):
        inputs = [keras.Input((4,)), keras.Input((4,))]
        model = keras.Model(
            inputs, keras.layers.Dense(3)(inputs[0] + inputs[1])
        )
        with self.assertRaisesRegex(ValueError, "one input.*several"):
            robustness.fast_gradient_sign(model, X[:, :4], LABELS, epsilon=0.1)

    def test_runs_the_model_in_inference_mode(self):
        x = small_victims.images(features=4)
        base = support.dense(4)
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dropout(0.9), base]
        )
        kwargs = {"epsilon": 0.1}
        labels = LABELS % 3
        expected = robustness.fast_gradient_sign(base, x, labels, **kwargs)
        actual = robustness.fast_gradient_sign(model, x, labels, **kwargs)
        np.testing.assert_array_equal(actual.adversarial, expected.adversarial)


class AttackResultTest(absltest.TestCase):
    def result(self, is_counted):
        return robustness.AttackResult(
            adversarial=np.zeros((4, 2)),
            is_success=np.array([True, True, False, False]),
            is_counted=np.array(is_counted),
            num_changed=np.array([0, 1, 2, 2]),
            l2=np.array([0.0, 3.0, 5.0, 7.0]),
            largest=np.ones(4),
        )

    def test_images_that_were_wrong_before_do_not_count(self):
        result = self.result([False, True, True, True])
        self.assertAlmostEqual(result.success_rate, 1 / 3)
        self.assertEqual(result.mean_l2, 3.0)

    def test_without_any_there_is_no_rate(self):
        result = self.result([False] * 4)
        self.assertTrue(np.isnan(result.success_rate))
        self.assertTrue(np.isnan(result.mean_l2))

    def test_sizes_of_the_change(self):
        # Towards class 1 by .2 on two features of which one is at its bound.
        result = robustness.fast_gradient_sign(
            small_victims.linear([[0, 1], [0, 1], [0, 0]]),
            np.array([[0.5, 1.0, 0.3]]),
            [1],
            epsilon=0.2,
            is_targeted=True,
        )
        np.testing.assert_array_equal(result.num_changed, [1])
        np.testing.assert_allclose(result.l2, [0.2], rtol=1e-6)
        np.testing.assert_allclose(result.largest, [0.2], rtol=1e-6)


if __name__ == "__main__":
    absltest.main()
