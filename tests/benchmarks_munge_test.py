"""The rule by which MUNGE's defaults are chosen."""

import itertools
from unittest import mock

import pytest
from absl.testing import absltest

from benchmarks import munge_defaults as munge
from benchmarks import munge_tables
from tests import support


def results_of(error):
    """Results whose errors are a function of set, setting, seed and part."""
    seeds = (*munge.CHOOSING, *munge.CHECKING)
    return {
        (name, arm, seed): {
            part: [error(name, arm, seed, part), 1.0]
            for part in munge_tables.PARTS
        }
        for name, arm, seed in itertools.product(
            "ab", (munge.NONE, *munge.GRID), seeds
        )
    }


class RuleTest(absltest.TestCase):
    def test_the_smallest_geometric_mean_of_relative_errors_is_chosen(self):
        def error(name, arm, seed, part):
            scale = 10.0 if name == "b" else 1.0
            # Products .8, .9 and 1; the arithmetic means would choose the
            # second, absolute errors the third.
            factors = {
                munge.GRID[0]: (1.6, 0.5),
                munge.GRID[1]: (0.9, 1.0),
                munge.GRID[2]: (2.5, 0.4),
            }
            one, two = factors.get(arm, (1.0, 1.0))
            return scale * (two if name == "b" else one)

        results = results_of(error)
        self.assertEqual(munge.choose(results, "ab"), munge.GRID[0])
        self.assertAlmostEqual(
            munge.score(results, "ab", munge.GRID[0]), 0.8**0.5
        )

    def test_neither_test_parts_nor_other_splits_take_part(self):
        def error(name, arm, seed, part):
            is_seen = part == "validation" and seed in munge.CHOOSING
            best = munge.GRID[3] if is_seen else munge.GRID[4]
            return 0.5 if arm == best else 1.0

        self.assertEqual(munge.choose(results_of(error), "ab"), munge.GRID[3])

    def test_the_table_has_mean_and_spread_of_the_other_splits(self):
        def error(name, arm, seed, part):
            if part == "test" and seed in munge.CHECKING:
                return {3: 1.0, 4: 2.0, 5: 3.0}[seed]
            return 100.0

        table = munge.table(results_of(error), "a", munge.GRID[3])
        self.assertIn("2.0000 ± 1.0000", table)
        self.assertNotIn("100", table)

    @pytest.mark.slow
    def test_a_tiny_run_trains_each_arm_and_chooses_of_the_grid(self):
        said = []
        with (
            mock.patch.object(munge, "GRID", munge.GRID[:2]),
            mock.patch.object(munge, "CHOOSING", (0,)),
            mock.patch.object(munge, "CHECKING", (1, 2)),
        ):
            chosen = munge.run(
                support.folder(self),
                ["diabetes", "iris"],
                updates=2,
                most_rows=40,
                units=2,
                say=said.append,
            )
        self.assertIn(chosen, munge.GRID[:2])
        # One set chooses among three arms; both are tested, twice, in three.
        self.assertLen([x for x in said if x.startswith("[")], 3 + 2 * 2 * 3)
        self.assertRegex(said[-1], r"\| iris +\| 0\.\d{4} ± 0\.\d{4} \|")


class SelectTest(absltest.TestCase):
    def test_the_ensemble_is_that_of_the_smallest_error(self):
        class Model:
            def __init__(self, answers):
                self.answers = answers

            def predict_proba(self, x):
                return munge_tables.np.array(self.answers)

        # Of one class each, and the truth is of both: half and half is best.
        models = [Model([[1.0, 0.0]] * 2), Model([[0.0, 1.0]] * 2)]
        votes = munge_tables.select(models, None, [0, 1])
        self.assertEqual([count for count, _ in votes], [10, 10])


if __name__ == "__main__":
    absltest.main()
