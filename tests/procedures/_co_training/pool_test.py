"""Picks, conflicts and the pool of co-training."""

import json

import hypothesis
import numpy as np
from absl.testing import absltest
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import special

from keras_kd.procedures._co_training import pool as pools

# Few values, so that there are equals.
PROBABILITIES = arrays.arrays(
    "float64",
    st.tuples(st.integers(1, 12), st.integers(2, 4)),
    elements=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
)


def labelling(view, example, label, probability=0.9):
    odds = float(np.log(probability / (1 - probability)))
    return pools.CoTrainingLabel(0, view, example, label, probability, odds)


class PickTest(absltest.TestCase):
    def test_takes_the_most_certain_of_each_class(self):
        probabilities = np.array(
            [[0.9, 0.1], [0.3, 0.7], [0.6, 0.4], [0.8, 0.2], [0.45, 0.55]]
        )
        self.assertCountEqual(
            pools.pick(probabilities, [2, 1]), [(0, 0), (3, 0), (1, 1)]
        )

    def test_of_equals_the_first(self):
        probabilities = np.full((4, 2), 0.5)
        self.assertEqual(pools.pick(probabilities, [1, 1]), [(0, 0), (1, 1)])

    @hypothesis.given(PROBABILITIES, st.lists(st.integers(0, 5), min_size=4))
    def test_nobody_could_be_exchanged_for_a_better_one(self, p, quotas):
        quotas = quotas[: p.shape[1]]
        picked = pools.pick(p, quotas)
        given = dict(picked)
        self.assertLen(given, len(picked))
        for label, quota in enumerate(quotas):
            own = [row for row, c in picked if c == label]
            # A class misses something only when every row is taken.
            self.assertTrue(len(own) == quota or len(given) == len(p))
            for row in range(len(p)):
                is_better = own and p[row, label] > min(p[own, label])
                if row not in own and is_better:
                    self.assertIn(row, given)
                    self.assertGreaterEqual(p[row, given[row]], p[row, label])


class LogOddsTest(absltest.TestCase):
    def test_is_the_ratio_of_a_class_to_all_others(self):
        p = np.array([[0.7, 0.2, 0.1], [0.05, 0.9, 0.05]])
        np.testing.assert_allclose(
            pools.log_odds(np.log(p)), np.log(p / (1 - p)), rtol=1e-9
        )

    def test_ranks_where_probabilities_are_rounded_to_one(self):
        # Logits of which the softmax is (1, 0) in float64 for all.
        logits = np.array([[50.0, 0.0], [90.0, 0.0], [70.0, 0.0]])
        odds = pools.log_odds(special.log_softmax(logits, axis=-1))
        np.testing.assert_allclose(odds[:, 0], [50, 90, 70])
        self.assertEqual(pools.pick(odds, [1, 0]), [(1, 0)])


class SettleTest(absltest.TestCase):
    def settle(self, *labellings, conflict="drop"):
        return [one.is_kept for one in pools.settle(labellings, conflict)]

    def test_different_labels_for_one_example_are_dropped(self):
        kept = self.settle(
            labelling(0, 7, 0), labelling(0, 8, 1), labelling(1, 7, 1)
        )
        self.assertEqual(kept, [False, True, False])

    def test_or_the_more_certain_counts(self):
        low, high = labelling(0, 7, 0, 0.6), labelling(1, 7, 1, 0.7)
        self.assertEqual(
            self.settle(low, high, conflict="certain"), [False, True]
        )

    def test_the_first_view_of_equals(self):
        pair = labelling(0, 7, 0), labelling(1, 7, 1)
        self.assertEqual(self.settle(*pair, conflict="certain"), [True, False])

    def test_equal_labels_are_no_conflict(self):
        pair = labelling(0, 7, 1, 0.6), labelling(1, 7, 1, 0.7)
        for conflict in pools.CONFLICTS:
            self.assertEqual(self.settle(*pair, conflict=conflict), [True] * 2)


class PoolTest(absltest.TestCase):
    def pool(self, size=4, count=10):
        labels = np.full(count, -1)
        labels[:2] = 0, 1
        return pools.Pool(labels, size, seed=0)

    def advance(self, pool, first, second):
        """Each view gives class 1 to a member, or to none."""
        posteriors = np.full((2, len(pool.members), 2), 0.5)
        for view, row in enumerate((first, second)):
            posteriors[view, row] = 0.1, 0.9
        pool.advance(np.log(posteriors), [0, 1], "drop")

    def test_is_filled_with_unlabelled_examples(self):
        pool = self.pool()
        before = list(pool.members)
        self.assertLen(set(before), 4)
        self.assertNoCommonElements(before, [0, 1])
        self.advance(pool, 0, 2)
        self.assertLen(set(pool.members), 4)
        self.assertContainsSubset([before[1], before[3]], pool.members)
        self.assertEqual(
            set(np.flatnonzero(pool.labels == 1)), {1} | {before[0], before[2]}
        )
        self.assertTrue(np.all(pool.labels[pool.members] < 0))

    def test_a_label_that_both_give_counts_once(self):
        pool = self.pool()
        example = pool.members[3]
        self.advance(pool, 3, 3)
        self.assertEqual(pool.labels[example], 1)
        self.assertEqual((pool.labels >= 0).sum(), 3)
        self.assertEqual([one.view for one in pool.log], [0, 1])

    def test_a_conflict_leaves_no_label_and_can_come_again(self):
        pool = self.pool(size=8)
        example = pool.members[0]
        posteriors = np.full((2, 8, 2), 0.5)
        posteriors[0, 0], posteriors[1, 0] = (0.9, 0.1), (0.1, 0.9)
        pool.advance(np.log(posteriors), [1, 1], "drop")
        about = [one for one in pool.log if one.example == example]
        self.assertEqual([one.label for one in about], [0, 1])
        self.assertFalse(any(one.is_kept for one in about))
        self.assertEqual(pool.labels[example], -1)
        # All others are labelled or in the pool: it is drawn again.
        self.assertIn(example, pool.members)

    def test_ends_when_nothing_is_left(self):
        pool = self.pool(count=5)
        for _ in range(3):
            self.assertNotEmpty(pool.members)
            self.advance(pool, 0, 0)
        self.assertEmpty(pool.members)

    def test_goes_on_from_its_state_as_if_nothing_had_been(self):
        one, other = self.pool(count=40), self.pool(count=40)
        self.advance(one, 1, 2)
        other.restore(json.loads(json.dumps(one.state())))
        for pool in (one, other):
            self.advance(pool, 0, 3)
            self.advance(pool, 2, 2)
        self.assertEqual(one.state(), other.state())
        self.assertEqual(one.log, other.log)


if __name__ == "__main__":
    absltest.main()
