import contextlib
import io
import json
import math
import pathlib
import tempfile
from unittest import mock

import numpy as np
from absl.testing import absltest

from benchmarks import verdict_rates
from tests import reference

CASE = verdict_rates.CASES[1]  # Half a point, 20 % in dispute.


def expected_rates(share, repetitions):
    """A share and four standard errors of it."""
    return share + 4 * math.sqrt(share * (1 - share) / repetitions)


class VerdictRatesTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.repetitions = 500
        cls.rates = verdict_rates.simulate(300, cls.repetitions, (CASE,), (10,))

    def test_false_claims_are_rare(self):
        limit = expected_rates(0.025, self.repetitions)
        for side in self.rates[CASE, 10, 0.0]:
            self.assertLess(side[verdict_rates.OURS], limit)
            # The luck of the images, which seeds alone do not know: it must
            # be seen here.
            self.assertGreater(side[verdict_rates.ALONE], limit)

    def test_power_is_that_of_the_formula(self):
        small, large = (self.rates[CASE, 10, gain][0] for gain in (0.01, 0.03))
        for side in (small, large):
            self.assertEqual(
                side[verdict_rates.OURS], side[verdict_rates.FORMULA]
            )
        self.assertGreater(large[verdict_rates.OURS], small[verdict_rates.OURS])


class DifferencesTest(absltest.TestCase):
    def test_have_the_gain_and_the_share_in_dispute(self):
        random = np.random.default_rng(0)
        scores = random.standard_normal((2, 2, 500_000), "float32")
        gains = np.array([[0.03, -0.03], [0.1, 0.0]])
        found = verdict_rates.differences(scores, gains, 0.05)
        # Four standard errors of a share of at most .1.
        error = 4 * math.sqrt(0.1 / 500_000)
        np.testing.assert_allclose(found.mean(axis=-1), gains, atol=error)
        np.testing.assert_allclose(
            (found != 0).mean(axis=-1), [[0.05, 0.05], [0.1, 0.05]], atol=error
        )

    def test_all_ways_to_ask_agree_with_the_reference(self):
        random = np.random.default_rng(0)
        tables = random.choice([-1, 0, 0, 1, 1], (200, 3, 60)).astype("int8")
        intervals = [
            reference.two_way_interval(one < 0, one > 0) for one in tables
        ]
        expected = [(low > 0) * 1 - (high < 0) for _, low, high in intervals]
        self.assertLen(set(expected), 2)
        for says in (
            verdict_rates.library_says(tables),
            verdict_rates.formula_says(tables)[0],
            [verdict_rates.sentence_says(one) for one in tables],
        ):
            np.testing.assert_array_equal(says, expected)


class DigitsTest(absltest.TestCase):
    def test_margins_are_those_of_the_expected_mean_squares(self):
        rows = verdict_rates.digits(2_000)
        m, n, *_, margin = rows[-1]
        self.assertEqual((m, n), (10_000, 10))
        # With 10 seeds the median mean square is 8.34 / 9 of its mean, that of
        # chi-squared with 9 degrees of freedom; 10,000 images leave little.
        seed, image, rest = np.square(verdict_rates.DIGITS)
        both = 2.262**2 * (seed * 8.343 / 9 + rest / m) / n
        self.assertAlmostEqual(
            margin, math.sqrt(both + 1.96**2 * image / m), delta=2e-4
        )


class MainTest(absltest.TestCase):
    def test_a_tiny_run_writes_tables_and_json(self):
        directory = self.enterContext(tempfile.TemporaryDirectory())
        path = pathlib.Path(directory, "rates.json")
        printed = io.StringIO()
        with (
            mock.patch.object(verdict_rates, "IMAGES", (50,)),
            mock.patch.object(verdict_rates, "DIGITS_DRAWS", 100),
            contextlib.redirect_stdout(printed),
        ):
            verdict_rates.main(["--repetitions=20", f"--output={path}"])
        self.assertIn("| 50, normal, 0.5, 5 % | 2 |", printed.getvalue())
        self.assertIn("Largest false rate, keras_kd", printed.getvalue())
        cells = json.loads(path.read_text())["cells"]
        self.assertLen(cells, 5 * 3)

    def test_rejects_no_repetitions(self):
        error = io.StringIO()
        with (
            contextlib.redirect_stderr(error),
            self.assertRaises(SystemExit),
        ):
            verdict_rates.main(["--repetitions=0"])
        self.assertRegex(error.getvalue(), "at least 1.*Received: 0")


if __name__ == "__main__":
    absltest.main()
