import random

from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies

from keras_kd import search

COST = "parameters"


def trial(number, score, cost, is_over=False):
    return search.TrialResult(
        str(number),
        number,
        "COMPLETED" if score is not None else "FAILED",
        score,
        {},
        costs={} if cost is None else {COST: cost},
        is_over=is_over,
    )


def trials(points):
    return [trial(n, *point) for n, point in enumerate(points, start=1)]


def numbers(found):
    return [one.number for one in found]


def dominates(one, other, sign):
    """Whether a point is nowhere worse than another, and somewhere better."""
    score, cost = sign * one.score, one.costs[COST]
    other_score, other_cost = sign * other.score, other.costs[COST]
    return (
        score >= other_score
        and cost <= other_cost
        and (score, cost) != (other_score, other_cost)
    )


# Few values, so that there are ties and equal points.
POINTS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from([None, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0]),
        strategies.sampled_from([None, 0.5, 1, 2, 3, 10, 4000]),
    ),
    max_size=20,
)


class ParetoFrontTest(parameterized.TestCase):
    @given(POINTS, strategies.sampled_from(["max", "min"]))
    def test_is_all_that_nothing_dominates(self, points, direction):
        points.append((0.25, 3))
        all_of_them = trials(points)
        sign = 1 if direction == "max" else -1
        usable = [
            one for one in all_of_them if one.score is not None and one.costs
        ]
        expected = {
            one.number
            for one in usable
            if not any(dominates(other, one, sign) for other in usable)
        }
        found = search.pareto_front(all_of_them, COST, direction=direction)
        self.assertEqual(set(numbers(found)), expected)
        order = [(one.costs[COST], one.number) for one in found]
        self.assertEqual(order, sorted(order))

    @given(POINTS, strategies.integers(0, 999))
    def test_the_order_of_the_trials_does_not_matter(self, points, seed):
        some = trials([*points, (0.25, 3)])
        mixed = list(some)
        random.Random(seed).shuffle(mixed)
        self.assertEqual(
            search.pareto_front(mixed, direction="max"),
            search.pareto_front(some, direction="max"),
        )

    def test_equal_points_are_on_it_together(self):
        some = trials([(0.9, 50), (0.9, 50), (0.9, 60), (0.8, 50)])
        self.assertEqual(numbers(search.pareto_front(some)), [1, 2])

    def test_one_trial_is_a_front(self):
        self.assertEqual(numbers(search.pareto_front(trials([(0.1, 9)]))), [1])

    def test_the_best_come_first_in_a_list_without_a_direction(self):
        lowest_is_best = trials([(0.1, 90), (0.2, 50), (0.3, 70)])
        self.assertEqual(numbers(search.pareto_front(lowest_is_best)), [2, 1])
        highest_is_best = trials([(0.3, 70), (0.2, 50), (0.1, 90)])
        self.assertEqual(numbers(search.pareto_front(highest_is_best)), [2, 1])

    def test_is_empty_where_nothing_was_trained(self):
        self.assertEmpty(search.pareto_front([]))
        over = trial(1, None, 99, is_over=True)
        self.assertEmpty(search.pareto_front([over]))

    @parameterized.parameters("bytes", "KB", None, (["parameters"],))
    def test_refuses_a_cost_that_no_trial_has(self, cost):
        with self.assertRaisesRegex(
            ValueError, "`cost` must be one.*Received: cost=.*with parameters"
        ):
            search.pareto_front(trials([(0.1, 9)]), cost)

    def test_says_how_costs_come_to_be_there(self):
        with self.assertRaisesRegex(ValueError, "with none.*search.Limits"):
            search.pareto_front(trials([(0.1, None)]))


if __name__ == "__main__":
    absltest.main()
