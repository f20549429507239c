import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import report
from tests import reference


class PairedIntervalTest(parameterized.TestCase):
    @parameterized.parameters(0.9, 0.95, 0.99)
    def test_equals_the_reference(self, level):
        differences = np.random.default_rng(0).normal(0.02, 0.01, size=7)

        actual = report.paired_interval(differences, level)

        expected = reference.t_interval(differences, level)
        np.testing.assert_allclose(
            (actual.mean, actual.low, actual.high), expected, rtol=1e-12
        )
        self.assertEqual((actual.count, actual.level), (7, level))

    def test_golden_value(self):
        # Mean 2, deviation sqrt(2), over two values 1 and 3: the standard
        # error is 1, and the quantile of t with one degree of freedom, which
        # is Cauchy's, is tan(.475 pi) = 12.7062.
        actual = report.paired_interval([1.0, 3.0])
        self.assertAlmostEqual(actual.low, 2 - 12.7062, places=4)
        self.assertAlmostEqual(actual.high, 2 + 12.7062, places=4)

    def test_has_no_width_where_all_differences_are_equal(self):
        actual = report.paired_interval([0.25, 0.25, 0.25])
        self.assertEqual((actual.low, actual.high), (0.25, 0.25))

    @parameterized.named_parameters(("none", []), ("one", [0.5]))
    def test_rejects_too_few_differences(self, differences):
        with self.assertRaisesRegex(
            ValueError, r"at least 2 entries.*Received: differences=\["
        ):
            report.paired_interval(differences)

    def test_rejects_nan(self):
        with self.assertRaisesRegex(
            ValueError, r"must be finite.*Received: differences=\[0.1, nan\]"
        ):
            report.paired_interval([0.1, float("nan")])

    @parameterized.parameters(0.0, 1.0, 95.0)
    def test_rejects_level(self, level):
        with self.assertRaisesRegex(
            ValueError, f"between 0 and 1.*Received: level={level}"
        ):
            report.paired_interval([0.1, 0.2], level)


class CompareTest(absltest.TestCase):
    def test_is_treated_minus_baseline(self):
        actual = report.compare([0.5, 0.6], [0.6, 0.9])
        self.assertAlmostEqual(actual.mean, 0.2)

    def test_pairs_by_position(self):
        # Seeds differ by far more than the gain, which is .01 in each.
        baseline = np.array([0.2, 0.5, 0.8])
        self.assertGreater(report.compare(baseline, baseline + 0.01).low, 0)

    def test_rejects_different_lengths(self):
        with self.assertRaisesRegex(
            ValueError, "equally many.*Received: 2 and 3 entries"
        ):
            report.compare([0.1, 0.2], [0.1, 0.2, 0.3])


class VerdictTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("gain", [0.02, 0.03, 0.025], "helped over"),
        ("harm", [-0.02, -0.03, -0.025], "did harm against"),
        ("chance", [0.02, -0.03, 0.025], "showed no clear gain over"),
        ("nothing", [0.0, 0.0, 0.0], "showed no clear gain over"),
    )
    def test_says_what_the_interval_allows(self, differences, words):
        sentence = report.verdict(report.paired_interval(differences))
        self.assertStartsWith(sentence, f"Distillation {words} the student")

    def test_gives_figures_in_points(self):
        interval = report.Interval(0.057, 0.042, 0.072, 0.95, 5)
        self.assertEqual(
            report.verdict(interval, "X", "Y"),
            "X helped over Y: +5.7 points of accuracy, 95 % interval +4.2 to "
            "+7.2 over 5 seeds.",
        )


if __name__ == "__main__":
    absltest.main()
