"""The whole attack, against the paper's algorithm in NumPy."""

import itertools

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.report import robustness
from keras_kd.report.robustness.jacobian_saliency import best_pair
from tests.report.robustness import small_victims

KERNEL, BIAS = small_victims.random_kernel(scale=1.0)
X = small_victims.images()
TARGETS = np.arange(len(X)) % 4


def reference_attack(x, target, jacobian, max_features):
    """Papernot et al. 2016 (1511.07528), algorithm 2, for one image.

    Args:
        x: `(features,)`.
        target: A class number.
        jacobian: From `x` to the derivatives of the scores, `(classes,
            features)`.
        max_features: Features to change, at most.
    """
    x = np.float64(x)
    domain = {i for i in range(len(x)) if x[i] < 1}
    changed = 0
    while changed + 2 <= max_features:
        if small_victims.logits(x, KERNEL, BIAS).argmax() == target:
            break
        scores = jacobian(x)
        best, largest = None, 0.0
        for p, q in itertools.combinations(sorted(domain), 2):
            alpha = scores[target, p] + scores[target, q]
            beta = sum(
                scores[j, p] + scores[j, q]
                for j in range(len(scores))
                if j != target
            )
            if alpha > 0 and beta < 0 and -alpha * beta > largest:
                best, largest = (p, q), -alpha * beta
        if best is None:
            break
        x[list(best)] = 1
        domain -= set(best)
        changed += 2
    return x


def attack(scale=1.0, **kwargs):
    model = small_victims.linear(scale * KERNEL, scale * BIAS)
    return robustness.jacobian_saliency(model, X, TARGETS, **kwargs)


class JacobianSaliencyTest(parameterized.TestCase):
    @parameterized.product(
        of=("probabilities", "logits"),
        temperature=(1.0, 5.0),
        max_features=(2, 7),
    )
    def test_equals_the_algorithm_of_the_paper(
        self, of, temperature, max_features
    ):
        def jacobian(x):
            if of == "logits":
                return np.float64(KERNEL).T
            return small_victims.softmax_jacobian(x, KERNEL, BIAS, temperature)

        expected = [
            reference_attack(x, target, jacobian, max_features)
            for x, target in zip(X, TARGETS, strict=True)
        ]
        actual = attack(
            of=of,
            temperature=temperature,
            max_features=max_features,
            batch_size=8,
        )
        np.testing.assert_allclose(actual.adversarial, expected, atol=1e-6)

    def test_success_is_what_the_model_says_of_the_image(self):
        result = attack(max_features=4)
        classes = small_victims.logits(result.adversarial, KERNEL, BIAS)
        np.testing.assert_array_equal(
            result.is_success, classes.argmax(axis=-1) == TARGETS
        )
        before = small_victims.logits(X, KERNEL, BIAS).argmax(axis=-1)
        np.testing.assert_array_equal(result.is_counted, before != TARGETS)
        self.assertBetween(result.success_rate, 0.05, 0.95)

    def test_keeps_to_its_budget_and_only_raises_to_the_highest_value(self):
        result = attack(max_features=5)
        self.assertEqual(result.num_changed.max(), 4)
        is_changed = result.adversarial != X
        np.testing.assert_array_equal(result.adversarial[is_changed], 1)

    def test_the_default_budget_is_a_seventh(self):
        # Class 1 leads by more than all features can make up for.
        kernel = np.zeros((21, 2))
        kernel[:, 0] = np.linspace(1, 2, 21)
        result = robustness.jacobian_saliency(
            small_victims.linear(kernel, [0.0, 100.0]),
            np.zeros((1, 21)),
            [0],
            temperature=10.0,
        )
        # 21 / 7 = 3 features: one pair.
        np.testing.assert_array_equal(
            np.flatnonzero(result.adversarial[0]), [19, 20]
        )
        self.assertEqual(result.success_rate, 0)

    def test_large_logits_hide_the_gradient_and_a_temperature_finds_it(self):
        hidden = attack(scale=1e4, max_features=8)
        self.assertEqual(hidden.success_rate, 0)
        np.testing.assert_array_equal(hidden.adversarial, X)
        # Scaled by 1e4 and divided by it, it is the attack on the first model.
        found = attack(scale=1e4, max_features=8, temperature=1e4)
        expected = attack(max_features=8)
        np.testing.assert_array_equal(found.adversarial, expected.adversarial)
        self.assertGreater(found.success_rate, 0.5)

    def test_images_of_any_shape_and_other_bounds(self):
        flat = attack(max_features=6)
        model = small_victims.linear(
            KERNEL / 4, BIAS + KERNEL.sum(0) / 2, (3, 4)
        )
        x = (4 * X - 2).reshape(-1, 3, 4)
        result = robustness.jacobian_saliency(
            model, x, TARGETS, max_features=6, bounds=(-2.0, 2.0)
        )
        np.testing.assert_allclose(
            result.adversarial.reshape(len(X), -1),
            4 * flat.adversarial - 2,
            atol=1e-5,
        )

    @parameterized.named_parameters(
        ("of", {"of": "Z"}, "'probabilities', 'logits'.*of='Z'"),
        ("temperature", {"temperature": 0.0}, "temperature.*from 0.001"),
        ("one", {"max_features": 1}, "at least 2.*max_features=1"),
        ("part", {"max_features": 0.1}, r"integer.*max_features=0\.1"),
    )
    def test_rejects(self, kwargs, message):
        with self.assertRaisesRegex(ValueError, message):
            attack(**kwargs)

    def test_an_error_names_the_targets(self):
        with self.assertRaisesRegex(ValueError, "`targets`.*class number"):
            robustness.jacobian_saliency(
                small_victims.linear(KERNEL), X, TARGETS + 4
            )


