"""The best pair, against a search through all pairs."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.report.robustness.saliency import best_pair


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
