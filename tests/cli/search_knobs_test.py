from absl.testing import absltest

from keras_kd import search
from keras_kd.cli import search_knobs
from keras_kd.cli.search_settings import SearchSettings
from keras_kd.cli.search_settings import resolve


def knobs(**given):
    settings = SearchSettings(**given)
    return search_knobs.knobs(resolve(settings), settings)


class KnobsTest(absltest.TestCase):
    def test_starts_from_the_defaults_of_the_methods(self):
        found = knobs(methods=("soft_targets", "hints_and_soft_targets"))
        self.assertEqual(
            {name: one.knob.default for name, one in found.items()},
            {
                "method": "soft_targets",
                "temperature": 8.0,
                "loss_weight": 1.0,
                "student_loss_weight": 0.1,
                "learning_rate": 0.01,
            },
        )
        self.assertEqual(str(found["loss_weight"].knob), "0.1 to 10 (log)")
        self.assertEqual(str(found["temperature"].knob), "1 to 20 (log)")

    def test_different_ranges_are_knobs_of_their_own(self):
        found = knobs(methods=("soft_targets", "hints"))
        self.assertEqual(
            {name: one.methods for name, one in found.items()},
            {
                "method": ("soft_targets", "hints"),
                "temperature": ("soft_targets",),
                "soft_targets.loss_weight": ("soft_targets",),
                "hints.loss_weight": ("hints",),
                "soft_targets.student_loss_weight": ("soft_targets",),
                "hints.student_loss_weight": ("hints",),
                "learning_rate": ("soft_targets", "hints"),
            },
        )
        self.assertEqual(str(found["hints.loss_weight"].knob), "1 to 100 (log)")

    def test_fixes_what_was_given_and_labels_that_do_not_count(self):
        found = knobs(methods=("probability_regression",), loss_weight=3.0)
        searched = {name for name, one in found.items() if one.is_searched}
        self.assertEqual(searched, {"learning_rate"})
        self.assertEqual(found["loss_weight"].knob, 3.0)
        self.assertEqual(found["student_loss_weight"].knob, 0.0)

    def test_a_grid_has_three_values_of_each(self):
        found = knobs(methods=("soft_targets",), tuner="grid")
        self.assertEqual(
            found["learning_rate"].knob,
            search.Choice(
                (0.001, 0.01, 0.1),
                default=0.01,
                reason=found["learning_rate"].knob.reason,
            ),
        )

    def test_describes_all(self):
        rows = search_knobs.described(
            knobs(methods=("hints", "soft_targets"), temperature=2.0)
        )
        self.assertEqual(rows[0], ("method", "hints, soft_targets", ""))
        self.assertEqual(
            rows[1], ("temperature", "2 (fixed)", "for soft_targets: ")
        )


if __name__ == "__main__":
    absltest.main()
