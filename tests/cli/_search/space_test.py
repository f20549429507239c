import dataclasses

import keras
import keras_tuner
import numpy as np
import pytest
from absl.testing import absltest

from keras_kd import search
from keras_kd.cli._search import found_files
from keras_kd.cli._search import space
from keras_kd.cli._search.settings import SearchSettings
from keras_kd.cli._search.settings import resolve
from keras_kd.cli._shell.settings import Settings
from keras_kd.search.knobs import is_searched
from tests.cli import small_jobs


def knobs(**given):
    settings = SearchSettings(**given)
    return space.knobs(resolve(settings), settings)


def hypermodel(test, **given):
    settings = SearchSettings(**given)
    bench = small_jobs.bench(alternatives=resolve(settings))
    bench = small_jobs.with_answers(test, bench)
    return space.FlagHyperModel(bench, settings)


def tried(made, **values):
    """Settings of a trial with some values, and names of all its knobs."""
    hp = keras_tuner.HyperParameters()
    made.values(hp)
    hp.values |= values
    hp.ensure_active_values()
    return Settings(**made.values(hp)), {knob.name for knob in hp.space}


class KnobsTest(absltest.TestCase):
    def test_starts_from_the_defaults_of_the_methods(self):
        found, conditions = knobs(
            methods=("soft_targets", "hints_and_soft_targets")
        )
        self.assertEqual(
            {name: knob.default for name, knob in found.items()},
            {
                "method": "soft_targets",
                "temperature": 8.0,
                "loss_weight": 1.0,
                "student_loss_weight": 0.1,
                "learning_rate": 0.01,
            },
        )
        self.assertEqual(str(found["loss_weight"]), "0.1 to 10 (log)")
        self.assertEqual(str(found["temperature"]), "1 to 20 (log)")
        self.assertEmpty(conditions)

    def test_different_ranges_are_knobs_of_their_own(self):
        found, conditions = knobs(methods=("soft_targets", "hints"))
        self.assertEqual(
            {name: conditions.get(name) for name in found},
            {
                "method": None,
                "temperature": ("method", ("soft_targets",)),
                "soft_targets.loss_weight": ("method", ("soft_targets",)),
                "hints.loss_weight": ("method", ("hints",)),
                "soft_targets.student_loss_weight": (
                    "method",
                    ("soft_targets",),
                ),
                "hints.student_loss_weight": ("method", ("hints",)),
                "learning_rate": None,
            },
        )
        self.assertEqual(str(found["hints.loss_weight"]), "1 to 100 (log)")

    def test_fixes_what_was_given_and_labels_that_do_not_count(self):
        found, _ = knobs(methods=("probability_regression",), loss_weight=3.0)
        searched = {name for name, knob in found.items() if is_searched(knob)}
        self.assertEqual(searched, {"learning_rate"})
        self.assertEqual(found["loss_weight"], 3.0)
        self.assertEqual(found["student_loss_weight"], 0.0)

    def test_some_widths_are_a_knob_and_one_is_fixed(self):
        settings = SearchSettings(methods=("soft_targets",))
        for widths, default in (
            ((2, 3, 4), 4),
            ((2, 8, 12), 8),
            ((12, 16), 12),
        ):
            found, _ = space.knobs(resolve(settings), settings, widths)
            self.assertEqual(found["width"].values, widths)
            self.assertEqual(found["width"].default, default)
        found, _ = space.knobs(resolve(settings), settings, (2,))
        self.assertEqual(found["width"], 2)

    def test_a_grid_has_three_values_of_each(self):
        found, _ = knobs(methods=("soft_targets",), tuner="grid")
        self.assertEqual(
            found["learning_rate"],
            search.Choice(
                (0.001, 0.01, 0.1),
                default=0.01,
                reason=found["learning_rate"].reason,
            ),
        )


class ChooseTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.enter_context(small_jobs.small())

    def test_describes_all(self):
        made = hypermodel(
            self, methods=("hints", "soft_targets"), temperature=2.0
        )
        rows = found_files.described(made)
        self.assertEqual(rows[0], ("method", "hints, soft_targets", ""))
        self.assertEqual(
            rows[1], ("temperature", "2 (fixed)", "for soft_targets: ")
        )

    def test_only_the_knobs_of_the_method_count(self):
        both = hypermodel(self, methods=("soft_targets", "hints"))
        soft, names = tried(both, temperature=3.0)
        self.assertEqual((soft.method, soft.temperature), ("soft_targets", 3.0))
        self.assertLen(names, 7)
        hints, _ = tried(both, **{"method": "hints", "hints.loss_weight": 7.0})
        self.assertEqual(
            (hints.method, hints.temperature, hints.loss_weight),
            ("hints", None, 7.0),
        )

    def test_fixed_values_reach_every_trial(self):
        one = hypermodel(self, methods=("soft_targets",), temperature=2.0)
        chosen, names = tried(one, loss_weight=5.0)
        self.assertEqual((chosen.temperature, chosen.loss_weight), (2.0, 5.0))
        self.assertNotIn("temperature", names)
        self.assertNotIn("method", names)

    def test_settings_can_be_read_back_from_the_values_that_counted(self):
        both = hypermodel(self, methods=("soft_targets", "hints"))
        values = {
            "method": "hints",
            "hints.loss_weight": 7.0,
            "hints.student_loss_weight": 0.5,
            "learning_rate": 0.02,
        }
        self.assertEqual(both.settings(values), tried(both, **values)[0])


class TrialTest(absltest.TestCase):
    """One student, which the rest of the command line could train too."""

    def setUp(self):
        super().setUp()
        self.enter_context(small_jobs.small())
        self.made = hypermodel(
            self,
            methods=("hints_and_soft_targets",),
            epochs=2,
            fraction=0.5,
            batch_size=24,
            seeds=2,
        )

    def train(self, callbacks=(), **options):
        hp = keras_tuner.HyperParameters()
        distiller = self.made.build(hp)
        score = self.made.fit(hp, distiller, callbacks, **options)
        return distiller, score["val_accuracy"]

    @pytest.mark.slow
    def test_is_what_the_bench_trains_with_these_settings(self):
        settings = self.made.settings(
            {
                "temperature": 8.0,
                "loss_weight": 1.0,
                "student_loss_weight": 0.1,
                "learning_rate": 0.01,
            }
        )
        bench = self.made.bench.with_settings(settings)
        expected = bench.train("distilled", 0.01, space.FIRST_SEED)
        distiller, score = self.train()
        for ours, theirs in zip(
            distiller.student.get_weights(),
            expected.model.get_weights(),
            strict=True,
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
        self.assertEqual(score, expected.history["val_accuracy"][-1])
        saved = self.made.best_student(distiller, {})
        for ours, theirs in zip(
            saved.get_weights(), expected.saved.get_weights(), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)

    @pytest.mark.slow
    def test_each_trial_has_each_seed(self):
        seeds = [self.made.seed]
        first, _ = self.train(epochs=1)
        seeds.append(self.made.seed)
        second, _ = self.train(epochs=1)
        self.assertEqual(seeds, [3000, 3001])
        self.assertEqual(self.made.seed, 3000)
        third, _ = self.train(epochs=1)
        first, second, third = (
            one.student.get_weights()[0] for one in (first, second, third)
        )
        np.testing.assert_allclose(third, first, rtol=1e-4, atol=1e-6)
        self.assertGreater(np.abs(second - first).max(), 1e-3)

    def test_what_is_kept_is_what_was_scored(self):
        seen = []
        callback = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: seen.append(
                (epoch, logs["val_accuracy"])
            )
        )
        _, score = self.train([callback])
        self.assertEqual(seen, [(1, score)])

    def test_a_part_of_the_epochs_has_the_rates_of_the_whole(self):
        distiller, _ = self.train(epochs=1)
        # Two batches an epoch, and two epochs until the rate is zero.
        self.assertEqual(int(distiller.optimizer.iterations.numpy()), 2)
        self.assertAlmostEqual(
            float(distiller.optimizer.learning_rate), 0.005, places=6
        )


class BenchTest(absltest.TestCase):
    def test_names_the_flag_that_chose_the_methods(self):
        bench = small_jobs.bench(
            alternatives=resolve(
                SearchSettings(methods=("hints", "soft_targets"))
            )
        )
        self.assertEqual(bench.method_flag, "--methods=hints,soft_targets")
        hints, _ = bench.variants()
        self.assertEqual(hints.method_flag, "--method=hints")
        self.assertLen(bench.cached_losses(), 2)
        one = dataclasses.replace(bench, alternatives=())
        self.assertLen(one.variants(), 1)


if __name__ == "__main__":
    absltest.main()