def score(target, other, pair):
    """Papernot et al. 2016 (1511.07528), algorithm 3, lines 3 to 8."""
    p, q = pair
    alpha = float(target[p]) + float(target[q])
    beta = float(other[p]) + float(other[q])
    return -alpha * beta if alpha > 0 and beta < 0 else 0.0


def best_score(target, other, is_allowed):
    """The largest score of all pairs of different, allowed features."""
    places = [i for i, allowed in enumerate(is_allowed) if allowed]
    pairs = [(p, q) for p in places for q in places if p < q]
    return max((score(target, other, pair) for pair in pairs), default=0.0)


def gradients(kind, random, features=25):
    target = random.normal(size=features)
    noise = random.normal(size=features)
    other = {
        "independent": noise,
        "opposite": -target,
        "nearly_opposite": -target + 1e-3 * noise,
        "equal": target,
        "nearly_equal": target + 0.3 * noise,
        "with_ties": np.round(noise),
        "mostly_zero": np.where(np.abs(noise) > 1.5, noise, 0.0),
    }[kind]
    if kind == "with_ties":
        target = np.round(target)
    return target.astype("float32"), other.astype("float32")


class BestPairTest(parameterized.TestCase):
    @parameterized.product(
        kind=(
            "independent",
            "opposite",
            "nearly_opposite",
            "equal",
            "nearly_equal",
            "with_ties",
            "mostly_zero",
        ),
        num_allowed=(2, 10, 25),
    )
    def test_no_pair_is_better(self, kind, num_allowed):
        for seed in range(40):
            random = np.random.default_rng(seed)
            target, other = gradients(kind, random)
            is_allowed = np.arange(25) < num_allowed
            random.shuffle(is_allowed)
            expected = best_score(target, other, is_allowed)
            pair = best_pair(target, other, is_allowed)
            if expected == 0:
                self.assertIsNone(pair)
                continue
            self.assertTrue(np.all(is_allowed[pair]))
            self.assertNotEqual(pair[0], pair[1])
            self.assertAlmostEqual(
                score(target, other, pair), expected, delta=1e-9 * expected
            )

    def test_the_best_alone_need_not_be_in_the_best_pair(self):
        # Feature 0 has the largest product of its own, 4 * 4, but 1 and 2
        # complement each other: (9 + 1) * (1 + 9) = 100 > (4 + 9) * (4 + 1).
        pair = best_pair(
            np.array([4.0, 9.0, 1.0]),
            -np.array([4.0, 1.0, 9.0]),
            np.ones(3, bool),
        )
        self.assertCountEqual(pair, [1, 2])

    def test_one_sign_may_be_wrong_if_the_sum_is_right(self):
        # alpha = 5 - 1, beta = -(3 - 1): the only admissible pair.
        pair = best_pair(
            np.array([5.0, -1.0, -9.0]),
            -np.array([-1.0, 3.0, 0.0]),
            np.ones(3, bool),
        )
        self.assertCountEqual(pair, [0, 1])

    def test_tiny_gradients_still_have_a_best_pair(self):
        # Their product is 0 in float32.
        tiny = np.array([1e-30, 3e-30, 2e-30], "float32")
        pair = best_pair(tiny, -tiny, np.ones(3, bool))
        self.assertCountEqual(pair, [1, 2])

    @parameterized.parameters(0, 1)
    def test_there_is_none_among_fewer_than_two(self, num_allowed):
        ones = np.ones(3)
        self.assertIsNone(best_pair(ones, -ones, np.arange(3) < num_allowed))


if __name__ == "__main__":
    absltest.main()
