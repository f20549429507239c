import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies
from hypothesis.extra import numpy as arrays

from keras_kd import report
from keras_kd.report import spread
from tests.references import several_arms


@strategies.composite
def tables(draw):
    """Arms of right and wrong answers, `(arms, seeds, examples)`."""
    integers = strategies.integers
    shape = draw(
        strategies.tuples(integers(2, 4), integers(2, 4), integers(2, 9))
    )
    return draw(arrays.arrays("bool", shape))


def ends(interval):
    return interval.mean, interval.low, interval.high


def named(arms):
    return dict(zip("abcdefgh", arms, strict=False))


class CompareArmsTest(absltest.TestCase):
    @given(tables(), strategies.floats(0.5, 0.99))
    def test_equals_the_reference(self, arms, level):
        pairs = [("a", "b"), ("b", "a")] if len(arms) == 2 else [("a", "c")]
        found = report.compare_arms(named(arms), pairs, level)
        for (first, second), interval in zip(pairs, found, strict=True):
            places = "abc".index(first), "abc".index(second)
            np.testing.assert_allclose(
                ends(interval),
                several_arms.interval(arms, *places, level, len(pairs)),
                atol=1e-12,
            )

    @given(tables())
    def test_two_arms_are_compared_as_by_themselves(self, arms):
        (together,) = report.compare_arms(named(arms[:2]), [("a", "b")])
        alone = report.compare(*arms[:2])
        np.testing.assert_allclose(ends(together), ends(alone), atol=1e-12)
        self.assertEqual(together.spread.degrees_per_seed, 1)

    def test_by_hand(self):
        # Accuracies by seed: a 1/2 and 1/2, b 1 and 1/2, c 1/2 and 1/2. The
        # difference of b to the others has a variance of 1/8, times 2 images:
        # mean square 1/4 of the seeds; that of a and c is 0. Over all pairs it
        # is 1/6, over those of a or c 1/8: the pair (a, c) gets 1/6.
        arms = named([[[1, 0], [1, 0]], [[1, 1], [1, 0]], [[1, 0], [1, 0]]])
        pairs = [("a", "b"), ("a", "c")]
        first, second = report.compare_arms(arms, pairs)
        self.assertAlmostEqual(first.spread.seeds, 1 / 4)
        self.assertAlmostEqual(second.spread.seeds, 1 / 6)
        self.assertAlmostEqual(first.spread.degrees_per_seed, math.sqrt(2))
        self.assertEqual(
            (first.comparisons, first.covers), (2, "seeds and examples")
        )

    def test_few_seeds_of_many_arms_show_more_than_those_of_two(self):
        random = np.random.default_rng(0)
        luck = 0.02 * random.standard_normal((9, 3, 1))
        arms = named(random.random((8, 3, 400)) < 0.7 + luck[:8])
        pairs = [("a", name) for name in "bcdefgh"]
        together = report.compare_arms(arms, pairs)
        alone = [
            report.compare(arms[a], arms[b], comparisons=len(pairs))
            for a, b in pairs
        ]
        widths = [[one.margin for one in found] for found in (together, alone)]
        together, alone = np.median(widths, axis=1)
        self.assertLess(together, 0.6 * alone)

    def test_one_seed_leaves_all_open_that_is_possible(self):
        arms = named([[[1, 0, 0, 0]], [[1, 1, 0, 0]], [[0, 0, 0, 0]]])
        (found,) = report.compare_arms(arms, [("a", "b")])
        np.testing.assert_allclose(ends(found), [0.25, -0.25, 0.75])

    def test_seeds_that_would_do_are_fewer_with_pooled_degrees(self):
        # Same squares, other degrees of freedom.
        squares = 3, 10_000, 4.0, 0.1, 0.08, 900
        own = spread.Spread(*squares).enough(0.01)
        pooled = spread.Spread(*squares, degrees_per_seed=3.0).enough(0.01)
        self.assertLess(pooled[0], own[0])


