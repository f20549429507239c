import dataclasses

import numpy as np
from absl.testing import absltest

from keras_kd import search


def trials(score, count=40, **more):
    """Trials with two numbers and a kind, and a score from them."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(count):
        knobs = {
            "rate": float(10 ** rng.uniform(-3, -1)),
            "width": float(rng.uniform(1, 9)),
            "kind": str(rng.choice(["a", "b", "c"])),
        }
        value = score(knobs, rng)
        found.append(
            search.TrialResult(
                str(number), number, "COMPLETED", value, knobs, **more
            )
        )
    return found


class ImportanceTest(absltest.TestCase):
    def test_the_knob_that_decides_has_the_largest_share(self):
        found = search.importance(
            trials(
                lambda knobs, _: np.log(knobs["rate"]) + 0.1 * knobs["width"]
            )
        )
        self.assertEqual(list(found.shares)[0], "rate")
        self.assertGreater(found.shares["rate"], 0.7)
        self.assertLess(found.shares["kind"], 0.1)
        self.assertAlmostEqual(sum(found.shares.values()), 1.0)
        self.assertGreater(found.explained, 0.5)
        self.assertStartsWith(str(found), "rate ")

    def test_a_kind_can_decide(self):
        values = {"a": 0.1, "b": 0.9, "c": 0.2}
        found = search.importance(trials(lambda k, _: values[k["kind"]]))
        self.assertGreater(found.shares["kind"], 0.9)

    def test_epochs_that_the_tuner_chose_are_told_apart(self):
        few = trials(lambda _, rng: rng.uniform(0, 0.1), epochs=2)
        many = trials(lambda _, rng: rng.uniform(0.9, 1), epochs=9)
        found = search.importance(few + many)
        self.assertEqual(list(found.shares)[0], "epochs")
        self.assertGreater(found.shares["epochs"], 0.7)

    def test_a_trial_that_went_astray_does_not_outweigh_the_others(self):
        found = trials(lambda knobs, _: np.log(knobs["rate"]))
        astray = dataclasses.replace(found[7], score=-1e6)
        found[7] = astray
        self.assertGreater(search.importance(found).shares["rate"], 0.8)

    def test_noise_is_no_importance(self):
        found = search.importance(trials(lambda _, rng: rng.uniform()))
        self.assertEqual(found.shares, {})
        self.assertRegex(str(found), "In 40 trials no knob tells the score")
        self.assertIsNone(found.explained)

    def test_too_few_trials_are_said(self):
        few = trials(lambda knobs, _: knobs["rate"], count=9)
        failed = search.TrialResult("9", 9, "FAILED", None, {"rate": 1.0})
        self.assertEqual(
            str(search.importance([*few, failed])),
            "9 trials are too few to tell: it takes 10.",
        )

    def test_equal_scores_or_knobs_are_said(self):
        same = trials(lambda *_: 0.5)
        self.assertRegex(str(search.importance(same)), "have the same scores")
        one = search.TrialResult("0", 0, "COMPLETED", 0.5, {"rate": 1.0})
        self.assertRegex(str(search.importance([one] * 12)), "the same knobs")

    def test_a_knob_may_count_in_a_part_of_the_trials(self):
        found = trials(lambda knobs, _: knobs["width"])
        for one in found[::2]:
            del one.knobs["kind"]
        self.assertGreater(search.importance(found).shares["width"], 0.8)


if __name__ == "__main__":
    absltest.main()
