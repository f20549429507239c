import contextlib
import io
import math
from unittest import mock

import numpy as np
from absl.testing import absltest

from benchmarks import arm_rates


class ArmRatesTest(absltest.TestCase):
    def test_false_claims_are_rare_where_one_variance_makes_many(self):
        # Three seeds, of which those of the student alone are unsteady.
        repetitions = 200
        rates = arm_rates.simulate("alone x 3", 8, 3, repetitions)
        limit = 0.05 + 4 * math.sqrt(0.05 * 0.95 / repetitions)
        self.assertLess(max(rates[arm_rates.OURS][:2]), limit)
        self.assertGreater(rates[arm_rates.COMMON][0], 0.05)

    def test_margins_are_narrower_than_those_of_two_at_a_time(self):
        rates = arm_rates.simulate("alike", 8, 3, 20)
        ours, own = (rates[rule][2] for rule in (arm_rates.OURS, arm_rates.OWN))
        self.assertLess(ours, 0.7 * own)

    def test_arms_are_equally_right(self):
        random = np.random.default_rng(0)
        moves = arm_rates.luck("alike", random, 3, 2, 400)
        found = arm_rates.answers(moves, random)
        # An image's standard error and a seed's, over 400 tables.
        error = math.sqrt((0.7 * 0.3 / 300 + 0.02**2 / 2) / 400)
        np.testing.assert_allclose(
            found.mean(axis=(0, 2, 3)), arm_rates.ACCURACY, atol=4 * error
        )

    def test_a_tiny_run_writes_a_table(self):
        printed = io.StringIO()
        with (
            mock.patch.object(arm_rates, "METHODS", (2,)),
            mock.patch.object(arm_rates, "SEEDS", (2,)),
            contextlib.redirect_stdout(printed),
        ):
            arm_rates.main(["--repetitions=3"])
        self.assertIn("| alone x 3 | 2 | 2 |", printed.getvalue())
        self.assertIn("Largest false rate, keras_kd", printed.getvalue())

    def test_rejects_no_repetitions(self):
        error = io.StringIO()
        with contextlib.redirect_stderr(error), self.assertRaises(SystemExit):
            arm_rates.main(["--repetitions=0"])
        self.assertRegex(error.getvalue(), "at least 1.*Received: 0")


if __name__ == "__main__":
    absltest.main()