def ranked():
    """Arms of three seeds and 900 images: alone, as good, better, worst."""
    hard = np.random.default_rng(0).random(900)
    limits = {
        "alone": 0.7,
        "same": 0.702,
        "good": 0.78,
        "best": 0.785,
        "bad": 0.6,
    }
    moves = np.array([[0.0], [0.004], [-0.004]])
    arms = {name: hard < limit + moves for name, limit in limits.items()}
    return arms, report.rank_arms(arms, "alone")


class RankArmsTest(absltest.TestCase):
    def test_the_best_comes_first(self):
        _, ranking = ranked()
        self.assertEqual(
            list(ranking.means), ["best", "good", "same", "alone", "bad"]
        )
        self.assertEqual((ranking.best, ranking.baseline), ("best", "alone"))

    def test_each_arm_meets_the_baseline_and_the_best(self):
        arms, ranking = ranked()
        gains = report.compare_arms(
            arms, [("alone", name) for name in ranking.gains]
        )
        self.assertEqual(list(ranking.gains.values()), gains)
        behind = report.compare_arms(
            arms, [("best", name) for name in ranking.behind]
        )
        self.assertEqual(list(ranking.behind.values()), behind)
        self.assertEqual(list(ranking.behind), ["good", "same", "alone", "bad"])
        self.assertEqual(gains[0].comparisons, 4)

    def test_marks_what_cannot_be_told_apart(self):
        _, ranking = ranked()
        self.assertEqual(ranking.leaders, ("best", "good"))
        self.assertEqual(ranking.like_baseline, ("same", "alone"))
        self.assertEqual(ranking.gains["bad"].side, -1)

    def test_one_seed_tells_nothing_apart(self):
        arms, _ = ranked()
        one = {name: of[:1] for name, of in arms.items()}
        ranking = report.rank_arms(one, "alone")
        self.assertLen(ranking.leaders, 5)
        self.assertLen(ranking.like_baseline, 5)

    def test_fewer_than_six_examples_in_dispute_tell_nothing(self):
        same = np.tile(np.arange(400) < 200, (3, 1))
        more = same | (np.arange(400) >= 395)
        (gain,) = report.compare_arms({"a": same, "b": more}, [("a", "b")])
        self.assertGreater(gain.low, 0)
        self.assertEqual(gain.side, 0)


class RefusesTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("no_dict", [[[0, 1]]], TypeError, "`arms` must be a dict.*Received"),
        ("one_arm", {"a": [[0, 1]]}, ValueError, "at least 2 tables.*'1 x 2'"),
        (
            "shapes",
            {"a": [[0, 1]], "b": [[0, 1], [1, 1]]},
            ValueError,
            "of one shape.*'1 x 2', 'b': '2 x 2'",
        ),
        (
            "one_number_a_seed",
            {"a": [0.5, 0.6], "b": [0.5, 0.7]},
            ValueError,
            "a score of each example.*2 seeds.*`compare`",
        ),
        (
            "percent",
            {"a": [[0, 1]], "b": [[0, 70]]},
            ValueError,
            r"`arms\['b'\]` must hold finite numbers.*70.*score_range",
        ),
    )
    def test_arms(self, arms, error, message):
        with self.assertRaisesRegex(error, message):
            report.compare_arms(arms, [("a", "b")])
        with self.assertRaisesRegex(error, message):
            report.rank_arms(arms, "a")

    @parameterized.named_parameters(
        ("none", [], r"at least 1 pair.*Received: pairs=\[\]"),
        ("unknown", [("a", "z")], r"two arms each.*\('a', 'z'\).*are: a, b"),
        ("twice", [("a", "a")], r"two arms each.*\('a', 'a'\)"),
        ("three", [("a", "b", "a")], "`pairs` must be a pair"),
    )
    def test_pairs(self, pairs, message):
        with self.assertRaisesRegex(ValueError, message):
            report.compare_arms({"a": [[0, 1]], "b": [[0, 1]]}, pairs)

    def test_a_baseline_that_is_no_arm(self):
        with self.assertRaisesRegex(
            ValueError, "name of an arm.*'z'.*are: a, b"
        ):
            report.rank_arms({"a": [[0, 1]], "b": [[0, 1]]}, "z")


if __name__ == "__main__":
    absltest.main()
