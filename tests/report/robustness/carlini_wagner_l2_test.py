"""On linear models the nearest image of another class is known."""

import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.report import robustness
from keras_kd.report.robustness.carlini_wagner_l2 import ConstantSearch
from tests.report.robustness import small_victims

# Two classes: 1 is nearer to the right of the line z_1 - z_0 = 0.
KERNEL = np.array([[2.0, -1.0], [0.5, 1.5], [-1.0, 2.0]], "float32")
BIAS = np.array([0.3, -0.1])
QUICK = {"num_iterations": 300, "search_steps": 8, "learning_rate": 0.02}
X = np.zeros((2, 3), "float32")


def distances(x, lead=0.0):
    """From `(w_0 - w_1) . x + b_0 - b_1` to the plane where it is `-lead`."""
    normal = np.float64(KERNEL[:, 0] - KERNEL[:, 1])
    gap = x @ normal + BIAS[0] - BIAS[1]
    return (gap + lead) / np.linalg.norm(normal)


def attack(x, targets, scale=1.0, **kwargs):
    model = small_victims.linear(scale * KERNEL, scale * BIAS)
    return robustness.carlini_wagner_l2(model, x, targets, **QUICK | kwargs)


class CarliniWagnerL2Test(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        # Images of class 0 whose foot on the plane is inside the bounds.
        random = np.random.default_rng(0)
        x = random.uniform(0.35, 0.65, (40, 3)).astype("float32")
        self.x = x[distances(x) > 0.02][:10]
        self.assertLen(self.x, 10)
        self.targets = np.ones(10, int)

    @parameterized.parameters(1.0, 100.0)
    def test_finds_nearly_the_nearest_image(self, scale):
        # However large the logits: nothing here passes through a softmax.
        result = attack(self.x, self.targets, scale)
        self.assertEqual(result.success_rate, 1)
        nearest = distances(np.float64(self.x))
        self.assertTrue(np.all(result.l2 >= nearest * (1 - 1e-4)))
        np.testing.assert_allclose(result.l2, nearest, rtol=0.05, atol=0.005)

    def test_success_is_what_the_model_says_of_the_image(self):
        result = attack(self.x, self.targets)
        classes = small_victims.logits(result.adversarial, KERNEL, BIAS)
        np.testing.assert_array_equal(classes.argmax(axis=-1), self.targets)

    def test_confidence_asks_for_a_lead(self):
        result = attack(self.x, self.targets, confidence=0.3)
        z = small_victims.logits(result.adversarial, KERNEL, BIAS)
        self.assertTrue(np.all(z[:, 1] - z[:, 0] >= 0.3 - 1e-4))
        np.testing.assert_allclose(
            result.l2, distances(np.float64(self.x), 0.3), rtol=0.05, atol=0.005
        )

    def test_stays_within_the_bounds(self):
        # The foot of the plane is outside: the first feature cannot go below
        # 0, and the third has to make up for it.
        kernel = np.array([[4.0, 0.0], [0.0, 0.0], [0.0, 1.0]], "float32")
        x = np.array([[0.1, 0.5, 0.2]], "float32")
        result = robustness.carlini_wagner_l2(
            small_victims.linear(kernel, [0.3, 0.0]), x, [1], **QUICK
        )
        # z_0 - z_1 = 4 a + .3 - c = 0 at the least change: a = 0, c = .3,
        # since without bounds a = .1 - 4 * .5 / 17 would be below 0.
        self.assertEqual(result.success_rate, 1)
        self.assertBetween(result.adversarial.min(), 0, 0.01)
        np.testing.assert_allclose(result.l2, [np.hypot(0.1, 0.1)], rtol=0.05)

    @pytest.mark.slow
    def test_a_target_out_of_reach_is_reported_as_failed(self):
        # Class 1 is 10 behind, and features within [0, 1] move at most 6.
        model = small_victims.linear(KERNEL, [10.0, 0.0])
        result = robustness.carlini_wagner_l2(
            model, self.x, self.targets, **QUICK
        )
        self.assertEqual(result.success_rate, 0)
        np.testing.assert_array_equal(result.adversarial, self.x)
        self.assertTrue(np.isnan(result.mean_l2))

    @pytest.mark.slow
    def test_images_of_any_shape_in_batches(self):
        x = np.repeat(self.x[:3], 2, axis=1).reshape(3, 3, 2, 1)
        # The second of each two counts for nothing.
        kernel = np.zeros((6, 2), "float32")
        kernel[::2] = KERNEL
        result = robustness.carlini_wagner_l2(
            small_victims.linear(kernel, BIAS, (3, 2, 1)),
            x,
            self.targets[:3],
            batch_size=2,
            **QUICK,
        )
        self.assertEqual(result.adversarial.shape, x.shape)
        np.testing.assert_allclose(
            result.l2, distances(np.float64(self.x[:3])), rtol=0.05, atol=0.005
        )

    @parameterized.named_parameters(
        ("confidence", {"confidence": -1.0}, r"confidence.*Received.*-1\.0"),
        ("rate", {"learning_rate": 0.0}, "learning_rate.*positive"),
        ("constant", {"initial_constant": 0.0}, "initial_constant.*positive"),
        ("iterations", {"num_iterations": 0}, "at least 1.*num_iterations=0"),
        ("steps", {"search_steps": 1.5}, r"integer.*search_steps=1\.5"),
    )
    def test_rejects(self, kwargs, message):
        with self.assertRaisesRegex(ValueError, message):
            attack(self.x, self.targets, **kwargs)


class ConstantSearchTest(absltest.TestCase):
    def constants(self, *successes):
        """Constants of both images after steps that ended so."""
        search = ConstantSearch(X, 0.01)
        tried = [search.constants.tolist()]
        for is_success in successes:
            search.note(X + 1, np.array(is_success))
            search.next_constants()
            tried.append(search.constants.tolist())
        return np.array(tried)

    def test_grows_tenfold_until_a_success_and_then_bisects(self):
        actual = self.constants(
            (False, True), (False, False), (True, True), (False, True)
        )
        first = [0.01, 0.1, 1.0, (0.1 + 1) / 2, (0.55 + 1) / 2]
        second = [0.01, 0.005, 0.0075, (0.005 + 0.0075) / 2]
        second.append((0.005 + second[-1]) / 2)
        np.testing.assert_allclose(actual, np.transpose([first, second]), 1e-6)

    def test_one_success_in_a_step_is_a_success(self):
        search = ConstantSearch(X, 1.0)
        search.note(X + 1, np.array([True, False]))
        search.note(X + 1, np.array([False, False]))
        search.next_constants()
        np.testing.assert_allclose(search.constants, [0.5, 10.0])

    def test_keeps_the_nearest_success_of_each(self):
        search = ConstantSearch(X, 1.0)
        for size, is_success in (
            (3.0, [True, False]),
            (1.0, [False, False]),
            (2.0, [True, True]),
            (2.5, [True, True]),
        ):
            search.note(X + np.float32(size), np.array(is_success))
            search.next_constants()
        np.testing.assert_array_equal(search.nearest, X + 2)

    def test_without_success_it_is_the_image(self):
        search = ConstantSearch(X, 1.0)
        search.note(X + 1, np.array([False, False]))
        np.testing.assert_array_equal(search.nearest, X)


if __name__ == "__main__":
    absltest.main()
