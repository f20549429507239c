import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import report


def tables(num_seeds, num_examples, gained, lost=0):
    """Right and wrong of two arms; some seeds gain or lose one more.

    Args:
        num_seeds: Rows.
        num_examples: Columns, half of which the control gets right.
        gained: How many of the others the first seed gains.
        lost: How many of the first half it loses.
    """
    columns = np.arange(num_examples)
    alone = np.tile(columns < num_examples // 2, (num_seeds, 1))
    more = np.arange(num_seeds)[:, None] % 2
    wins = columns >= num_examples - gained - more
    losses = columns < lost + more
    return alone, np.where(alone, ~losses, wins)


def verdict(*given, **options):
    return report.verdict(report.compare(*tables(*given)), **options)


class VerdictTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("gain", (3, 400, 40), "helped over"),
        ("harm", (3, 400, 0, 40), "did harm against"),
        ("neither", (5, 4_000, 6, 6), "showed no clear gain over"),
    )
    def test_says_what_the_interval_allows(self, given, words):
        self.assertStartsWith(
            verdict(*given), f"Distillation {words} the student alone: "
        )

    def test_gives_figures_in_points(self):
        found = report.compare(*tables(3, 400, 40), comparisons=2)
        # 40, 41 and 40 of 400 are gained, and 0, 1 and 0 lost.
        self.assertEqual(
            report.verdict(found, "X", "Y"),
            "X helped over Y: +10.0 points of accuracy, 95 % interval "
            f"{100 * found.low:+.1f} to {100 * found.high:+.1f} over 3 seeds "
            "and 400 test examples, corrected for 2 comparisons.",
        )

    def test_names_the_images_that_are_too_few(self):
        # Seeds are nearly alike, and 60 of 400 examples are in dispute.
        self.assertRegex(
            verdict(3, 400, 30, 30),
            "Distillation against the student alone: too few test examples to "
            r"tell, \+0.0 points of .* over 3 seeds and 400 test examples, "
            r"which includes zero. About [\d,]+ test examples would do for an "
            "interval of 1 point to either side.",
        )

    def test_names_the_seeds_that_are_too_few(self):
        # Of 4000 examples a quarter is lost for one seed, gained for others.
        alone, distilled = tables(3, 4_000, 0)
        distilled[0] = alone[0] & (np.arange(4_000) % 4 > 0)
        distilled[1:] = alone[1:] | (np.arange(4_000) % 4 < 1)
        self.assertRegex(
            report.verdict(report.compare(alone, distilled)),
            "too few seeds to tell.*More than 100 seeds and 1,000,000 test "
            "examples would be needed",
        )

    def test_numbers_that_would_do_are_those_of_the_spread(self):
        found = report.compare(*tables(2, 300, 12, 8))
        seeds, examples = found.spread.enough(0.02)
        numbers = f"{seeds} seeds" if seeds > 2 else ""
        if examples > 300:
            numbers += f"{' and ' if numbers else ''}{examples:,} test examples"
        self.assertIn(
            f"About {numbers} would do for an interval of 2 points",
            report.verdict(found, smallest_gain=0.02),
        )

    def test_a_wide_interval_without_zero_is_not_too_few(self):
        found = report.compare(*tables(3, 60, 20))
        self.assertGreater(found.margin, 0.01)
        self.assertIn(" helped ", report.verdict(found))

    def test_the_smallest_gain_decides_what_is_too_few(self):
        found = report.compare(*tables(3, 400, 30, 30))
        self.assertBetween(found.margin, 0.01, 0.1)
        self.assertIn("too few", report.verdict(found))
        self.assertIn(
            "showed no clear gain", report.verdict(found, smallest_gain=0.1)
        )

    def test_one_seed_is_always_too_few(self):
        self.assertRegex(
            verdict(1, 400, 200),
            r"too few seeds to tell, \+50.0 points of accuracy over 1 seed and "
            "400 test examples. One seed shows no spread; about 5 would do.",
        )

    def test_less_than_six_in_dispute_are_always_too_few(self):
        # 5 of 200 for each of three seeds, and a sixth for the second one.
        alone, distilled = tables(1, 200, 5)
        three = [np.repeat(table, 3, axis=0) for table in (alone, distilled)]
        found = report.compare(*three)
        self.assertGreater(found.low, 0)
        self.assertRegex(
            report.verdict(found),
            r"too few test examples to tell, \+2.5 points .*They differ on 5 "
            "of these, and must differ on 6 at least: about 240 would do.",
        )
        three[1][1, :] = tables(1, 200, 6)[1]
        self.assertIn(" helped ", report.verdict(report.compare(*three)))

    def test_arms_that_agree_everywhere_are_too_few(self):
        self.assertEndsWith(
            verdict(1, 40, 0)
            and report.verdict(report.compare([[1, 0]] * 2, [[1, 0]] * 2)),
            "They differ on 0 of these, and must differ on 6 at least.",
        )

    def test_caps_the_examples_that_would_do(self):
        scores = np.zeros((2, 200_000), "bool")
        other = scores.copy()
        other[:, 0] = True
        self.assertIn(
            "more than 1,000,000 are needed",
            report.verdict(report.compare(scores, other)),
        )

    @parameterized.parameters(0, -0.01, math.nan, "1")
    def test_rejects_smallest_gain(self, value):
        with self.assertRaisesRegex(
            ValueError, f"`smallest_gain` must be.*smallest_gain={value!r}"
        ):
            verdict(2, 40, 5, smallest_gain=value)


class SeedsOnlyTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("gain", [0.02, 0.03, 0.025]),
        ("harm", [-0.02, -0.03, -0.025]),
        ("chance", [0.02, -0.03, 0.025]),
        # Two seeds with one more of 40 images right each.
        ("equal", [0.025, 0.025]),
    )
    def test_claims_nothing(self, differences):
        sentence = report.verdict(report.paired_interval(differences))
        for claim in ("helped", "did harm", "no clear gain"):
            self.assertNotIn(claim, sentence)
        self.assertIn("does not count the luck of the test examples", sentence)
        self.assertIn("(seeds, examples)", sentence)

    def test_gives_figures_in_points(self):
        interval = report.Interval(0.057, 0.042, 0.072, 0.95, 5)
        self.assertStartsWith(
            report.verdict(interval, "X", "Y"),
            "X against Y: +5.7 points of accuracy, 95 % interval +4.2 to +7.2 "
            "over 5 seeds.",
        )


if __name__ == "__main__":
    absltest.main()
