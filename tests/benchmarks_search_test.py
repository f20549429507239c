import contextlib
import io

import numpy as np
import pytest
from absl.testing import absltest

from benchmarks import scaling
from benchmarks import search_cost

OURS, THEIRS = search_cost.OURS, search_cost.THEIRS


class SearchCostTest(absltest.TestCase):
    def test_the_cache_counts_and_first_batches_are_apart(self):
        found = search_cost.summary(
            {"median": 4.0},
            2.0,
            {OURS: [3.0, 5.0], THEIRS: [12.0, 18.0]},
            {OURS: np.array([1.0, 1.0]), THEIRS: np.array([2.0, 2.0])},
        )
        # Half of the cache to each trial: 4 and 6. Together 30 / 10.
        self.assertEqual(found["theirs by ours"], 3.0)
        self.assertEqual(found["trial by trial"]["median"], 3.0)
        # 10 + 16 by 3 + 5.
        self.assertEqual(found["without first batches"], 3.25)

    @pytest.mark.slow
    def test_a_tiny_run_times_every_trial_of_both(self):
        with contextlib.redirect_stdout(io.StringIO()):
            found = search_cost.run(
                2, batches=2, epochs=1, teacher_units=8, inputs=6, rounds=2
            )
        for who in (OURS, THEIRS):
            self.assertLen(found["seconds"][who], 2)
            self.assertLen(found["first batches, seconds"][who], 2)
            self.assertGreater(min(found["first batches, seconds"][who]), 0)


class ScalingTest(absltest.TestCase):
    def test_ratios_are_to_the_median_of_one_device(self):
        seconds = {
            scaling.ONE: {"wall": [1.0, 2.0, 3.0], "cpu": [2.0, 2.0, 2.0]},
            scaling.WORKERS: {"wall": [4.0, 4.0, 8.0], "cpu": [3.0, 3.0, 3.0]},
        }
        found = scaling.ratios(seconds)
        self.assertEqual(found[scaling.ONE]["wall"]["median"], 1.0)
        self.assertEqual(found[scaling.WORKERS]["wall"]["median"], 2.0)
        self.assertEqual(found[scaling.WORKERS]["cpu"]["median"], 1.5)


if __name__ == "__main__":
    absltest.main()
